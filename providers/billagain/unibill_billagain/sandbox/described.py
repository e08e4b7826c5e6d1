"""What the sandbox takes, as the server's OpenAPI document tells it."""

from collections.abc import Mapping
from typing import Final

from unibill.sandbox.openapi import Description, Operation, Schema

_ID: Final[Schema] = {"type": "integer", "minimum": 1}
_NUMBER: Final[Schema] = {"type": "number"}
_TEXT: Final[Schema] = {"type": "string"}
_PAGE: Final[Mapping[str, Schema]] = {"page": _ID, "page_size": {"type": "integer", "minimum": 1, "maximum": 200}}
_ONE: Final[Mapping[str, Schema]] = {"id": _ID}
_DAY: Final[Schema] = {"type": "string", "pattern": "^[0-3][0-9] (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [12][0-9]{3}$"}
_ALLOCATION: Final[Schema] = {
    "type": "object",
    "required": ["amountApplied"],
    "properties": {"allocationID": _ID, "invoiceID": _ID, "invoiceNumber": _ID, "amountApplied": _NUMBER},
}
_CREDIT: Final[Schema] = {
    "type": "object",
    "required": ["customerID", "Date", "CurrencyCode", "Amount", "CreditNumber"],
    "properties": {
        "customerID": _ID,
        "Date": _DAY,
        "CurrencyCode": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "Amount": _NUMBER,
        "CreditNumber": _TEXT,
        "Memo": _TEXT,
        "AutoApply": {"type": "boolean"},
        "Allocations": {"type": "array", "items": _ALLOCATION},
    },
}

DESCRIPTION: Final = Description(
    "BillAgain",
    "v1",
    "basic",
    [
        Operation("listCredits", "GET", "/v1/credits", query=_PAGE),
        Operation("addCredit", "POST", "/v1/credits", (201,), body=_CREDIT),
        Operation("getCredit", "GET", "/v1/credits/{id}", path_parameters=_ONE),
        Operation("editCredit", "PUT", "/v1/credits/{id}", (204,), path_parameters=_ONE, body=_CREDIT),
        Operation("deleteCredit", "DELETE", "/v1/credits/{id}", (204,), path_parameters=_ONE),
        Operation("listCustomerCredits", "GET", "/v1/customers/{id}/credits", query=_PAGE, path_parameters=_ONE),
        Operation("listCustomers", "GET", "/v1/customers", query=_PAGE),
        Operation("getCustomer", "GET", "/v1/customers/{id}", path_parameters=_ONE),
        Operation("listCustomerInvoices", "GET", "/v1/customers/{id}/invoices", query=_PAGE, path_parameters=_ONE),
        Operation("listInvoices", "GET", "/v1/invoices", query=_PAGE),
        Operation("getInvoice", "GET", "/v1/invoices/{id}", path_parameters=_ONE),
    ],
)
"""Every route of the sandbox; a test holds it against the routes themselves."""
