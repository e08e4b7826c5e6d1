"""The questions that Socotra's documents leave open, and the answers this sandbox can give.

``row`` is the number of the question in the fact sheet's table "What the documents leave open". Questions of that table
without a switch here are answered by the default printed there.
"""

from typing import Final

from unibill.sandbox.system import Switch

SWITCHES: Final = (
    Switch("auth-failure", "401", ("401", "403"), "status for a missing or wrong token", 2),
    Switch("wrong-tenant", "403", ("403", "404"), "status for a tenant the token does not open", 3),
    Switch("missing-permission", "403", ("403", "404"), "status when the token lacks a permission", 4),
    Switch("error-body", "message", ("message", "message-plus", "empty", "html"), "what an error's body holds", 6),
    Switch("invalid-input-status", "400", ("400", "422"), "status for malformed input", 7),
    Switch("unknown-locator-status", "404", ("404", "400"), "status for a locator that names nothing", 8),
    Switch(
        "state-conflict",
        "409",
        ("409", "400", "soft-200", "no-op-200"),
        "answer to a forbidden or repeated state change; nothing changes",
        9,
    ),
    Switch("validate-failure", "soft-200", ("soft-200", "400"), "answer when a validation is refused", 10),
    Switch("default-count", "100", (), "records in a page when the request names no count", 14),
    Switch("max-count", "100", (), "most records in a page", 15),
    Switch("count-overflow", "clamp", ("clamp", "reject"), "what a count above the maximum does", 15),
    Switch(
        "list-order", "locator-asc", ("locator-asc", "locator-desc", "shuffled"), "order of lists; shuffled is arbitrary yet stable", 17
    ),
    Switch("hidden-items", "none", ("none", "every-third", "whole-page"), "items of a page that data access rules hide", 18),
    Switch("completed-flag", "exact", ("exact", "late"), "whether an exactly full last page says that it is the last", 19),
    Switch(
        "legacy-lists", "off", ("off", "bare-unless-extended", "bare-always"), "whether lists that take 'extended' answer bare arrays", 20
    ),
    Switch("include-reversed-default", "false", ("false", "true"), "includeReversed when the request does not say", 21),
    Switch("invoice-credit-amount", "whole", ("whole", "applied-part"), "the amount of a credit in the list of one invoice's credits", 23),
    Switch(
        "credit-charge-sign",
        "as-sent",
        ("as-sent", "require-negative", "store-negated"),
        "the sign rule for charges of category credit",
        24,
    ),
    Switch("disbursement-sign", "positive", ("positive", "negative"), "the sign of a disbursement's amount", 25),
    Switch("reversed-credit-amount", "unchanged", ("unchanged", "negated", "zero"), "the amount of a credit that is reversed", 26),
    Switch("tag-max-length", "255", (), "most characters in a tag, or none for no limit", 27),
    Switch("tag-duplicates", "allow", ("allow", "reject"), "whether two charges of an account may carry one tag", 28),
    Switch("zero-amount", "reject", ("reject", "accept", "drop"), "what happens to a charge of amount zero", 29),
    Switch("excess-decimals", "round", ("round", "reject", "keep"), "amounts with more decimals than the currency has", 30),
    Switch("charges-atomic", "yes", ("yes", "partial"), "whether the charges before a bad one stay", 31),
    Switch("charges-order", "request", ("request", "shuffled"), "order of the charges answered", 32),
    Switch("immediate-invoicing", "sync", ("sync", "queued"), "whether an immediate charge is invoiced before its answer is sent", 39),
    Switch(
        "negative-invoice",
        "to-credit-balance",
        ("to-credit-balance", "to-open-invoices", "never"),
        "how a negative invoice settles when the account's plan does not say",
        40,
    ),
    Switch("settle-forced", "required-when-never", ("required-when-never", "ignored"), "what 'forced' changes when settling", 41),
    Switch("auto-apply", "off", ("off", "on"), "whether a balance pays open invoices by itself when the account's plan does not say", 42),
    Switch("reversal-tag", "copy", ("copy", "drop"), "the tag of a charge's reversal", 43),
    Switch("reversal-amount", "negated", ("negated", "as-original"), "the amount that a charge's reversal shows", 43),
    Switch("double-reversal", "reject", ("reject", "accept"), "whether a charge can be reversed twice", 44),
    Switch("reversal-of-reversal", "reject", ("reject", "accept"), "whether a reversal can be reversed", 45),
    Switch("bad-reversal-locator", "reject-all", ("reject-all", "skip"), "what a charge that is not the account's does to a reversal", 46),
    Switch("credit-account-locator", "when-known", ("when-known", "always", "never"), "when a credit names its account", 52),
    Switch("put-distribution", "upsert", ("upsert", "replace-only"), "whether a PUT with an unused locator creates a distribution", 63),
    Switch(
        "put-existing", "draft-or-same", ("draft-or-same", "draft-only", "any-state"), "what a PUT on an existing distribution does", 64
    ),
    Switch("ulid-case", "normalise", ("normalise", "reject"), "what small letters in a path's locator do", 65),
    Switch("over-allocation", "refuse", ("refuse", "cap"), "more than the balance, or than the invoice's remainder", 68),
    Switch("execute-shortage", "409", ("409", "soft-200", "partial"), "funds spent between validate and execute", 70),
    Switch("empty-values", "arrays", ("arrays", "omit", "null"), "how empty collections and absent optionals are written", 72),
    Switch("time-fraction", "milli", ("milli", "micro", "none", "mixed"), "fraction digits of times", 73),
    Switch("number-style", "plain", ("plain", "one-decimal", "padded"), "how amounts are spelt", 74),
    Switch("forward-fields", "off", ("off", "on"), "fields and enum values that appear without notice", 75),
)

PRESENTATION: Final = (
    "disbursement-sign",
    "reversed-credit-amount",
    "reversal-amount",
    "credit-account-locator",
    "empty-values",
    "time-fraction",
    "number-style",
    "forward-fields",
)
"""The switches that change how a stored record is written; a reopened database is rendered anew when they differ."""
