"""What a figure was measured on."""

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("httpx", "httpcore", "h11", "pydantic", "msgspec", "pluggy", "sqlalchemy", "typer", "starlette", "uvicorn")


def described(libraries: Iterable[str] = LIBRARIES) -> str:
    """Processor, cores, Python and library versions, as one sentence."""
    installed = ", ".join(f"{name} {found}" for name in libraries if (found := _version(name)))
    return f"{_processor()}, {os.cpu_count()} cores, {platform.python_implementation()} {platform.python_version()}, {installed}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
