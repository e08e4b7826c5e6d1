"""Where requests go: a target that is not read anew says what httpx would have said."""

from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from unibill import flow
from unibill.http.addresses import Base

BASES = [
    "https://api.example.com",
    "https://api.example.com/",
    "http://127.0.0.1:8080/v1",
    "http://[::1]:81/a%20b",
    "https://bücher.example/ü",
]
RAW = st.text(alphabet="az09-._~/:@!$&'()*+,;=%[] \"<>\\^`{|}üé\u2028", max_size=30)
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(lambda text: text not in {".", ".."})
QUERY = st.lists(st.tuples(st.text(max_size=5), st.text(max_size=9)), max_size=3)


@example("https://api.example.com/v1", "/a/../b/./c", [])
@example("https://api.example.com/v1", "/a%zz/50%", [("a", "")])
@given(st.sampled_from(BASES), RAW | st.builds(lambda one, other: flow.path("a/{}/b/{}", one, other), IDS, IDS), QUERY)
def test_a_target_is_what_httpx_makes_of_the_whole_address(base_url: str, path: str, query: list[tuple[str, str]]) -> None:
    below = f"/{path.lstrip('/')}"
    try:
        below += f"?{urlencode(query)}" if query else ""
        whole = httpx.URL(base_url.rstrip("/") + below)
    except (httpx.InvalidURL, UnicodeEncodeError):
        return
    base = Base(base_url)
    assert base.target(below).encode() == whole.raw_path
    assert httpx.URL(base.origin + base.target(below)) == whole
    assert (base.scheme, base.host, base.port, base.netloc.encode()) == (whole.raw_scheme, whole.raw_host, whole.port, whole.netloc)


@pytest.mark.parametrize("path", ["/" + "a" * 70_000, "/a\x00b"])
def test_what_no_address_can_hold_is_refused(path: str) -> None:
    with pytest.raises(httpx.InvalidURL):
        Base("https://api.example.com").target(path)
