"""What a person reads when something is wrong: one sentence that names the backend, what happened, and what to do next.

Each case is met at both vendors' sandboxes over real HTTP.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

import httpx
import pytest
from unibill_socotra.sandbox import SocotraSandbox

import unibill
from unibill import plugins
from unibill.config import validate
from unibill.errors import BackendError
from unibill.http import without_waiting
from unibill.sandbox import Sandbox
from unibill.sandbox.server import SystemFactory

STRANGE_ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
LISTS = {"billagain": "GET /billagain/v1/customers/*/credits", "socotra": "GET /socotra/billing/*/credits/list"}
WRITES = {"billagain": "POST /billagain/v1/credits", "socotra": "POST /socotra/billing/*/accounts/*/charges"}
CREDENTIAL = {"billagain": "api_key", "socotra": "token"}
KNOWN = {"billagain": "269", "socotra": ""}
STRANGE = {"billagain": "999999", "socotra": STRANGE_ULID}
CURRENCY = {"billagain": "ZAR", "socotra": "USD"}


@dataclass(frozen=True)
class Vendor:
    name: str
    sandbox: Sandbox
    settings: dict[str, str]
    account: str

    def open(self, **changes: object) -> unibill.Billing:
        provider = plugins.load(self.name)
        return unibill.connect(provider(validate(provider.Settings, {**self.settings, **changes}, "the test")), name="main")

    def draft(self, account: str | None = None) -> unibill.CreditDraft:
        return unibill.CreditDraft(
            account_id=account or self.account,
            currency=CURRENCY[self.name],
            amount=Decimal("12.50"),
            issued_on=date(2026, 1, 31),
            number="N-1",
        )


@pytest.fixture(scope="module", params=["billagain", "socotra"])
def vendor(request: pytest.FixtureRequest) -> Iterator[Vendor]:
    name: str = request.param
    system = plugins.load(name).sandbox()
    assert system is not None
    factory: SystemFactory = system
    if name == "socotra":
        factory = partial(SocotraSandbox, tokens={"full": None, "reader": ["credits:read"]})
    switches = {"billagain": {"empty-allocations": "accept"}} if name == "billagain" else {}
    with Sandbox({name: factory}, switches=switches) as sandbox, sandbox.serve() as server:
        sandbox.seed("documented")
        account = KNOWN[name] or next(str(row["locator"]) for row in sandbox.books() if row["type"] == "account")
        yield Vendor(name, sandbox, sandbox.client_settings(server.url)[name], account)


def listing(billing: unibill.Billing, account: str) -> Callable[[], object]:
    return lambda: list(billing.credits.list(account=account))


def met(kind: type[BackendError], call: Callable[[], object]) -> str:
    """The sentence of the error that a call raises, which must be of this kind and complete."""
    with without_waiting(), pytest.raises(BackendError) as raised:
        call()
    error = raised.value
    assert type(error) is kind, repr(error)
    text = str(error)
    assert text.startswith("main ")
    assert error.hint
    assert text.endswith(error.hint)
    assert "\n" not in text
    return text


def test_a_wrong_key_is_named_as_such_and_not_repeated(vendor: Vendor) -> None:
    with vendor.open(**{CREDENTIAL[vendor.name]: "wrong-and-secret"}) as billing:
        text = met(unibill.AuthenticationFailed, listing(billing, vendor.account))
    assert "401" in text
    assert "wrong-and-secret" not in text


def test_a_missing_permission_is_named(vendor: Vendor) -> None:
    if vendor.name == "billagain":
        pytest.skip("BillAgain documents no permissions")
    with vendor.open(token="reader") as billing:
        assert "list" in met(unibill.PermissionDenied, listing(billing, vendor.account))


def test_an_unknown_credit_is_not_found(vendor: Vendor) -> None:
    credit_id = STRANGE[vendor.name] if vendor.name == "billagain" else f"payment:{STRANGE_ULID}"
    with vendor.open() as billing:
        met(unibill.NotFound, lambda: billing.credits.get(credit_id))


def test_a_foreign_account_is_not_found_or_refused_when_written_to(vendor: Vendor) -> None:
    kind = unibill.Rejected if vendor.name == "billagain" else unibill.NotFound
    with vendor.open() as billing:
        met(kind, lambda: billing.credits.create(vendor.draft(STRANGE[vendor.name])))


def test_a_refused_body_is_told_in_the_vendors_words(vendor: Vendor) -> None:
    draft = vendor.draft().model_copy(update={"currency": "USD"}) if vendor.name == "billagain" else vendor.draft()
    changes = {} if vendor.name == "billagain" else {"credit_charge_type": "NoSuchType"}
    with vendor.open(**changes) as billing:
        text = met(unibill.Rejected, lambda: billing.credits.create(draft))
    assert "The backend said: " in text


def test_html_instead_of_json_says_so_and_where_to_look(vendor: Vendor) -> None:
    vendor.sandbox.faults([{"kind": "html-error", "route": LISTS[vendor.name], "status": 200, "count": 1}])
    with vendor.open() as billing:
        text = met(unibill.MalformedResponse, listing(billing, vendor.account))
    assert "HTML" in text
    assert "base_url" in text


def test_half_a_json_text_is_malformed(vendor: Vendor) -> None:
    vendor.sandbox.faults([{"kind": "truncated-json", "route": LISTS[vendor.name]}])
    with vendor.open() as billing:
        met(unibill.MalformedResponse, listing(billing, vendor.account))


def endless(request: httpx.Request) -> httpx.Response:
    """A server that gives the same page whatever is asked for, and never says that it is the last."""
    if "billing" not in request.url.path:
        note = {"creditNoteID": 1, "customerID": 269, "CurrencyCode": "ZAR", "Amount": 1}
        return httpx.Response(200, json=[{**note, "creditNoteID": number} for number in range(1, 201)])
    record = {"creditState": "posted", "creditType": "payment", "currency": "USD", "amount": 1}
    return httpx.Response(200, json={"listCompleted": False, "items": [{**record, "locator": STRANGE_ULID}]})


def test_a_list_that_never_ends_is_malformed(vendor: Vendor) -> None:
    provider = plugins.load(vendor.name)
    settings = validate(provider.Settings, {**vendor.settings}, "the test")
    with (
        httpx.Client(transport=httpx.MockTransport(endless)) as client,
        unibill.connect(provider(settings), name="main", client=client) as billing,
    ):
        assert "does not end" in met(unibill.MalformedResponse, listing(billing, vendor.account))


def test_a_refused_connection_names_the_address(vendor: Vendor) -> None:
    with vendor.open(base_url="http://127.0.0.1:9", retries=1) as billing:
        assert "127.0.0.1:9" in met(unibill.Unavailable, listing(billing, vendor.account))


def test_a_read_without_an_answer_is_unavailable_and_names_the_time(vendor: Vendor) -> None:
    vendor.sandbox.faults([{"kind": "latency", "route": LISTS[vendor.name], "seconds": 5, "count": 1}])
    with vendor.open(timeout=0.2, retries=0) as billing:
        assert "0.2 s" in met(unibill.Unavailable, listing(billing, vendor.account))


def test_a_write_whose_answer_was_lost_is_unknown_and_its_key_settles_it(vendor: Vendor) -> None:
    vendor.sandbox.faults([{"kind": "cut-after", "route": WRITES[vendor.name], "count": 1}])
    with vendor.open() as billing:
        text = met(unibill.OutcomeUnknown, lambda: billing.credits.create(vendor.draft(), key="order-17"))
        assert "before looking" in text
        found = billing.credits.find(key="order-17", account=vendor.account)
        again = billing.credits.create(vendor.draft(), key="order-17")
    assert found is not None
    assert again.id == found.id


def test_a_server_error_that_stays_is_unavailable(vendor: Vendor) -> None:
    vendor.sandbox.faults([{"kind": "status-503", "route": LISTS[vendor.name]}])
    try:
        with vendor.open(retries=2) as billing:
            assert "503" in met(unibill.Unavailable, listing(billing, vendor.account))
    finally:
        vendor.sandbox.faults([])


@pytest.mark.parametrize(("wait", "told"), [(1, "429"), (100_000, "asks to be left alone for 28 hours: try again then")])
def test_too_many_requests_are_rate_limited_in_the_end_and_a_long_wait_is_told(vendor: Vendor, wait: int, told: str) -> None:
    vendor.sandbox.faults([{"kind": "status-429", "route": LISTS[vendor.name], "retry_after": wait}])
    try:
        with vendor.open(retries=1) as billing:
            assert told in met(unibill.RateLimited, listing(billing, vendor.account))
    finally:
        vendor.sandbox.faults([])


def test_a_missing_backend_is_told_with_those_there_are(tmp_path: Path) -> None:
    file = tmp_path / "unibill.toml"
    file.write_text('[backends.old]\nprovider = "memory"\nstore = "x"\n', "utf-8")
    with pytest.raises(unibill.ConfigurationError, match=r"there is no backend 'new'.*configured are: old"):
        unibill.connect("new", config_file=file)
