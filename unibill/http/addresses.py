"""Where requests may go: base URLs that are fit for credentials, proxies, and the target that a request's line says."""

import ipaddress
import re
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from unibill.errors import ConfigurationError

_LAST_PORT: Final = 65535
_LONGEST_LABEL: Final = 63
"""Characters of a host's name between two points, as the domain name system has it."""
_PLAIN: Final = re.compile(r"(?:[A-Za-z0-9_~/?&=+.-]|%[0-9A-Fa-f]{2}){1,4000}")
"""What stands in an address as it is, whoever reads it."""


def check_base_url(base_url: str) -> None:
    """Refuse addresses to which credentials must not go.

    Raises:
        ConfigurationError: not http or https, no host, user information or a query in it, or plain http to another machine.
    """
    if any(mark in base_url for mark in "@?#"):
        raise ConfigurationError("base_url must hold no user name, password, query or fragment; credentials have settings of their own")
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, UnicodeError):
        url = httpx.URL()
    has_host = url.host and "%" not in url.host and all(len(label) <= _LONGEST_LABEL for label in url.raw_host.split(b"."))
    if url.scheme not in {"http", "https"} or not has_host or (url.port or 0) > _LAST_PORT:
        raise ConfigurationError(f"base_url {base_url!r} is not an address; give one such as https://api.example.com")
    if url.scheme == "http" and not _is_loopback(url.host):
        raise ConfigurationError(f"base_url {base_url!r} is plain http; credentials go over https only, except to this machine itself")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def proxy_to(base_url: str) -> str | None:
    """The proxy that the environment asks for; what goes to this machine goes past every proxy."""
    url = urlsplit(base_url)
    if _is_loopback(url.hostname or "") or proxy_bypass(url.netloc):
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


class Base:
    """A backend's base URL, read once for all its requests.

    Args:
        base_url: one that ``check_base_url`` lets pass.

    Attributes:
        scheme, host, port: of the server; the port is None where it is the scheme's own.
        netloc: host and port, as the header ``Host`` says them.
    """

    def __init__(self, base_url: str) -> None:
        url = httpx.URL(base_url)
        self._text = base_url.rstrip("/")
        self._path = url.raw_path.decode().rstrip("/")
        self.scheme = url.raw_scheme
        self.host = url.raw_host
        self.port = url.port
        self.netloc = url.netloc.decode()
        self.origin = f"{url.scheme}://{self.netloc}"

    def target(self, path: str) -> str:
        """What a request's line says.

        Reading an address costs as much as sending to it, so one that needs no reading is taken as it is.

        Args:
            path: below the base URL, with its query.

        Raises:
            httpx.InvalidURL: no address can hold it.
        """
        if _PLAIN.fullmatch(path) and "/." not in path:
            return self._path + path
        return self.url(path).raw_path.decode()

    def url(self, path: str) -> httpx.URL:
        """The whole address, as httpx reads it. Raises as ``target``."""
        return address(self._text + path)


@lru_cache(maxsize=128)
def address(url: str) -> httpx.URL:
    """An address, read: writes go to the same few again and again.

    Raises:
        httpx.InvalidURL: it is none.
    """
    return httpx.URL(url)
