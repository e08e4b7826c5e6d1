# ruff: noqa: D102, S101 - tests that are shipped: their names are their sentences, and assert is how pytest tests
"""Group 8: no secret is ever shown."""

import logging
import re
from collections.abc import Iterator
from typing import Final

import pytest

from unibill import exactjson
from unibill.capabilities import Operation
from unibill.errors import BackendError
from unibill.facade import Billing
from unibill.flow import Response
from unibill.provider import CreditQuery
from unibill.testing.conformance.declared import secrets_of
from unibill.testing.conformance.subject import Subject
from unibill.testing.conformance.suite import Suite, answered, need

CREDENTIALS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})
"""Headers that hold credentials, whatever else is in them."""
CREDENTIAL_LIKE: Final = re.compile(r"(^|[_-])(api_?key|key|token|secret|password)$")
"""How settings and headers with a credential are called."""


class RedactingGroup(Suite):
    """Secrets."""

    def test_settings_and_endpoint_do_not_show_a_secret(self, subject: Subject, billing: Billing) -> None:
        provider = billing.provider
        for name in sorted(set(plain_secrets(billing))):
            raise AssertionError(f"the setting {name} holds a credential; make it a SecretStr, or every log and error may show it")
        shown = f"{provider.settings!r} {provider.settings} {provider.endpoint()!r} {provider!r} {billing!r}"
        leaks = sum(secret in shown for secret in secrets_of(subject, billing))
        assert not leaks, "the repr of the settings, the endpoint or the provider shows a secret"

    def test_every_credential_that_is_sent_is_known_as_a_secret(self, subject: Subject, billing: Billing) -> None:
        endpoint = billing.provider.endpoint()
        for value in endpoint.headers.values():
            for secret in secrets_of(subject, billing):
                if secret in value:
                    assert any(known in value for known in endpoint.secrets), "a header holds a secret that Endpoint.secrets does not name"
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


def plain_secrets(billing: Billing) -> Iterator[str]:
    """The settings that are plain texts and yet credentials: named like one, or sent as one."""
    settings, endpoint = billing.provider.settings, billing.provider.endpoint()
    sent = [value for header, value in endpoint.headers.items() if header.lower() in CREDENTIALS or CREDENTIAL_LIKE.search(header.lower())]
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if name == "base_url" or not isinstance(value, str) or not value:
            continue
        if value in endpoint.secrets or CREDENTIAL_LIKE.search(name) or any(value in text.split() for text in sent):
            yield name
