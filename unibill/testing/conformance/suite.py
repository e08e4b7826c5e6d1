# ruff: noqa: D102, S101 - tests that are shipped: their names are their sentences, and assert is how pytest tests
"""What all groups of the suite share: the subject, the flows that a test spoils, and expected failures."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

import pytest

from unibill import exactjson
from unibill.capabilities import Operation
from unibill.errors import BackendError
from unibill.facade import Billing
from unibill.flow import Flow, Request, Response, Sleep, Step, preceded
from unibill.http import without_waiting
from unibill.model import Credit, CreditKind
from unibill.testing.conformance.subject import Subject
from unibill.testing.pytest_plugin import note_evidence

T = TypeVar("T")


class Suite:
    """The ground of every group.

    Attributes:
        expected_failures: names of tests that this provider fails for now, each with its reason. One that passes after all turns red.
    """

    expected_failures: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def subject(self) -> Iterator[Subject]:
        """The provider on a backend of its own for each test; give one by overriding this fixture."""
        raise RuntimeError(f"{type(self).__name__} needs a fixture 'subject' that yields a Subject")

    @pytest.fixture
    def billing(self, subject: Subject) -> Iterator[Billing]:
        """A connection to the subject's backend, which never waits."""
        with without_waiting(), subject.open() as billing:
            yield billing

    @pytest.fixture(autouse=True)
    def _note_evidence(self, request: pytest.FixtureRequest) -> Iterator[None]:
        """What ran to its end in a test that passed is evidence for the provider's claims."""
        subject: Subject | None = request.getfixturevalue("subject") if "subject" in request.fixturenames else None
        yield
        if subject is not None:
            note_evidence(request, subject.witness.used, subject.origin)

    @pytest.fixture(autouse=True)
    def _expect_failures(self, request: pytest.FixtureRequest) -> None:
        name = getattr(request.node, "originalname", request.node.name)
        reason = self.expected_failures.get(request.node.name) or self.expected_failures.get(name)
        if reason is not None:
            request.node.add_marker(pytest.mark.xfail(reason=reason, strict=True))

    def test_every_expected_failure_is_a_test_of_the_suite_and_has_a_reason(self) -> None:
        names = {name.partition("[")[0] for name in self.expected_failures}
        assert {name for name in names if not hasattr(self, name)} == set()
        assert all(reason.strip() for reason in self.expected_failures.values())


def need(subject: Subject, *operations: Operation) -> None:
    """Skip the test, visibly, where the provider does not declare these operations."""
    for operation in operations:
        if not subject.usable(operation):
            pytest.skip(f"{subject.provider} declares {operation} as {subject.kind.capabilities.of(operation).grade}")


def need_sandbox(subject: Subject) -> None:
    """Skip the test, visibly, where there is no sandbox to make faults."""
    if subject.sandbox is None:
        pytest.skip(f"no sandbox stands behind {subject.provider}, so nothing can go wrong on purpose")


def answered(flow: Flow[T], answer: Response, *, to: Callable[[Request], bool]) -> Flow[T]:
    """The flow, with one canned answer to the first request that fits; the others go to the backend.

    Skips the test where no request fits: then the provider makes none.
    """
    spoiled = False

    def spoil(request: Request) -> Response | None:
        nonlocal spoiled
        if spoiled or not to(request):
            return None
        spoiled = True
        return answer

    result = yield from _through(flow, spoil, lambda response: response)
    if not spoiled:
        pytest.skip("the provider makes no such request")
    return result


def changed(flow: Flow[T], change: Callable[[Response], Response]) -> Flow[T]:
    """The flow, with every answer changed on its way."""
    return _through(flow, lambda _: None, change)


def watched(flow: Flow[T], look: Callable[[Request | Sleep | Step], None]) -> Flow[T]:
    """The flow, with a look at whatever it yields, before that is done."""

    def first(item: Request | Sleep | Step) -> tuple[Step, ...]:
        look(item)
        return ()

    return preceded(flow, first)


def _through(flow: Flow[T], instead: Callable[[Request], Response | None], change: Callable[[Response], Response]) -> Flow[T]:
    try:
        item: Request | Sleep | Step = next(flow)
        while True:
            canned = instead(item) if isinstance(item, Request) else None
            if canned is not None:
                item = flow.send(canned)
                continue
            try:
                reply = yield item
            except BackendError as error:
                item = flow.throw(error)
            else:
                item = flow.send(None if reply is None else change(reply))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        flow.close()


def with_fields(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Response], Response]:
    """Changes every object in the JSON of an answer."""

    def walk(value: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, dict):
            return change({name: walk(item) for name, item in value.items()})
        return [walk(item) for item in value] if isinstance(value, list) else value

    def changed_answer(response: Response) -> Response:
        if not response.body or response.status >= 300:
            return response
        return replace(response, body=exactjson.dumps(walk(response.json())))

    return changed_answer


def credits_of(billing: Billing, account: str) -> list[Credit]:
    """An account's credits, without the movements between containers that some vendors list beside them."""
    return [credit for credit in billing.credits.list(account=account) if credit.kind is not CreditKind.DISTRIBUTION]


def ids(records: Collection[Any]) -> list[str]:
    """The ids of records."""
    return [record.id for record in records]
