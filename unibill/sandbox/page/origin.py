"""Who may use the admin routes: programs, and pages that this server served.

A web page of somebody else must not empty or read a developer's sandbox. Browsers name the page's origin on every request that
changes something; and a foreign name that was made to resolve to this machine (DNS rebinding) shows in ``Host``.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request


def foreign(request: Request) -> str | None:
    """Why a request to an admin route must be refused, as one sentence, or None when it may pass."""
    host = request.headers.get("host", "")
    if not _is_own_name(host):
        return f"the sandbox answers under an address or the name localhost, not as {host!r}"
    origin = request.headers.get("origin")
    if origin is not None and not (origin.startswith(("http://", "https://")) and urlsplit(origin).netloc.lower() == host.lower()):
        return f"the sandbox takes no requests from pages of {origin!r}"
    if request.headers.get("sec-fetch-site") == "cross-site":
        return "the sandbox takes no requests from pages of other sites"
    return None


def _is_own_name(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return "." not in name or name.endswith(".localhost") or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
