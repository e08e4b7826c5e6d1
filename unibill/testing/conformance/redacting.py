# ruff: noqa: D102, S101 - tests that are shipped: their names are their sentences, and assert is how pytest tests
"""Group 8: no secret is ever shown."""

import logging
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Final, Literal, get_args, get_origin

import pytest

from unibill import exactjson
from unibill.capabilities import Operation
from unibill.errors import BackendError
from unibill.facade import Billing
from unibill.flow import Response
from unibill.provider import CreditQuery, holds_secret, says_no_secret
from unibill.testing.conformance.declared import secrets_of
from unibill.testing.conformance.subject import Subject
from unibill.testing.conformance.suite import Suite, answered, need

CREDENTIALS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})
"""Headers that hold credentials, whatever else is in them."""
CREDENTIAL_LIKE: Final = re.compile(r"(^|[_-])(api_?key|key|token|secret|password|passphrase|auth|credentials?|pat)$")
"""How settings and headers with a credential are called."""
_WORDS: Final = re.compile(r"[\s,;=\"]+")
"""Between the words of a header."""


class RedactingGroup(Suite):
    """Secrets."""

    def test_settings_and_endpoint_do_not_show_a_secret(self, subject: Subject, billing: Billing) -> None:
        provider = billing.provider
        faults = list(faults_of_settings(billing))
        assert not faults, "\n".join(faults)
        shown = {
            "settings": f"{provider.settings!r} {provider.settings}",
            "endpoint": repr(provider.endpoint()),
            "provider": f"{provider!r} {provider}",
            "connection": f"{billing!r}",
        }
        leaks = [what for what, text in shown.items() if any(secret in text for secret in secrets_of(subject, billing))]
        assert not leaks, f"a secret is shown by the repr of: {', '.join(leaks)}"

    def test_every_credential_that_is_sent_is_known_as_a_secret(self, subject: Subject, billing: Billing) -> None:
        endpoint = billing.provider.endpoint()
        for value in endpoint.headers.values():
            for secret in secrets_of(subject, billing):
                if secret in value:
                    assert any(known in value for known in endpoint.secrets), "a header holds a secret that Endpoint.secrets does not name"
        for header in filter(CREDENTIALS.__contains__, map(str.lower, endpoint.headers)):
            named = _holds_one(endpoint.headers, header, endpoint.secrets)
            assert named, f"Endpoint.secrets names nothing of what is in the header {header}, so that errors would show it"
        unnamed = len(set(secrets_of(subject, billing)) - set(endpoint.secrets))
        assert not unnamed, f"Endpoint.secrets lacks {unnamed} of the settings that are SecretStr, so that errors would show them"

    def test_an_error_that_repeats_a_secret_is_cleaned(self, subject: Subject, billing: Billing) -> None:
        need(subject, Operation.CREDITS_LIST_ACCOUNT)
        secrets = secrets_of(subject, billing)
        if not secrets:
            pytest.skip("the provider has no secrets")
        said = f"bad credentials {' '.join(secrets)}"
        for body in (
            exactjson.dumps({"message": said}),
            exactjson.dumps({"Errors": [{"Message": said}]}),
            exactjson.dumps({"error": {"code": "x", "message": said}}),
            said.encode(),
        ):
            for status in (400, 401, 403, 404, 409, 410, 422, 429, 503):
                flow = billing.provider.list_credits(CreditQuery(subject.account), None)
                with pytest.raises(BackendError) as raised:
                    billing.run(answered(flow, Response(status, {}, body), to=lambda _: True))
                shown = f"{raised.value} {raised.value!r} {raised.value.args} {raised.value.vendor_message}"
                assert all(secret not in shown for secret in secrets)

    def test_no_log_holds_a_secret(self, subject: Subject, billing: Billing, caplog: pytest.LogCaptureFixture) -> None:
        need(subject, Operation.CREDITS_LIST_ACCOUNT)
        with caplog.at_level(logging.DEBUG):
            list(billing.credits.list(account=subject.account))
        assert all(secret not in caplog.text for secret in secrets_of(subject, billing))


def faults_of_settings(billing: Billing) -> Iterator[str]:
    """What is wrong with settings that are plain texts and yet credentials: named so, sent so, or called so.

    A setting's own word counts: its type, or ``NO_SECRET``. It does not count against what is done with the setting.
    """
    settings, endpoint = billing.provider.settings, billing.provider.endpoint()
    for name, setting in type(settings).model_fields.items():
        value = getattr(settings, name)
        if name == "base_url" or holds_secret(setting) or not isinstance(value, str) or not value:
            continue
        hide = f"make it a SecretStr, or every log and error may show it: {name}: SecretStr"
        headers = [header.lower() for header, text in endpoint.headers.items() if value in _WORDS.split(text)]
        alone = [header for header in headers if header in CREDENTIALS and not _holds_one(endpoint.headers, header, endpoint.secrets)]
        if value in endpoint.secrets:
            yield f"the setting {name} is plain text, and Endpoint.secrets names its value as a secret; {hide}"
        elif alone:
            yield f"the setting {name} is plain text, and is all that the header {alone[0]} proves anything by; {hide}"
        elif not says_no_secret(setting) and not _is_choice(setting.annotation):
            like = [header for header in headers if CREDENTIAL_LIKE.search(header)]
            if like or CREDENTIAL_LIKE.search(name):
                why = f"is sent in the header {like[0]}" if like else "is called like a credential"
                yield f"the setting {name} is plain text and {why}; {hide}; if it is none, let it say so: {name}: Annotated[str, NO_SECRET]"


def _holds_one(headers: Mapping[str, str], name: str, secrets: Sequence[str]) -> bool:
    """Whether a header holds one of the secrets, as it is or in base64, as in basic authentication."""
    text = next(value for header, value in headers.items() if header.lower() == name)
    texts = [text, *map(_decoded, text.split())]
    return any(secret in each for secret in secrets if secret for each in texts)


def _decoded(text: str) -> str:
    try:
        return b64decode(text, validate=True).decode()
    except ValueError:
        return ""


def _is_choice(annotation: object) -> bool:
    """Whether a setting takes one of a few words that stand in the code, which are no secrets."""
    return (
        get_origin(annotation) is Literal
        or (isinstance(annotation, type) and issubclass(annotation, Enum))
        or any(map(_is_choice, get_args(annotation)))
    )
