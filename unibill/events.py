"""What observers are told. Never a credential, never more than once per page or write."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestSettled:
    """One try of one request.

    Attributes:
        backend: its name in the configuration.
        operation: the vendor's name of it.
        method: of HTTP.
        path: below the backend's address, percent-encoded.
        status: the HTTP status, or None where there was no answer.
        seconds: how long the answer took.
        attempt: 1 for the first try.
        error: what went wrong, or an empty text.
    """

    backend: str
    operation: str
    method: str
    path: str
    status: int | None
    seconds: float
    attempt: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class PageRead:
    """One page of a list.

    Attributes:
        backend: its name in the configuration.
        operation: the facade's name of it.
        records: how many there are on the page.
    """

    backend: str
    operation: str
    records: int


@dataclass(frozen=True, slots=True)
class WriteSettled:
    """One write of the facade or of a run.

    Attributes:
        backend: its name in the configuration.
        operation: the facade's name of it.
        outcome: done, rejected, failed or unknown; of a run also created, exists or undone.
        account_id: the account that it concerns.
        record_id: the id of what was written, where known.
        mark: the mark it carries, if any.
    """

    backend: str
    operation: str
    outcome: str
    account_id: str = ""
    record_id: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class RunProgressed:
    """How far a phase of a run is.

    Attributes:
        run: the run file.
        phase: what is going on, such as ``apply``.
        done: records or accounts so far.
        total: of how many, or None where that is not known yet.
    """

    run: str
    phase: str
    done: int
    total: int | None
