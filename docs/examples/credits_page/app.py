"""A web app that never names a vendor: what a customer has to spend, a goodwill credit, and taking one back.

Which billing system is behind it stands in ``unibill.toml``, under ``[backends.main]``; nothing here changes with it.

    pip install "unibill[cli]" jinja2 python-multipart
    uvicorn app:app

then open http://127.0.0.1:8000/customers/ACCOUNT. It has no login: put it behind your own.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TypedDict
from uuid import uuid4

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

import unibill
from unibill.capabilities import Operation
from unibill.money import full
from unibill.redact import clean

BACKEND = os.environ.get("CREDITS_BACKEND", "main")
templates = Jinja2Templates(Path(__file__).parent / "templates")
templates.env.filters["money"] = full
templates.env.filters["shown"] = clean  # a memo may hold a card number: all but its last digits are masked


class State(TypedDict):
    """What every request of the app can use."""

    billing: unibill.AsyncBilling


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[State]:
    """One connection to the backend for as long as the app runs."""
    async with unibill.aconnect(BACKEND) as billing:
        yield {"billing": billing}


async def customer(request: Request) -> Response:
    """The customer's page."""
    return await page(request)


async def give(request: Request) -> Response:
    """Give a goodwill credit. The key in the form makes it one credit, however often the form is sent."""
    own_pages_only(request)
    account, form = request.path_params["account"], await request.form()
    try:
        amount = Decimal(str(form.get("amount", "")).strip())
    except InvalidOperation:
        return await page(request, form, f"{form.get('amount')} is not an amount; write one such as 12.50.", 422)
    draft = unibill.CreditDraft(
        account_id=account,
        currency=str(form.get("currency", "")).strip().upper(),
        amount=amount,
        memo=str(form.get("reason", "")).strip() or None,
    )
    try:
        await request.state.billing.credits.create(draft, key=str(form.get("key", "")))
    except unibill.InvalidDraft as refused:
        return await page(request, form, " ".join(f"{fault.message}." for fault in refused.faults), 422)
    except unibill.OutcomeUnknown:
        return await page(request, form, "No answer came. Send the form again: it gives the credit once, not twice.", 503)
    except unibill.Rejected as refused:
        return await page(request, form, str(refused), 409)
    return RedirectResponse(request.url_for("customer", account=account), 303)


async def take_back(request: Request) -> Response:
    """Void a credit."""
    own_pages_only(request)
    account, credits = request.path_params["account"], request.state.billing.credits
    try:
        await credits.void(await credits.get(request.path_params["credit"], account=account))
    except (unibill.Rejected, unibill.UnsupportedOperation, unibill.OutcomeUnknown) as refused:
        return await page(request, problem=str(refused), status=409)
    return RedirectResponse(request.url_for("customer", account=account), 303)


async def page(request: Request, form: object = None, problem: str = "", status: int = 200) -> Response:
    """The customer's credits, as they are at the backend now."""
    billing: unibill.AsyncBilling = request.state.billing
    account = request.path_params["account"]
    credits = [credit async for credit in billing.credits.list(account=account, allocations=True)]
    spendable: dict[str, Decimal] = {}
    for credit in credits:
        spendable[credit.currency] = spendable.get(credit.currency, Decimal(0)) + (credit.remaining or 0)
    shown = {
        "account": account,
        "credits": credits,
        "spendable": spendable,
        "system": billing.provider.title,
        "may_give": billing.capabilities.of(Operation.CREDITS_CREATE).usable,
        "may_take_back": billing.capabilities.of(Operation.CREDITS_VOID).usable,
        "form": form or {"key": f"goodwill-{uuid4()}"},
        "problem": problem,
    }
    return templates.TemplateResponse(request, "customer.html", shown, status_code=status)


def own_pages_only(request: Request) -> None:
    """Refuse a form that another site's page sends with this browser.

    Raises:
        HTTPException: it does.
    """
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise HTTPException(403, "This form was sent by another site.")


async def went_wrong(_: Request, error: Exception) -> Response:
    """Whatever else a backend can say, in its one sentence."""
    return PlainTextResponse(str(error), 404 if isinstance(error, unibill.NotFound) else 502)


app = Starlette(
    routes=[
        Route("/customers/{account}", customer, name="customer"),
        Route("/customers/{account}/credits", give, methods=["POST"], name="give"),
        Route("/customers/{account}/credits/{credit}/void", take_back, methods=["POST"], name="take_back"),
    ],
    lifespan=lifespan,
    exception_handlers={unibill.UnibillError: went_wrong},
)
