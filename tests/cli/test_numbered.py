"""Two sandboxes of one vendor: the second is another system, and its backends stand beside the first's."""

import tomllib
from pathlib import Path

import pytest
from unibill_billagain.sandbox import BillAgainSandbox
from unibill_socotra.sandbox import SocotraSandbox

from unibill.cli.files import add_to_config, write_config
from unibill.sandbox import Sandbox, SandboxSystem

URL = "http://127.0.0.1:9"


def numbered(number: int) -> Sandbox:
    return Sandbox({system.name: system.numbered(number) for system in (BillAgainSandbox, SocotraSandbox)})


def test_the_second_system_of_a_vendor_is_another_and_the_first_the_usual_one() -> None:
    with numbered(1) as first, numbered(2) as second, Sandbox([BillAgainSandbox, SocotraSandbox]) as usual:
        one, other = first.client_settings(URL), second.client_settings(URL)
        assert one == usual.client_settings(URL)
    assert one["billagain"]["account"] != other["billagain"]["account"]
    assert one["socotra"]["tenant"] != other["socotra"]["tenant"]


def test_its_backends_are_added_to_the_configuration_and_replaced_when_it_starts_again(tmp_path: Path) -> None:
    file = tmp_path / "unibill.toml"
    with numbered(1) as first, numbered(2) as second:
        write_config(file, first, URL)
        add_to_config(file, second, URL, 2)
        add_to_config(file, second, "http://127.0.0.1:10", 2)
    backends = tomllib.loads(file.read_text("utf-8"))["backends"]
    assert set(backends) == {"billagain", "socotra", "billagain2", "socotra2"}
    assert (backends["socotra"]["base_url"], backends["socotra2"]["base_url"]) == (f"{URL}/socotra", "http://127.0.0.1:10/socotra")
    assert file.stat().st_mode & 0o077 == 0


def test_a_system_that_has_no_second_says_so() -> None:
    class Alone(SandboxSystem):
        name = "alone"

    assert Alone.numbered(1) is Alone
    with pytest.raises(ValueError, match="the alone sandbox has one system only"):
        Alone.numbered(2)
