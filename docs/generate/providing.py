"""Tables about providers: what they declare they can do, which fields they know, how they are set up, and what a copy loses."""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic.fields import FieldInfo

from docs.generate.markdown import Maker, as_markdown, table, told
from unibill import config, plugins
from unibill.capabilities import Operation
from unibill.explaining import Arrival, Explained, matrix
from unibill.model import Credit
from unibill.plugins import AnyProvider
from unibill.provider import BackendSettings, holds_secret
from unibill.sandbox import Sandbox

BUNDLED: Final = ("billagain", "socotra")
_WORDS: Final = {Arrival.EMPTY: "–"}


def bundled() -> Mapping[str, type[AnyProvider]]:
    """The vendors' providers that ship with unibill, found the way any provider is."""
    return {name: plugins.load(name) for name in BUNDLED}


def chosen(words: Sequence[str]) -> Mapping[str, type[AnyProvider]]:
    """The providers that a marker names; all of them where it names none.

    Raises:
        ValueError: one of them is not bundled.
    """
    providers = bundled()
    if unknown := set(words) - set(providers):
        raise ValueError(f"there is no bundled provider {', '.join(sorted(unknown))}")
    return {name: providers[name] for name in words} if words else providers


def capabilities(words: Sequence[str]) -> str:
    """Every operation of the facade with its grade and evidence at each provider."""
    providers = chosen(words).values()
    rows = [[f"`{operation}`", *(_claim(provider, operation) for provider in providers)] for operation in Operation]
    return table(["Operation", *(provider.title for provider in providers)], rows)


def operations(words: Sequence[str]) -> str:
    """The operations of one provider, with permission and note."""
    (provider,) = chosen(words).values()
    rows = [
        [
            f"`{operation}`",
            claim.grade,
            claim.permission or "–",
            claim.evidence if claim.usable else "–",
            "; ".join(filter(None, (claim.note, f"instead: {claim.instead}" if claim.instead else ""))),
        ]
        for operation, claim in sorted(provider.capabilities.operations.items(), key=lambda item: list(Operation).index(item[0]))
    ]
    return table(["Operation", "Grade", "Permission", "Evidence", "Note"], rows)


def fields(words: Sequence[str]) -> str:
    """The fields of a credit: what can be read from and written to each provider."""
    providers = chosen(words).values()
    titles = [title for provider in providers for title in (f"{provider.title}: read", "write")]
    rows: list[list[str]] = []
    for name in Credit.__struct_fields__:
        cells: list[str] = []
        for provider in providers:
            support = provider.capabilities.credit_fields.get(name)
            cells += ["?", "?"] if support is None else ["yes" if support.read else "–", "yes" if support.write else "–"]
        if len(providers) == 1:
            (provider,) = providers
            support = provider.capabilities.credit_fields.get(name)
            cells.append(as_markdown(support.rule()) if support else "")
        rows.append([f"`{name}`", *cells])
    return table(["Field", *titles, *(["Where it stands, or why not"] if len(providers) == 1 else [])], rows)


def settings(words: Sequence[str]) -> str:
    """What a backend can be told: of one provider what is its own, or what every backend takes (``settings every``)."""
    if list(words) == ["every"]:
        model, own = BackendSettings, {name: field for name, field in BackendSettings.model_fields.items() if name != "base_url"}
    else:
        (provider,) = chosen(words).values()
        model = provider.Settings
        shared = set(BackendSettings.model_fields) - {"base_url"}
        own = {name: field for name, field in model.model_fields.items() if name not in shared}
    meanings = told(model)
    return table(["Setting", "Default", "Meaning"], [[f"`{name}`", _default(field), meanings[name]] for name, field in own.items()])


def losses(words: Sequence[str]) -> str:
    """What becomes of each field of a credit on its way from every provider to every other, and to another system of the same vendor."""
    pairs = _pairs(words)
    rows = [
        [f"`{name}`", *(_arrival(fields[place]) for fields in pairs.values())]
        for place, name in enumerate(field.field for field in next(iter(pairs.values())))
    ]
    return table(["Field", *pairs], rows)


def reasons(words: Sequence[str]) -> str:
    """Why fields do not arrive, or not as they were, for every ordered pair."""
    rows = [
        [pair, f"`{field.field}`", field.arrival, "money" if field.money else "description", as_markdown("; ".join(field.reasons))]
        for pair, fields in _pairs(words).items()
        for field in fields
        if field.arrival in {Arrival.LOST, Arrival.CHANGED, Arrival.PARTLY}
    ]
    return table(["From, to", "Field", "", "Loss of", "Because"], rows)


MAKERS: Final[Mapping[str, Maker]] = {
    "capabilities": capabilities,
    "operations": operations,
    "fields": fields,
    "settings": settings,
    "losses": losses,
    "reasons": reasons,
}


def _claim(provider: type[AnyProvider], operation: Operation) -> str:
    claim = provider.capabilities.of(operation)
    return f"{claim.grade} ({claim.evidence})" if claim.usable else f"{claim.grade}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required, secret" if holds_secret(field) else "required"
    value = field.default
    if value is None:
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _pairs(words: Sequence[str]) -> dict[str, tuple[Explained, ...]]:
    made = [_example(name) for name in chosen(words)]
    return {f"{one.title} → {other.title}": matrix(one, other) for one in made for other in made}


def _example(name: str) -> AnyProvider:
    """A provider with the settings of its sandbox. Sends nothing."""
    provider = plugins.load(name)
    system = provider.sandbox()
    assert system is not None
    with Sandbox([system]) as sandbox:
        values = sandbox.client_settings("http://127.0.0.1:9")[name]
    return provider(config.validate(provider.Settings, values, f"the sandbox of provider {name!r}"))


def _arrival(field: Explained) -> str:
    word = _WORDS.get(field.arrival, field.arrival.value)
    return f"**{word}** (money)" if field.money else f"**{word}**" if field.arrival is Arrival.LOST else word
