"""The tables of a run store.

A file is laid out from here, and one of another version is refused. A database follows ``migrations``, which must come to the
same tables: whoever changes one changes both.
"""

from typing import Final

from sqlalchemy import Column, DateTime, Index, MetaData, Table, UniqueConstraint

from unibill.copying import contents, shapes
from unibill.copying.columns import Json, Plain, Tested, Whole, Words, place
from unibill.copying.decisions import Decision, State
from unibill.copying.items import RecordType
from unibill.losses import LossKind

APPLICATION_ID: Final = 0x75623172
"""Written into the file's header ("ub1r"), so that no other program's file is taken for a run."""
VERSION: Final = 3
"""Of a run file; rises with every change of its tables."""
REVISION: Final = "0001"
"""Of a run in a database: the newest of ``migrations``."""

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", Plain(), primary_key=True, doc="what it is about: identities, options, hash, phase, times"),
    Column("value", Plain(), nullable=False, doc="JSON"),
)
"""What the run as a whole is about, and how far it has come."""

accounts = Table(
    "accounts",
    metadata,
    Column("source", Plain(), primary_key=True, doc="the source's id of the account"),
    Column("target", Plain(), doc="the target's; null where it is not mapped"),
)
"""Every source account that was seen or mapped, with its target."""

targets = Table(
    "targets",
    metadata,
    Column("account", Plain(), primary_key=True, doc="the target's id of the account"),
    Column("currency", Plain(), doc="its only currency, if it has one"),
    Column("plan", Plain(), doc="its excess-credit plan, if it has one"),
    Column("plan_would", Plain(), nullable=False, default="", doc="what that plan would do with a new credit; empty for nothing"),
    Column("missing", Whole(), nullable=False, default=0, doc="1 where there is no such account"),
)
"""What the plan found out about each target account."""

records = Table(
    "records",
    metadata,
    Column("seq", Whole(long=True), primary_key=True, doc="its place in the plan; apply follows it within an account"),
    Column("source_account", Plain(), nullable=False, doc="the source's id of its account"),
    Column("record_type", Words(RecordType), nullable=False, doc="credit or charge: as what it travels"),
    Column("source_id", Plain(), nullable=False, doc="the source's id of it"),
    Column("kind", Plain(), nullable=False, doc="as of the model"),
    Column("status", Plain(), nullable=False, doc="as of the model, when it was planned"),
    Column("day", Tested(shapes.day), doc="the day it was issued on"),
    Column("currency", Plain(), nullable=False, doc="of its amounts"),
    Column("amount", Tested(shapes.amount_text), nullable=False, doc="its whole amount at the source"),
    Column("remaining", Tested(shapes.amount_text), doc="what was left of it; null where that cannot be known"),
    Column("target_account", Plain(), nullable=False, doc="empty where it is not mapped"),
    Column("type", Plain(), nullable=False, default="", doc="of a charge, the charge type that it becomes"),
    Column("carried", Tested(shapes.amount_text), doc="the amount that arrives"),
    Column("decision", Words(Decision), nullable=False, doc="of the plan"),
    Column("code", Plain(), nullable=False, doc="why, stable and short"),
    Column("reason", Plain(), nullable=False, doc="why, in a sentence; empty where it is created because the target does not have it"),
    Column("mark", Plain(), doc="of the plan; null while that is mark_now"),
    Column(
        "draft", Json(contents.draft, contents.quick_draft), doc="what is written, as JSON, without what follows from the other columns"
    ),
    Column(
        "withheld", Plain(), nullable=False, default="", doc="texts that the run file must not keep; they are read again when they are sent"
    ),
    Column(
        "losses",
        Json(contents.losses, contents.quick_losses),
        nullable=False,
        default="[]",
        doc="what does not arrive, as JSON: each with the id of its loss_kinds and its value, or whole",
    ),
    Column(
        "dropped", Json(contents.dropped, contents.quick_dropped), nullable=False, default="[]", doc="allocations that stay behind, as JSON"
    ),
    Column("print", Plain(), nullable=False, doc="a hash of the source's record, by which a change is seen"),
    Column("state", Words(State), nullable=False, default="", doc="how far apply has come"),
    Column("outcome", Plain(), nullable=False, default="", doc="what came of it, in a sentence"),
    Column("generation", Whole(), nullable=False, default=0, doc="rises when a copy was rolled back and is made again"),
    Column("mark_now", Plain(), nullable=False, doc="of this generation"),
    Column("sends", Whole(), nullable=False, default=0, doc="writes begun under mark_now"),
    Column("target_id", Plain(), doc="the target's id of the copy"),
    Column("target_print", Plain(), doc="a hash of the copy, by which a change is seen"),
    UniqueConstraint("record_type", "source_id"),
)
"""One row per source record: the plan, and how far apply has come. ``sends`` counts the writes begun under ``mark_now``.

``record_type``: whether it travels as a credit or as a charge. ``type``: of a charge, the charge type that it becomes.
"""
Index("records_in_order", records.c.source_account, records.c.record_type, records.c.source_id)
Index("records_by_target", records.c.target_account, records.c.seq)
Index("records_by_mark", records.c.mark_now)

loss_kinds = Table(
    "loss_kinds",
    metadata,
    Column("id", Whole(long=True), primary_key=True, doc="by which records name it"),
    Column("field", Plain(), nullable=False, doc="what does not arrive"),
    Column("kind", Words(LossKind), nullable=False, doc="money or descriptive"),
    Column("reason", Plain(), nullable=False, doc="why, in a sentence"),
    UniqueConstraint("field", "kind", "reason"),
)
"""What the losses of many records have in common."""

snapshot = Table(
    "snapshot",
    metadata,
    Column("account", Plain(), primary_key=True, doc="the target's id of the account"),
    Column("record_type", Words(RecordType), primary_key=True, doc="credit or charge: among which money it counts"),
    Column("id", Plain(), primary_key=True, doc="the target's id of the record"),
    Column("kind", Plain(), nullable=False, doc="as of the model"),
    Column("status", Plain(), nullable=False, doc="as of the model"),
    Column("standing", Whole(), nullable=False, doc="1 unless it is undone"),
    Column("counted", Whole(), nullable=False, doc="1 where its amount is money that stands there"),
    Column("to_account", Whole(), nullable=False, doc="1 where money comes to the account, 0 where it leaves"),
    Column("currency", Plain(), nullable=False, doc="of its amounts"),
    Column("amount", Tested(shapes.amount_text), nullable=False, doc="its whole amount"),
    Column("type", Plain(), nullable=False, default="", doc="of a charge, its charge type"),
    Column("remaining", Tested(shapes.amount_text), doc="what was left of it"),
    Column("day", Tested(shapes.day), doc="the day it was issued on"),
    Column("mark", Plain(), doc="that it carries, if any"),
    Column("print", Plain(), nullable=False, doc="a hash of the record"),
)
"""The target's records in the mapped accounts, as the plan found them. ``counted``: its amount is money that stands there.

``record_type``: among which money it counts; a charge that is a credit too is one row and a credit, with the type of the charge.
"""
Index("snapshot_by_mark", snapshot.c.mark)
Index("snapshot_by_looks", snapshot.c.account, snapshot.c.currency, snapshot.c.amount)

totals = Table(
    "totals",
    metadata,
    Column("account", Plain(), primary_key=True, doc="the target's id of the account"),
    Column("record_type", Words(RecordType), primary_key=True, doc="credit or charge"),
    Column("currency", Plain(), primary_key=True, doc="of the amount"),
    Column("records", Whole(), nullable=False, doc="how many"),
    Column("amount", Tested(shapes.amount_text), nullable=False, doc="their sum"),
)
"""The standing money of each target account in the snapshot."""

journal = Table(
    "journal",
    metadata,
    Column("id", Whole(long=True), primary_key=True, doc="in the order of writing"),
    Column("seq", Whole(long=True), nullable=False, doc="of the record"),
    Column("attempt", Whole(), nullable=False, doc="the generation of the copy"),
    Column("action", Plain(), nullable=False, doc="create or undo"),
    Column("phase", Plain(), nullable=False, doc="intent, done (a step was answered) or outcome (withdrawn: it was not sent after all)"),
    Column(
        "step", Plain(), nullable=False, doc="which write of several, or the outcome; empty where it is that of the record's last intent"
    ),
    Column(
        "data",
        Json(shapes.member, blank=True),
        nullable=False,
        doc="what else is known of it, as JSON, without the record's own mark; empty for nothing",
    ),
    Column("at", Whole(shapes.instant, long=True), nullable=False, doc="when, in milliseconds since 1970, UTC"),
)
"""Every intent, answered step and outcome, in the order in which they became durable. ``action`` is create or undo."""
Index("journal_by_record", journal.c.seq)

proofs = Table(
    "proofs",
    metadata,
    Column("id", Whole(long=True), primary_key=True, doc="in the order of writing"),
    Column("kind", Tested(shapes.one_of(*contents.PROOFS)), nullable=False, doc="apply, verification or rollback"),
    Column("at", Tested(shapes.moment), nullable=False, doc="when, UTC"),
    Column("data", Json(shapes.member), nullable=False, doc="the summary, as JSON"),
    Column("lines", Plain(), nullable=False, default="", doc="which field of the summary has its lines in proof_lines, if any"),
)
"""What apply, verify and rollback found at their ends."""

proof_lines = Table(
    "proof_lines",
    metadata,
    Column("proof", Whole(long=True), primary_key=True, doc="of which proof, by its id"),
    Column("number", Whole(), primary_key=True, doc="in their order"),
    Column("data", Json(shapes.each(shapes.member)), nullable=False, doc="some hundreds of lines, as JSON"),
)
"""The lines of proofs that have one of each account."""

shared = MetaData()
"""Tables that a run has besides where several processes can work on it."""

parts = Table(
    "parts",
    shared,
    Column("stage", Plain(), primary_key=True, doc="of the run"),
    Column("number", Whole(), primary_key=True, doc="of the part in its stage"),
    Column("items", Json(shapes.maybe(shapes.each(shapes.text))), nullable=False, default="[]", doc="its accounts, as JSON"),
    Column("records", Whole(), nullable=False, default=0, doc="how many"),
    Column("state", Plain(), nullable=False, default="open", doc="how far it is"),
    Column("owner", Plain(), doc="who works on it"),
    Column("epoch", Whole(), nullable=False, default=0, doc="rises with every holder"),
    Column("until", DateTime(timezone=True), doc="when the lease ends, by the database's clock"),
    Column("done", Whole(), nullable=False, default=0, doc="records so far"),
    Column("result", Json(shapes.anything), doc="what came of it, as JSON"),
)
"""What a run is divided into: accounts (``items``) of one stage of it. Whoever works on a part holds a lease of it: ``owner`` until
``until``, the database's time; ``epoch`` rises with every holder. The part ``run`` stands for the whole run."""

paces = Table(
    "paces",
    shared,
    Column("backend", Plain(), primary_key=True, doc="its identity"),
    Column("free", DateTime(timezone=True), nullable=False, doc="when its next request may go"),
)
"""When the next request may go to a backend, whoever sends it."""

maps = Table(
    "maps",
    shared,
    Column("kind", Plain(), primary_key=True, doc="invoices, charge types or policies"),
    Column("source", Plain(), primary_key=True, doc="the source's id"),
    Column("target", Json(shapes.anything), nullable=False, doc="the target's, as JSON"),
)
"""The maps of invoices, charge types and policies, for the workers that plan; ``target`` is JSON."""

for _table in (*metadata.sorted_tables, *shared.sorted_tables):
    place(_table.columns)
