"""Servers that are not the bottleneck: nginx for pages as fast as they can be asked for, and a small one of our own that takes
its time, for latency. Both are processes of their own, kept to a core of their own."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Final

from tests.benchmarks.frame import ROOT, pinned

_PATIENCE: Final = 20.0
_NGINX: Final = """
daemon off; worker_processes 1; error_log stderr crit; pid {run}/pid; {user}
events {{ worker_connections 512; }}
http {{
  access_log off; default_type application/json; keepalive_requests 100000000; open_file_cache max=20000; sendfile on; tcp_nopush on;
  client_body_temp_path {run}/a; proxy_temp_path {run}/b; fastcgi_temp_path {run}/c; uwsgi_temp_path {run}/d; scgi_temp_path {run}/e;
  server {{
    listen 127.0.0.1:{port}; root {pages};
    location = /v1/credits {{ try_files /$arg_page.json /empty.json; }}
    location /v1/credits/ {{ alias {pages}/; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that answers.

    Attributes:
        base_url: to which an API's paths are appended.
        process: what was started; processes that it started itself count with it.
    """

    base_url: str
    process: "subprocess.Popen[str]"

    def pids(self) -> list[int]:
        """The process and its children."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [self.process.pid, *(int(pid) for pid in (children.read_text().split() if children.exists() else ()))]


@contextmanager
def nginx(pages: Path, core: int | None) -> Iterator[Serving]:
    """Serve pages as BillAgain's credit lists, without any delay.

    Raises:
        RuntimeError: nginx is not installed.
    """
    program = which("nginx") or which("nginx", path="/usr/sbin")
    if program is None:
        raise RuntimeError("nginx is not installed; on Debian: apt-get install nginx-light")
    with TemporaryDirectory() as run:
        port = free_port()
        settings = Path(run, "nginx.conf")
        user = "user root;" if Path(run).stat().st_uid == 0 else ""
        settings.write_text(_NGINX.format(run=run, port=port, pages=pages.resolve(), user=user))
        with serving([program, "-e", "stderr", "-p", run, "-c", str(settings)], port, core) as server:
            yield server


@contextmanager
def slow(pages: Path, core: int | None, latency: float = 0.02) -> Iterator[Serving]:
    """Serve the same pages, each answer so many seconds after its request."""
    port = free_port()
    command = [sys.executable, "-m", "tests.benchmarks.slow_server", str(port), str(latency), f"tests.benchmarks.slow_server:pages:{pages}"]
    with serving(command, port, core) as server:
        yield server


@contextmanager
def serving(command: list[str], port: int, core: int | None, below: str = "/v1") -> Iterator[Serving]:
    """Start a server, wait until it listens, and stop it in the end.

    Raises:
        RuntimeError: it ended, or does not listen.
    """
    process = subprocess.Popen(pinned(command, core), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # noqa: S603 - our own commands
    try:
        patience = time.monotonic() + _PATIENCE
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > patience:
                process.kill()
                raise RuntimeError(f"{command[0]} does not serve: {process.communicate()[1].strip()}")
            time.sleep(0.02)
        yield Serving(f"http://127.0.0.1:{port}{below}", process)
    finally:
        process.terminate()
        process.communicate()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
