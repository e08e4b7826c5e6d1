"""Configuration: where it is looked for, what overrides it, and messages that name every fault and no value."""

import os
import re
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import ClassVar, Literal

import pytest
from pydantic import Field, SecretStr, field_validator, model_validator

from unibill import config, configfile
from unibill.errors import ConfigurationError, PluginError
from unibill.provider import BackendSettings
from unibill.redact import clean

SECRET = "sesame-4711"
GOOD = """
[backends.old]
provider = "billagain"
base_url = "https://old.example"
account = "1042"
"""


class Settings(BackendSettings):
    provider_name: ClassVar[str] = "acme"

    api_key: SecretStr
    account: int

    @field_validator("account")
    @classmethod
    def _positive(cls, value: int) -> int:
        if value <= 0:
            raise ValueError("give the account's number")
        return value


@pytest.fixture(autouse=True)
def nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration of this machine's user is seen, and the working directory is deep inside an empty folder."""
    for variable in [*(name for name in os.environ if name.startswith("UNIBILL_")), "XDG_CONFIG_HOME"]:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("platformdirs.user_config_dir", lambda _: str(tmp_path / "home"))
    deep = tmp_path / "project" / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)


def write(file: Path, text: str = GOOD, mode: int = 0o600) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    file.chmod(mode)
    return file


def one(text: str, tmp_path: Path) -> config.Backend:
    (backend,) = config.backends(write(tmp_path / "given.toml", text)).values()
    return backend


# Where it is looked for


def test_without_a_file_nothing_is_configured() -> None:
    assert configfile.find() is None
    assert config.backends() == {}


def test_the_file_is_searched_upwards_and_the_nearest_wins(tmp_path: Path) -> None:
    far = write(tmp_path / "unibill.toml")
    assert configfile.find() == far

    near = write(tmp_path / "project" / "unibill.toml")
    assert configfile.find() == near


def test_the_users_own_folder_comes_last(tmp_path: Path) -> None:
    own = write(tmp_path / "home" / "unibill.toml")
    assert configfile.find() == own

    near = write(tmp_path / "project" / "a" / "b" / "unibill.toml")
    assert configfile.find() == near


def test_the_environment_variable_beats_the_search_and_an_argument_beats_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "unibill.toml")
    named, given = write(tmp_path / "named.toml"), write(tmp_path / "given.toml")
    monkeypatch.setenv("UNIBILL_CONFIG", str(named))

    assert configfile.find() == named
    assert configfile.find(given) == given


def test_a_named_file_that_is_not_there_is_an_error_and_no_other_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "unibill.toml")
    monkeypatch.setenv("UNIBILL_CONFIG", str(tmp_path / "typo.toml"))

    with pytest.raises(ConfigurationError, match=r"there is no configuration file .*typo\.toml"):
        config.backends()


# What it says


def test_backends_are_read_with_their_provider_settings_and_source(tmp_path: Path) -> None:
    file = write(tmp_path / "unibill.toml")

    assert config.backends() == {
        "old": config.Backend("old", "billagain", {"base_url": "https://old.example", "account": "1042"}, str(file))
    }


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert one("\ufeff" + GOOD, tmp_path).name == "old"


def test_environment_variables_override_the_file_and_can_replace_it(tmp_path: Path) -> None:
    write(tmp_path / "unibill.toml")
    environment = {
        "UNIBILL_BACKENDS__OLD__ACCOUNT": "7",
        "UNIBILL_BACKENDS__NEW__PROVIDER": "socotra",
        "UNIBILL_BACKENDS__NEW__TENANT": "t",
        "UNIBILL_BACKENDS__HALF": "ignored",
        "OTHER": "ignored",
    }
    both = config.backends(environment=environment)

    assert both["old"].settings == {"base_url": "https://old.example", "account": "7"}
    assert (both["new"].provider, both["new"].settings) == ("socotra", {"tenant": "t"})
    assert sorted(both) == ["new", "old"]


def test_a_name_that_is_not_configured_is_refused_with_those_that_are(tmp_path: Path) -> None:
    file = write(tmp_path / "unibill.toml")

    with pytest.raises(ConfigurationError, match="there is no backend 'main'") as refused:
        config.backend("main")
    assert str(refused.value) == f"there is no backend 'main' in {file}; configured are: old"
    assert config.backend("old").provider == "billagain"


def test_without_any_file_the_message_says_where_it_was_looked_for() -> None:
    with pytest.raises(
        ConfigurationError, match=r"no unibill\.toml was found from .* upwards \('unibill init' writes one\); configured are: none"
    ):
        config.backend("main")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("backends", "cannot be read"),
        ("[backends.old]\nprovider = 'x'\n[backends.old]", "cannot be read"),
        ("[backend.old]\nprovider = 'x'", "unknown tables backend; a backend is a table"),
        ("backends = 7", "each written"),
        ("[backends]\nold = 7", "each written"),
        ("[backends.old]\naccount = 1", "backend 'old' in .* names no provider; write provider = \"...\""),
        ("[backends.old]\nprovider = ''", "names no provider"),
        ("[backends.old]\nprovider = 7", "names no provider"),
    ],
)
def test_a_file_of_the_wrong_form_is_refused_and_named(tmp_path: Path, text: str, message: str) -> None:
    file = write(tmp_path / "wrong.toml", text)

    with pytest.raises(ConfigurationError, match=message) as refused:
        config.backends(file)
    assert str(file) in str(refused.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "binary.toml"
    file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigurationError, match="cannot be read"):
        config.backends(file)


def test_a_backend_of_a_provider_that_is_not_installed_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="there is no provider 'nobody'") as refused:
        one("[backends.old]\nprovider = 'nobody'", tmp_path).load()
    assert re.fullmatch(r"It is the provider of backend 'old' in .*given\.toml\.", "".join(refused.value.__notes__))


# Faults of settings


def test_all_faults_of_settings_are_told_at_once_and_no_value() -> None:
    values = {"api_key": 4711_0815, "account": -4711_0815, "timeout": "4711-0815", "acount": SECRET, "rate": float("nan")}

    with pytest.raises(ConfigurationError) as refused:
        config.validate(Settings, values, "backend 'old' in unibill.toml")
    text = str(refused.value)
    assert text.startswith("backend 'old' in unibill.toml: ")
    for part in (
        "base_url: is missing",
        "api_key: ",
        "account: give the account's number",
        "timeout: ",
        "acount: is not a setting of this provider",
    ):
        assert part in text
    assert "it takes account, api_key, base_url, " in text
    shown = "".join(traceback.format_exception(refused.value))
    assert SECRET not in shown
    assert "0815" not in shown


class Repeating(BackendSettings):
    """Settings whose own checks repeat what they were given."""

    region: str = "eu"
    regions: list[str] = Field(default=[])

    @field_validator("region")
    @classmethod
    def _known(cls, value: str) -> str:
        if value == f"{SECRET}!":
            raise AssertionError(f"there is no region {value}")
        if value != "eu":
            raise ValueError(f"there is no region {value}")
        return value

    @field_validator("regions")
    @classmethod
    def _none(cls, value: list[str]) -> list[str]:
        raise ValueError(f"there is no region {value}")

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, values: dict[str, object]) -> dict[str, object]:
        if values.get("timeout") == SECRET:
            raise ValueError(f"{values} will not do")
        return values


@pytest.mark.parametrize(("setting", "value"), [("region", SECRET), ("region", f"{SECRET}!"), ("regions", [SECRET]), ("timeout", SECRET)])
def test_a_value_that_a_providers_check_repeats_is_hidden(setting: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"no region (\['?)?\[hidden\]|'timeout': '\[hidden\]'") as refused:
        config.validate(Repeating, {"base_url": "https://a.example", setting: value}, "x")
    assert SECRET not in "".join(traceback.format_exception(refused.value))


def test_a_secret_of_a_backend_is_masked_in_every_text_for_as_long_as_its_configuration_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_KEY", "from-the-environment")
    held = one('[backends.old]\nprovider = "acme"\ntoken = "written-out"\napi_key = { env = "ACME_KEY" }\n', tmp_path)

    assert clean("written-out, from-the-environment, and acme") == "[hidden], [hidden], and acme"
    del held
    assert clean("written-out, from-the-environment") == "written-out, from-the-environment"


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


class Restricted(Settings):
    """Settings with a restriction of every kind."""

    short: str = Field(default="ab", min_length=2, max_length=3)
    form: str = Field(default="a", pattern="^[a-z]$")
    share: float = Field(default=0.5, gt=0, lt=1)
    count: int = Field(default=1, ge=1, le=9)
    mode: Literal["one", "two"] = "one"
    size: Size = Size.SMALL


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("short", "a", "is too short; it has at least 2 character(s)"),
        ("short", "abcd", "is too long; it has at most 3 character(s)"),
        ("short", 1, "has to be a text, in quotation marks"),
        ("form", "A", "does not have the form ^[a-z]$"),
        ("share", 0, "has to be more than 0.0"),
        ("share", 1, "has to be less than 1.0"),
        ("share", "half", "has to be a number"),
        ("count", 0, "has to be 1 or more"),
        ("count", 10, "has to be 9 or less"),
        ("count", 1.5, "has to be a whole number"),
        ("mode", "three", "has to be 'one' or 'two'"),
        ("size", "huge", "has to be 'small' or 'large'"),
        ("read_only", "perhaps", "has to be true or false"),
    ],
)
def test_a_fault_of_a_setting_is_told_in_words_for_who_wrote_the_file(setting: str, value: object, said: str) -> None:
    values = {"base_url": "https://a.example", "api_key": SECRET, "account": 1, setting: value}

    with pytest.raises(ConfigurationError, match=re.escape(f": {setting}: {said}; it takes ")):
        config.validate(Restricted, values, "backend 'old'")


def test_settings_never_show_a_secret() -> None:
    settings = Settings.model_validate({"base_url": "https://a.example/", "api_key": SECRET, "account": 1})

    assert settings.base_url == "https://a.example"
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("timeout", 0),
        ("deadline", -1),
        ("retries", -1),
        ("retries", 21),
        ("rate", 0),
        ("concurrency", 0),
        ("read_ahead", 0),
        ("max_body", 1),
    ],
)
def test_settings_out_of_their_bounds_are_refused(setting: str, value: int) -> None:
    with pytest.raises(ConfigurationError, match=f"^x: {setting}: "):
        config.validate(BackendSettings, {"base_url": "https://a.example", setting: value}, "x")


# Secrets


def load_secret(reference: str, tmp_path: Path) -> object:
    backend = one(
        f"[backends.old]\nprovider = 'billagain'\naccount = '1042'\nbase_url = 'https://a.example'\napi_key = {reference}\n", tmp_path
    )
    _, settings = backend.load()
    assert SECRET not in repr(settings)
    return settings.model_dump()["api_key"].get_secret_value()


def test_a_secret_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", SECRET)

    assert load_secret('{ env = "ACME_KEY" }', tmp_path) == SECRET


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set_is_named_with_backend_and_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("ACME_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("ACME_KEY", value)

    with pytest.raises(
        ConfigurationError, match=r"backend 'old' in .*given\.toml, setting 'api_key': the environment variable ACME_KEY is not set"
    ):
        load_secret('{ env = "ACME_KEY" }', tmp_path)


def test_a_secret_comes_from_a_file_of_its_owner_alone(tmp_path: Path) -> None:
    file = write(tmp_path / "key", SECRET + "\n", 0o600)

    assert load_secret(f'{{ file = "{file}" }}', tmp_path) == SECRET


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such file modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o777])
def test_a_secrets_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    file = write(tmp_path / "key", SECRET, mode)

    with pytest.raises(ConfigurationError, match="can be read by others; chmod 600 it") as refused:
        load_secret(f'{{ file = "{file}" }}', tmp_path)
    assert SECRET not in str(refused.value)


def test_a_secrets_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the secret's file .* cannot be read"):
        load_secret(f'{{ file = "{tmp_path / "missing"}" }}', tmp_path)


def test_a_secret_comes_from_the_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = ModuleType("keyring")
    vars(keyring)["get_password"] = lambda service, user: SECRET if (service, user) == ("billagain", "me") else None
    monkeypatch.setitem(sys.modules, "keyring", keyring)

    assert load_secret('{ keyring = "billagain", user = "me" }', tmp_path) == SECRET
    with pytest.raises(ConfigurationError, match="the keyring has no password for 'billagain', user ''"):
        load_secret('{ keyring = "billagain" }', tmp_path)


def test_without_the_keyrings_library_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)

    with pytest.raises(ConfigurationError, match="needs the library keyring"):
        load_secret('{ keyring = "billagain", user = "me" }', tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such file modes")
def test_a_plain_secret_in_a_file_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    text = GOOD + f'api_key = "{SECRET}"\n'

    with pytest.warns(UserWarning, match="can be read by others") as warned:
        config.backends(write(tmp_path / "open.toml", text, 0o644))
    assert SECRET not in str(warned[0].message)
    config.backends(write(tmp_path / "mine.toml", text, 0o600))
    config.backends(write(tmp_path / "reference.toml", GOOD + 'api_key = { env = "ACME_KEY" }\n', 0o644))
