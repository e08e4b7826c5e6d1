"""init, config show, doctor: a configuration is made, told, and judged, and no secret is seen."""

import importlib.metadata
import re
import stat
import tomllib
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.support.commands import Command, Place, spawn
from unibill.testing import memory


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))


def test_init_writes_a_file_of_its_answers_that_only_its_owner_reads(run: Command, tmp_path: Path) -> None:
    answers = "nosuch\nbillagain\nold\n1042\ny\nsocotra\nnew\nhttps://api.example.com\n6ec2f7d0-3c7e-4c5b-9a56-2f3f2b0c9a11\nn\n"
    done = run("init", stdin=answers)
    assert done.status == 0, done.err
    file = tmp_path / "unibill.toml"
    tables = tomllib.loads(file.read_text("utf-8"))["backends"]
    assert tables["old"] == {"provider": "billagain", "account": "1042", "api_key": {"env": "OLD_API_KEY"}}
    assert tables["new"]["token"] == {"env": "NEW_TOKEN"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text("utf-8")
    assert "# time_zone = " in text
    assert "# The account's number, the user name of HTTP Basic." in text
    assert "  export OLD_API_KEY=...\n  export NEW_TOKEN=...\n  unibill backends --check\n" in done.out


def test_init_asks_again_where_an_answer_cannot_be(run: Command, tmp_path: Path) -> None:
    answers = "billagain\nold\nmine\n1042\ny\nsocotra\nold\nnew\nhttp://api.example.com\nhttps://api.example.com\nno-uuid\n6ec2f7d0-3c7e-4c5b-9a56-2f3f2b0c9a11\nn\n"
    done = run("init", stdin=answers)
    assert done.status == 0, done.err
    for said in ("an account's number has digits only", "old is there already", "is plain http", "a tenant's locator is a UUID"):
        assert said in done.out
    assert set(tomllib.loads((tmp_path / "unibill.toml").read_text("utf-8"))["backends"]) == {"old", "new"}


def test_init_without_anybody_to_answer_writes_nothing_and_says_so(run: Command, tmp_path: Path) -> None:
    done = run("init", stdin="billagain\n")
    assert (done.status, done.err) == (2, "Error: The input ended before the last question was answered; nothing was written.\n")
    assert not (tmp_path / "unibill.toml").exists()


def test_what_init_writes_is_a_configuration_that_works(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    run("init", stdin="billagain\nold\n1042\nn\n")
    monkeypatch.setenv("OLD_API_KEY", "a-secret-of-mine")
    done = run("backends", "--json")
    assert done.status == 0
    assert done.records()[0]["system"] == "billagain:api.billagain.com:1042"
    for words in (("config", "show"), ("config", "show", "--json"), ("doctor",), ("doctor", "--json")):
        told = run(*words)
        assert told.status == 0
        assert "a-secret-of-mine" not in told.out + told.err


def test_init_overwrites_nothing(run: Command, tmp_path: Path) -> None:
    (tmp_path / "unibill.toml").write_text("# mine\n", "utf-8")
    done = run("init", stdin="billagain\nold\n1042\nn\n")
    assert done.status == 2
    assert (tmp_path / "unibill.toml").read_text("utf-8") == "# mine\n"


def test_config_show_tells_where_a_secret_is_and_hides_one_that_stands_there(run: Command, place: Place) -> None:
    done = run("config", "show", "--json")
    settings = {row["name"]: row["settings"] for row in done.records()}
    assert settings["billagain"]["api_key"] == "[hidden]"  # type: ignore[index]  # an object, as printed
    assert settings["billagain"]["account"] == "1042"  # type: ignore[index]  # the same
    assert settings["socotra"]["token"] == "[hidden]"  # type: ignore[index]  # the same
    config = place.folder / "unibill.toml"
    config.write_text(config.read_text().replace('api_key = "sandbox-key"', 'api_key = { env = "NO_SUCH_KEY" }'), "utf-8")
    assert "environment variable NO_SUCH_KEY (not set)" in run("config", "show").out


class Signing(memory.MemorySettings):
    """Settings with a secret that need not be given."""

    passphrase: SecretStr | None = None


def test_a_secret_that_need_not_be_given_is_hidden_too_and_init_leaves_it_to_an_environment_variable(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory.MemoryProvider, "Settings", Signing)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "unibill.toml").write_text('[backends.one]\nprovider = "memory"\npassphrase = "open-sesame"\n', "utf-8")
    (tmp_path / "unibill.toml").chmod(0o600)
    for words in (("config", "show"), ("config", "show", "--json")):
        told = run(*words)
        assert "[hidden]" in told.out
        assert "open-sesame" not in told.out + told.err
    assert run("init", "--out", "new.toml", stdin="memory\none\nn\n").status == 0
    written = (tmp_path / "new.toml").read_text("utf-8")
    assert '\n# passphrase = { env = "ONE_PASSPHRASE" }\n' in written
    assert set(tomllib.loads(written)["backends"]["one"]) == {"provider"}


def test_config_show_hides_what_may_be_a_secret_in_a_wrong_place(run: Command, place: Place) -> None:
    """A value that its setting refuses, a name that no provider has, and a known secret, wherever it stands."""
    config = place.folder / "unibill.toml"
    text = (
        config.read_text("utf-8").replace('account = "1042"', 'account = "a-key-of-mine"').replace('tenant = "', 'tenant = "sandbox-token')
    )
    config.write_text(f'{text}\n[backends.third]\nprovider = "ak_live.4711"\nbase_url = "https://sandbox-key.example"\n', "utf-8")
    done = run("config", "show", "--json")
    rows = {row["name"]: row for row in done.records()}
    refused = "[hidden], as it is refused; unibill doctor says why"
    assert rows["billagain"]["settings"]["account"] == refused  # type: ignore[index]  # an object, as printed
    assert rows["socotra"]["settings"]["tenant"] == refused  # type: ignore[index]  # the same
    assert rows["third"]["provider"] == "[hidden]"
    assert rows["third"]["settings"]["base_url"] == "https://[hidden].example"  # type: ignore[index]  # the same
    for words in (("config", "show"), ("doctor",), ("backends",), ("backends", "--json")):
        told = run(*words)
        for secret in ("a-key-of-mine", "sandbox-key", "sandbox-token", "ak_live"):
            assert secret not in told.out + told.err, words


def test_config_show_hides_what_an_accepted_address_holds_besides_the_host(run: Command, place: Place) -> None:
    config = place.folder / "unibill.toml"
    told = 'credit_charge_type = "https://me:pass/word@host.example/path?sig=4711"'
    config.write_text(re.sub("^credit_charge_type = .*$", told, config.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
    done = run("config", "show")
    assert "https://[hidden]@host.example/path?[hidden]" in done.out
    assert not {"pass", "word@", "4711"} & set(re.findall(r"pass|word@|4711", done.out))


@pytest.mark.parametrize(
    ("provider", "shown"), [("socotrra", "socotrra"), ("acme.billing", "acme.billing"), ("sk_live_4eC39HqLyjWDarjt", "[hidden]")]
)
def test_a_provider_that_there_is_none_of_is_named_only_if_it_looks_like_a_name(
    provider: str, shown: str, run: Command, tmp_path: Path
) -> None:
    (tmp_path / "unibill.toml").write_text(f'[backends.x]\nprovider = "{provider}"\n', "utf-8")
    for words in (("config", "show"), ("backends",), ("doctor",)):
        done = run(*words)
        assert shown in done.out + done.err
        assert provider == shown or provider not in done.out + done.err


def test_doctor_names_what_is_wrong_with_status_1(run: Command, place: Place) -> None:
    assert run("doctor").status == 0
    config = place.folder / "unibill.toml"
    config.write_text(config.read_text().replace('api_key = "sandbox-key"', 'api_key = { env = "NO_SUCH_KEY" }'), "utf-8")
    done = run("doctor", "--json")
    assert done.status == 1
    (wrong,) = [row for row in done.records() if row["state"] == "wrong"]
    assert wrong["check"] == "backend billagain"
    assert "NO_SUCH_KEY is not set" in str(wrong["message"])
    assert place.sandbox.requests() == []


BROKEN = {
    "needs": ("import a_library_that_is_missing", "No module named 'a_library_that_is_missing'"),
    "wrong": ("def (", "SyntaxError"),
    "misspelt": ("from unibill import hookimpl\n@hookimpl\ndef unibill_provder(): pass", "unknown hook 'unibill_provder'"),
    "ends": ("raise SystemExit(3)", "SystemExit: 3"),
    "socotra": ("", "claimed twice, by dist-socotra 1.0 (mod_socotra) and unibill"),
}


def test_doctor_names_every_broken_plugin_its_distribution_and_what_to_do(tmp_path: Path) -> None:
    for name, (code, _) in BROKEN.items():
        (tmp_path / f"mod_{name}.py").write_text(code, "utf-8")
        told = tmp_path / f"dist_{name}-1.0.dist-info"
        told.mkdir()
        (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: dist-{name}\nVersion: 1.0\n", "utf-8")
        (told / "entry_points.txt").write_text(f"[unibill.providers]\n{name} = mod_{name}\n", "utf-8")
    done = spawn("doctor", "--json", cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    assert (done.status, done.err) == (1, "")
    found = {str(row["check"]): (row["state"], str(row["message"])) for row in done.records()}
    for name, (_, said) in BROKEN.items():
        state, message = found[f"provider {name}"]
        assert state == "wrong"
        assert said in message
        assert f"dist-{name}" in message
        assert "uninstall" in message
    assert found["provider billagain"][0] == found["libraries"][0] == "ok"


def test_doctor_tells_a_library_that_is_too_old(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.1" if name == "pydantic" else real(name))
    done = run("doctor", "--json")
    (wrong,) = [row for row in done.records() if row["state"] == "wrong"]
    assert wrong["check"] == "libraries"
    assert re.fullmatch(r"pydantic>=[\d.]+ is needed, there is 0\.1; pip install --upgrade unibill", str(wrong["message"]))


def test_doctor_names_a_file_that_cannot_be_read(run: Command, tmp_path: Path) -> None:
    (tmp_path / "unibill.toml").write_text("[backends", "utf-8")
    done = run("doctor")
    assert done.status == 1
    assert "unibill.toml cannot be read" in done.out
