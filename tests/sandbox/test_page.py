import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Generator, Iterator, Mapping
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unibill_billagain import provider as billagain
from unibill_billagain.sandbox import BillAgainSandbox
from unibill_billagain.settings import BillAgainSettings
from unibill_socotra import provider as socotra
from unibill_socotra.mapping import ids
from unibill_socotra.sandbox import SocotraSandbox
from unibill_socotra.sandbox.view import COPIED_AS
from unibill_socotra.settings import SocotraSettings

import unibill.sandbox.page
from unibill import exactjson, marks
from unibill.model import CreditKind
from unibill.sandbox import Sandbox, Serving
from unibill.sandbox.page.cells import amount_text
from unibill.sandbox.page.patience import Patience

CARD = "4242 4242 4242 4242"
_STATIC = Path(unibill.sandbox.page.__file__).parent / "static"


def serve_both() -> Generator[Serving, None, None]:
    """Both vendors' sandboxes, with the documented samples and some generated credits."""
    with Sandbox([BillAgainSandbox, SocotraSandbox], switches={"billagain": {"empty-allocations": "accept"}}) as sandbox:
        sandbox.seed("documented")
        sandbox.seed("generated", 20, 3)
        with sandbox.serve() as serving:
            yield serving


@pytest.fixture(scope="module")
def shared() -> Iterator[Serving]:
    """For tests that only look."""
    yield from serve_both()


@pytest.fixture(scope="module")
def page(shared: Serving) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=shared.url, trust_env=False) as client:
        yield client


@pytest.fixture
def own() -> Iterator[Serving]:
    """For tests that change something."""
    yield from serve_both()


@pytest.fixture
def own_page(own: Serving) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=own.url, trust_env=False) as client:
        yield client


def ask(client: httpx.Client, name: str, **query: object) -> Any:  # noqa: ANN401 - what JSON holds
    answer = client.get(f"/_sandbox/{name}", params={key: str(value) for key, value in query.items()})
    assert answer.status_code == 200, answer.text
    return exactjson.loads(answer.content)


def everything(client: httpx.Client, system: str, kind: str, **query: object) -> list[dict[str, Any]]:
    """All rows of a table, page by page."""
    rows: list[dict[str, Any]] = []
    while True:
        answer = ask(client, "records", system=system, type=kind, offset=len(rows), count=7, **query)
        rows += answer["rows"]
        if len(rows) >= answer["total"]:
            assert len(rows) == answer["total"]
            return rows


def add_charge(client: httpx.Client, both: Serving, tag: str) -> str:
    """Put a credit charge on some account of Socotra; its locator."""
    access = both.backends["socotra"]
    assert isinstance(access, dict)
    account = ask(client, "records", system="socotra", type="account")["rows"][0]["id"]
    body = {"currency": "USD", "invoicing": "immediate", "charges": [{"amount": -12.5, "chargeType": "GoodwillCredit", "tag": tag}]}
    path = f"/socotra/billing/{access['tenant']}/accounts/{account}/charges"
    answer = client.post(path, json=body, headers={"authorization": f"Bearer {access['token']}"})
    return str(answer.raise_for_status().json()[0]["locator"])


class Elements(HTMLParser):
    """The attributes of every element, and the text inside style and script elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found[-1:] and self.found[-1][0] in ("script", "style"):
            self.inline += data.strip()


def test_the_page_brings_all_it_needs_and_nothing_inline(page: httpx.Client) -> None:
    answer = page.get("/")
    elements = Elements(answer.text)

    assert answer.headers["content-type"].startswith("text/html")
    assert elements.inline == ""
    assert not [name for _, attributes in elements.found for name in attributes if name == "style" or name.startswith("on")]
    named = [attributes.get("src") or attributes.get("href") for tag, attributes in elements.found if tag in ("script", "link", "img")]
    assert len(named) >= 3
    for path in named:
        assert page.get(str(path)).status_code == 200


def test_scripts_import_only_files_that_are_there_and_nothing_names_another_host() -> None:
    scripts = list(_STATIC.glob("*.js"))
    imported = {name for script in scripts for name in re.findall(r'from "\./([\w.]+)"', script.read_text())}

    assert imported
    assert imported <= {script.name for script in scripts}
    for file in _STATIC.iterdir():
        addresses = re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}[^\s\"']*", file.read_text())
        assert set(addresses) <= {"http://www.w3.org/2000/svg"}, file.name


def test_scripts_never_parse_text_as_markup() -> None:
    for script in _STATIC.glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", script.read_text()), (
            script.name
        )


@pytest.mark.parametrize("path", ["/", "/_sandbox/page/page.js", "/_sandbox/page/page.css"])
def test_only_the_pages_own_script_and_style_may_run(page: httpx.Client, path: str) -> None:
    policy = page.get(path).headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))

    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", ["other.js", "..%2froutes.py", "%2e%2e/routes.py", "routes.py"])
def test_only_the_pages_files_are_served(page: httpx.Client, name: str) -> None:
    assert page.get(f"/_sandbox/page/{name}").status_code == 404


def test_the_overview_counts_what_the_books_hold(shared: Serving, page: httpx.Client) -> None:
    counted = {(system["name"], kind["name"]): kind["count"] for system in ask(page, "overview")["systems"] for kind in system["types"]}
    books = Counter((str(row["system"]), str(row["type"])) for row in shared.sandbox.books())

    for kind in ("customer", "credit", "invoice"):
        assert counted["billagain", kind] == books["billagain", kind] > 0
    for kind in ("account", "charge", "invoice", "application", "ledgerLine"):
        assert counted["socotra", kind] == books["socotra", kind] > 0
    assert counted["socotra", "credit"] == sum(books["socotra", kind] for kind in COPIED_AS if kind != "charge")


def test_where_accounts_stand_is_what_the_books_add_up_to(shared: Serving, page: httpx.Client) -> None:
    spend: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    owed: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in shared.sandbox.books():
        match row:
            case {"system": "billagain", "type": "credit", "CurrencyCode": str(code), "Remaining": Decimal() as left}:
                spend["billagain", code] += left
            case {"system": "billagain", "type": "invoice", "CurrencyCode": str(code), "Balance": Decimal() as left}:
                if not (row["isDraft"] or row["isCancelled"]):
                    owed["billagain", code] += left
            case {"type": "account", "balances": dict() as balances}:
                for code, balance in balances.items():
                    spend["socotra", code] += balance
            case {"system": "socotra", "type": "invoice", "invoiceState": "open", "currency": str(code)}:
                owed["socotra", code] += Decimal(str(row["totalRemainingAmount"]))
            case _:
                pass

    shown = {(system["name"], each["currency"]): each for system in ask(page, "overview")["systems"] for each in system["standing"]}
    assert shown.keys() == {*spend, *owed}
    for key, each in shown.items():
        assert (Decimal(each["to_spend"]), Decimal(each["owed"])) == (spend[key], owed[key]), key
    assert sum(spend.values()) > 0


def test_nothing_is_sent_until_something_changes(own: Serving, own_page: httpx.Client) -> None:
    def changed(since: str) -> bool:
        return own_page.get("/_sandbox/overview", params={"since": since}).status_code == 200

    version = ask(own_page, "overview")["version"]
    assert not changed(version)
    own_page.get("/billagain/v1/credits")
    assert changed(version)
    version = ask(own_page, "overview")["version"]
    own.sandbox.faults([{"kind": "latency"}])
    assert changed(version)
    version = ask(own_page, "overview")["version"]
    own.sandbox.seed("generated", 1, 9)
    assert changed(version)


@pytest.mark.parametrize(
    ("system", "kind"),
    [
        ("billagain", "customer"),
        ("billagain", "credit"),
        ("billagain", "invoice"),
        ("socotra", "account"),
        ("socotra", "credit"),
        ("socotra", "charge"),
    ],
)
def test_pages_show_every_record_once(page: httpx.Client, system: str, kind: str) -> None:
    found = [row["id"] for row in everything(page, system, kind)]

    assert len(found) == len(set(found)) > 0
    assert all(ask(page, "record", system=system, type=kind, id=number)["id"] == number for number in found[:3])


def test_the_newest_record_comes_first(own: Serving, own_page: httpx.Client) -> None:
    locator = add_charge(own_page, own, "newest")

    assert ask(own_page, "records", system="socotra", type="charge", count=1)["rows"][0]["id"] == locator


@pytest.mark.parametrize(
    ("system", "kind", "text", "count"),
    [
        ("billagain", "credit", "payment to INVOICES", 1),
        ("billagain", "credit", "10083", 1),
        ("billagain", "credit", "CreditNumber", 0),
        ("billagain", "credit", "%", 0),
        ("billagain", "customer", "example traders", 1),
        ("socotra", "charge", "built from the schemas", 1),
        ("socotra", "charge", "chargeType", 0),
        ("socotra", "charge", "_uilt from", 0),
        ("socotra", "charge", '"', 0),
    ],
)
def test_a_filter_finds_texts_of_records_not_names_of_fields(page: httpx.Client, system: str, kind: str, text: str, count: int) -> None:
    found = everything(page, system, kind, q=text)

    assert (len(found) >= 1) if count else found == []


def test_a_filter_finds_a_status(shared: Serving, page: httpx.Client) -> None:
    partial = {str(row["creditNoteID"]) for row in shared.sandbox.books() if row.get("Status") == "Partial"}

    assert {row["id"] for row in everything(page, "billagain", "credit", q="partial")} == partial != set()


def test_a_table_narrows_to_one_account(shared: Serving, page: httpx.Client) -> None:
    wanted = {str(row["creditNoteID"]) for row in shared.sandbox.books() if row.get("customerID") == 269 and row["type"] == "credit"}
    account = ask(page, "records", system="socotra", type="account")["rows"][-1]["id"]
    books = {str(row["locator"]) for row in shared.sandbox.books() if row.get("accountLocator") == account and row["type"] == "charge"}

    assert {row["id"] for row in everything(page, "billagain", "credit", account=269)} == wanted != set()
    assert {row["id"] for row in everything(page, "socotra", "charge", account=account)} == books != set()


def test_sums_are_those_of_all_records_that_fit(shared: Serving, page: httpx.Client) -> None:
    amounts: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in shared.sandbox.books():
        if row["type"] == "charge":
            amounts[str(row["chargeCategory"]), str(row["currency"])] += Decimal(str(row["amount"]))

    sums = ask(page, "records", system="socotra", type="charge", count=1, sums="true")["sums"]
    assert {(each["label"], each["currency"]): Decimal(each["amounts"]["Amount"]) for each in sums} == amounts

    (alone,) = ask(page, "records", system="billagain", type="credit", q="payment to invoices", account=269, sums="true")["sums"]
    assert alone == {"label": "", "currency": "ZAR", "count": 1, "amounts": {"Amount": "200.00", "Left": "0.00"}}


def test_every_digit_of_an_amount_is_shown(own: Serving, own_page: httpx.Client) -> None:
    records: list[Mapping[str, object]] = [
        {
            "system": "billagain",
            "type": "credit",
            "creditNoteID": 900001,
            "customerID": 269,
            "Amount": "12345678901234567.89",
            "CurrencyCode": "ZAR",
        }
    ]
    own.sandbox.seed("records", records=records)

    (row,) = everything(own_page, "billagain", "credit", q="900001")
    assert "12345678901234567.89 ZAR" in row["cells"]
    assert '"Amount": 12345678901234567.89' in ask(own_page, "record", system="billagain", type="credit", id="900001")["raw"]


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6), st.sampled_from(["USD", "JPY", "KWD", "none"]))
def test_an_amount_as_text_is_the_same_amount(amount: Decimal, currency: str) -> None:
    assert Decimal(amount_text(amount, currency)) == amount


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("79.8", "EUR", "79.80"),
        ("150", "USD", "150.00"),
        ("150", "JPY", "150"),
        ("1.5", "KWD", "1.500"),
        ("1.2345", "USD", "1.2345"),
        ("-3", "EUR", "-3.00"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency_at_least(amount: str, currency: str, text: str) -> None:
    assert amount_text(Decimal(amount), currency) == text


def test_card_numbers_are_masked_wherever_the_page_shows_them(own: Serving, own_page: httpx.Client) -> None:
    locator = add_charge(own_page, own, CARD)
    own_page.get("/billagain/v1/credits", params={"reference": "4242424242424242"})

    answers = [
        own_page.get("/_sandbox/records", params={"system": "socotra", "type": "charge", "q": CARD}).text,
        own_page.get("/_sandbox/record", params={"system": "socotra", "type": "charge", "id": locator}).text,
        own_page.get("/_sandbox/records", params={"system": "billagain", "type": "credit", "q": "10083"}).text,
        own_page.get("/_sandbox/record", params={"system": "billagain", "type": "credit", "id": "10083"}).text,
        own_page.get("/_sandbox/log").text,
    ]
    for answer in answers:
        assert "••••" in answer
        assert "42424242" not in answer.replace(" ", "")


def test_a_record_names_what_belongs_to_it_from_both_ends(page: httpx.Client) -> None:
    credit = ask(page, "record", system="billagain", type="credit", id="10095")
    links = [(link["label"], link["type"], link["id"], link["amount"]) for link in credit["links"]]
    back = ask(page, "record", system="billagain", type="invoice", id="11380")["links"]

    assert links == [
        ("Customer", "customer", "269", ""),
        ("Applied to", "invoice", "11352", "150.00 ZAR"),
        ("Applied to", "invoice", "11380", "50.00 ZAR"),
    ]
    assert {"label": "Credited by", "type": "credit", "id": "10095", "amount": "50.00 ZAR"} in back


def test_every_link_of_socotras_records_leads_to_a_record(page: httpx.Client) -> None:
    seen: set[str] = set()
    named: set[tuple[str, str]] = set()
    for kind in ("credit", "charge", "invoice", "application"):
        for row in ask(page, "records", system="socotra", type=kind, count=100)["rows"]:
            for link in ask(page, "record", system="socotra", type=kind, id=row["id"])["links"]:
                seen.add(link["label"])
                named.add((link["type"], link["id"]))

    assert seen >= {
        "Account",
        "On invoice",
        "Reverses",
        "Reversed by",
        "Taken from",
        "Put on",
        "Bills",
        "Credited by",
        "By credit",
        "Part of",
    }


def test_the_page_makes_the_marks_that_the_providers_make(shared: Serving) -> None:
    access = shared.backends
    assert isinstance(access["billagain"], dict)
    assert isinstance(access["socotra"], dict)
    systems = shared.sandbox.systems

    assert billagain.BillAgainProvider(BillAgainSettings(**access["billagain"])).identity() in systems["billagain"].view().identities(
        shared.url
    )
    assert socotra.SocotraProvider(SocotraSettings(**access["socotra"])).identity() in systems["socotra"].view().identities(shared.url)
    assert {**{word: kind.value for word, kind in ids.KINDS.items() if word != "refund"}, "charge": CreditKind.CHARGE.value} == dict(
        COPIED_AS
    )
    made = {source.record_id for source in systems["socotra"].view().sources()}
    books = shared.sandbox.books()
    assert {ids.credit_id(str(row["type"]), str(row["locator"])) for row in books if row["type"] in ids.KINDS} <= made
    assert {ids.charge_id(str(row["locator"])) for row in books if row["type"] == "charge"} <= made


@pytest.mark.parametrize("generation", [0, 2])
def test_a_copy_and_its_source_find_each_other(own: Serving, own_page: httpx.Client, generation: int) -> None:
    settings = own.backends["billagain"]
    assert isinstance(settings, dict)
    identity = billagain.BillAgainProvider(BillAgainSettings(**settings)).identity()
    mark = marks.mark(identity, CreditKind.CREDIT_NOTE, "10095", generation)
    locator = add_charge(own_page, own, f"{mark} of April")

    shown = ask(own_page, "record", system="socotra", type="charge", id=locator)
    assert shown["mark"] == mark
    assert ask(own_page, "overview")["systems"][1]["marked"] == 1
    source = {"how": "copied-from", "system": "billagain", "type": "credit", "id": "10095"}
    copy = {"how": "copied-to", "system": "socotra", "type": "charge", "id": locator}
    assert ask(own_page, "twins", system="socotra", type="charge", id=locator)["twins"] == [source]
    assert ask(own_page, "twins", system="billagain", type="credit", id="10095")["twins"] == [copy]


def test_a_mark_of_an_applications_key_has_no_other_end_here(own: Serving, own_page: httpx.Client) -> None:
    locator = add_charge(own_page, own, marks.key_mark("order-17"))

    assert ask(own_page, "twins", system="socotra", type="charge", id=locator) == {"twins": [], "searched": []}


def test_the_log_shows_the_last_requests_first_and_can_be_filtered(own: Serving, own_page: httpx.Client) -> None:
    own.sandbox.faults([{"kind": "status-503", "count": 1}])
    for number in (1, 2, 3):
        own_page.get("/billagain/v1/credits", params={"page": number})

    log = ask(own_page, "log", count=2)
    assert [(row["number"], row["query"]) for row in log["rows"]] == [(3, "page=3"), (2, "page=2")]
    assert log["total"] == 3
    assert [row["number"] for row in ask(own_page, "log", q="503")["rows"]] == [1]


def test_an_added_fault_leaves_those_before_as_they_are(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.faults([{"kind": "status-503", "count": 1}])
    http.get("/notes/v1/notes")

    assert http.post("/_sandbox/faults?add=true", json=[{"kind": "status-429", "count": 1}]).status_code == 204
    assert [(fault["kind"], fault["used"]) for fault in http.get("/_sandbox/faults").json()] == [("status-503", 1), ("status-429", 0)]
    assert http.get("/notes/v1/notes").status_code == 429


def test_the_toml_to_copy_says_what_a_client_needs(shared: Serving, page: httpx.Client) -> None:
    written = tomllib.loads(ask(page, "setup")["toml"])["backends"]

    settings = shared.sandbox.client_settings(shared.url)
    assert written == {name: {"provider": name, **values} for name, values in settings.items()}
    assert settings["socotra"].items() >= {"reversal_type": "migration"}.items()


def test_a_system_that_says_nothing_of_its_tables_has_a_page_too(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.seed("records", records=[{"system": "notes", "amount": amount} for amount in ("1", "2.50", "3")])

    (system,) = ask(http, "overview")["systems"]
    assert [(kind["name"], kind["count"]) for kind in system["types"]] == [("note", 3)]
    rows = ask(http, "records", system="notes", type="note", count=2)["rows"]
    assert [row["cells"] for row in rows] == [["3", "3", "3"], ["2", "2", "2.50"]]
    assert ask(http, "records", system="notes", type="note", q="2.5")["total"] == 1
    assert '"amount": 2.50' in ask(http, "record", system="notes", type="note", id="2")["raw"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("records?system=other&type=credit", "no system 'other' here; there are: billagain, socotra"),
        ("records?system=billagain&type=s;drop", "no records of type 's;drop' in billagain; there are: customer"),
        ("records?system=billagain&type=credit&offset=-1", "offset is a whole number"),
        ("record?system=billagain&type=credit&id=1", "no record '1' of type credit"),
        ("record?system=socotra&type=credit&id=payment:1", "no record 'payment:1'"),
    ],
)
def test_a_bad_question_is_refused_with_the_reason(page: httpx.Client, path: str, message: str) -> None:
    answer = page.get(f"/_sandbox/{path}")

    assert answer.status_code == 400
    assert message in answer.json()["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://elsewhere.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "https://127.0.0.1.elsewhere.example"},
        {"host": "rebound.example:8000", "origin": "http://rebound.example:8000"},
        {"host": "rebound.example:8000"},
        {"sec-fetch-site": "cross-site"},
    ],
)
@pytest.mark.parametrize("route", ["reset", "seed", "faults"])
def test_pages_of_others_change_nothing(http: httpx.Client, sandbox: Sandbox, headers: dict[str, str], route: str) -> None:
    sandbox.seed("generated", 3)
    before = sandbox.version()

    answer = http.post(f"/_sandbox/{route}", content=b'[{"kind": "latency"}]' if route == "faults" else b"{}", headers=headers)

    assert answer.status_code == 403
    assert sandbox.version() == before


def test_a_rebound_name_reads_nothing(http: httpx.Client) -> None:
    for path in ("/", "/_sandbox/books", "/_sandbox/backends", "/_sandbox/overview"):
        assert http.get(path, headers={"host": "rebound.example"}).status_code == 403


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "sandbox.localhost", "sandbox", "[::1]"])
def test_the_pages_own_origin_may_change_things(http: httpx.Client, name: str) -> None:
    headers = {"host": f"{name}:8000", "origin": f"http://{name}:8000", "sec-fetch-site": "same-origin"}

    assert http.post("/_sandbox/reset", headers=headers).status_code == 204


def test_a_figure_is_kept_while_nothing_changes_and_for_a_while_when_it_is_dear() -> None:
    now = 0.0
    made = 0

    def make() -> int:
        nonlocal now, made
        now += 1.0
        made += 1
        return made

    patience = Patience(lambda: now)
    assert patience.get("sum", "1", make) == (1, True)
    assert patience.get("sum", "1", make) == (1, True)
    assert patience.get("sum", "2", make) == (1, False)
    now += 10.0
    assert patience.get("sum", "2", make) == (2, True)
    assert patience.get("other", "2", make) == (3, True)
