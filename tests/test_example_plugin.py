"""A stranger's provider is built, installed, and used like any other: found by its entry point, connected to by its backend's name."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

PROJECT = Path(__file__).parent / "examples" / "unibill-acme"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the built wheel is unpacked, as an installer does it."""
    built, site = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("site")
    subprocess.run(  # noqa: S603 - our own build
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)], cwd=PROJECT, check=True, capture_output=True
    )
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def run(installed: Path, folder: Path, script: str) -> Any:  # noqa: ANN401 - whatever JSON the script prints last
    """Run a script that has the plugin installed, with its sandbox served and configured as backend ``main``."""
    before = """
        import asyncio, json
        from decimal import Decimal
        from pathlib import Path
        import unibill
        from unibill import CreditDraft, plugins
        from unibill.sandbox import Sandbox

        def asked(sandbox):
            return [[request.method, request.path, request.query] for request in sandbox.requests()]

        def told(value):
            print(json.dumps(value, default=str))

        draft = CreditDraft(account_id="c1", currency="USD", amount=Decimal("10.50"), memo="for the delay")
        with Sandbox([plugins.load("acme").sandbox()]) as sandbox, sandbox.serve() as server:
            lines = [f"{name} = {json.dumps(value)}" for name, value in server.backends["acme"].items()]
            Path("unibill.toml").write_text("\\n".join(["[backends.main]", 'provider = "acme"', "page_size = 2", *lines]))
            Path("unibill.toml").chmod(0o600)
    """
    text = dedent(before) + "\n" + "\n".join("    " + line for line in dedent(script).splitlines())
    environment = {"PYTHONPATH": str(installed), "PATH": "", "HOME": str(folder)}
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-W", "error", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_its_credits_are_listed_page_by_page_in_major_units(installed: Path, tmp_path: Path) -> None:
    told = run(
        installed,
        tmp_path,
        """
        sandbox.seed("generated", 9)
        with unibill.connect("main") as billing:
            credits = [[credit.id, str(credit.amount), str(credit.remaining), credit.account_id, credit.status] for credit in billing.credits.list(account="c1")]
        told([credits, asked(sandbox)])
        """,
    )

    assert told == [
        [["cr_1", "1.00", "1.00", "c1", "open"], ["cr_4", "4.00", "4.00", "c1", "open"], ["cr_7", "7.00", "7.00", "c1", "open"]],
        [["GET", "/acme/v1/credits", "limit=2&customer=c1"], ["GET", "/acme/v1/credits", "limit=2&customer=c1&cursor=4"]],
    ]


def test_a_credit_created_twice_under_one_key_is_one(installed: Path, tmp_path: Path) -> None:
    told = run(
        installed,
        tmp_path,
        """
        with unibill.connect("main") as billing:
            first = billing.credits.create(draft, key="order-17")
            second = billing.credits.create(draft, key="order-17")
            found = billing.credits.find(key="order-17", account="c1")
            read = billing.credits.get(first.id)
        told([first == second == found == read, first.memo, len(sandbox.books()), [method for method, *_ in asked(sandbox)], sandbox.books()[0]["amount"]])
        """,
    )

    assert told == [True, "for the delay", 1, ["GET", "POST", "GET", "GET", "GET"], 1050]


def test_the_awaitable_facade_works_without_a_line_of_its_own(installed: Path, tmp_path: Path) -> None:
    told = run(
        installed,
        tmp_path,
        """
        async def work():
            async with unibill.aconnect("main") as billing:
                made = await billing.credits.create(draft)
                await billing.credits.void(made)
                native = await billing.native.get_credit(made.id)
                listed = [credit.status async for credit in billing.credits.list(include_reversed=True)]
                return [str(made.amount), native.state, native.amount, listed]
        told(asyncio.run(work()))
        """,
    )

    assert told == ["10.50", "void", 1050, ["void"]]


UNSUPPORTED = {
    "credits.list(invoice=)": 'billing.credits.list(invoice="1")',
    "credits.list(allocations=True)": "billing.credits.list(allocations=True)",
    "credits.create(auto_apply=True)": 'billing.credits.create(draft.model_copy(update={"auto_apply": True}))',
    "charges.list(account=)": 'billing.charges.list("c1")',
    "charges.reverse": 'billing.charges.reverse("c1", ["1"])',
}


def test_what_it_does_not_offer_is_refused_without_a_request(installed: Path, tmp_path: Path) -> None:
    calls = "\n".join(f"    tried({json.dumps(operation)}, lambda: {call})" for operation, call in UNSUPPORTED.items())
    told = run(
        installed,
        tmp_path,
        dedent(
            """
            refused = {}
            def tried(operation, call):
                try:
                    call()
                except unibill.UnsupportedOperation as error:
                    refused[error.operation] = [error.backend, error.instead]

            with unibill.connect("main") as billing:
            """
        )
        + calls
        + "\ntold([refused, asked(sandbox)])",
    )

    assert told == [{operation: ["main", "credits.create" if operation.startswith("charges") else ""] for operation in UNSUPPORTED}, []]


def test_its_refusals_are_errors_of_unibill_that_name_the_backend(installed: Path, tmp_path: Path) -> None:
    told = run(
        installed,
        tmp_path,
        """
        texts = []
        with unibill.connect("main") as billing:
            try:
                billing.credits.get("cr_404")
            except unibill.NotFound as error:
                texts.append(str(error))
        Path("unibill.toml").write_text(Path("unibill.toml").read_text().replace("acme-sandbox-key", "wrong-key-4711"))
        with unibill.connect("main") as billing:
            try:
                next(billing.credits.list())
            except unibill.AuthenticationFailed as error:
                texts.append(str(error))
        told(texts)
        """,
    )

    assert told[0].startswith("main getCredit: Acme refused (status 404, needs permission credits.read)")
    assert 'The backend said: "not_found: no credit cr_404".' in told[0]
    assert told[1].startswith("main listCredits: Acme refused (status 401")
    assert "4711" not in told[1]


def test_its_losses_and_the_limit_of_its_text_are_told_before_anything_is_sent(installed: Path, tmp_path: Path) -> None:
    told = run(
        installed,
        tmp_path,
        """
        from datetime import date
        with unibill.connect("main") as billing:
            lossy = draft.model_copy(update={"issued_on": date(2026, 4, 5)})
            losses = [[loss.field, loss.value] for loss in billing.credits.losses(lossy)]
            try:
                billing.credits.create(draft.model_copy(update={"memo": "x" * 190}), key="k")
            except unibill.InvalidDraft as error:
                faults = [fault.path for fault in error.faults]
        told([losses, faults, asked(sandbox)])
        """,
    )

    assert told == [[["issued_on", "2026-04-05"]], ["$.memo"], []]


def test_a_field_that_it_does_not_declare_does_not_arrive_and_is_not_read(installed: Path, tmp_path: Path) -> None:
    """It declares neither allocations nor a day: they are lost on the way to it, and there are none on the way from it."""
    told = run(
        installed,
        tmp_path,
        """
        from unibill import explaining
        from unibill.testing.memory import MemoryProvider, MemorySettings
        from unibill_acme.settings import AcmeSettings
        acme = plugins.load("acme")(AcmeSettings(base_url="http://127.0.0.1:9", api_key="k"))
        memory = MemoryProvider(MemorySettings())
        told([
            {field.field: field.arrival for field in explaining.matrix(source, target) if field.field in ("amount", "allocations", "issued_on")}
            for source, target in ((memory, acme), (acme, memory))
        ])
        """,
    )

    assert told == [
        {"amount": "changed", "allocations": "lost", "issued_on": "lost"},
        {"amount": "changed", "allocations": "empty", "issued_on": "empty"},
    ]


def test_the_wheel_holds_its_package_and_its_entry_point_and_nothing_else(installed: Path) -> None:
    assert sorted(path.name for path in installed.iterdir()) == ["unibill_acme", "unibill_acme-0.1.0.dist-info"]
    assert (installed / "unibill_acme-0.1.0.dist-info" / "entry_points.txt").read_text() == "[unibill.providers]\nacme = unibill_acme\n"
