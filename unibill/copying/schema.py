"""The tables of a run store.

A file is laid out from here, and one of another version is refused. A database follows ``migrations``, which must come to the
same tables: whoever changes one changes both.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, MetaData, Table, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import TEXT

APPLICATION_ID: Final = 0x75623172
"""Written into the file's header ("ub1r"), so that no other program's file is taken for a run."""
VERSION: Final = 2
"""Of a run file; rises with every change of its tables."""
REVISION: Final = "0001"
"""Of a run in a database: the newest of ``migrations``."""

metadata = MetaData()

meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

accounts = Table(
    "accounts",
    metadata,
    Column("source", Text, primary_key=True),
    Column("target", Text),
)
"""Every source account that was seen or mapped, with its target."""

targets = Table(
    "targets",
    metadata,
    Column("account", Text, primary_key=True),
    Column("currency", Text),
    Column("plan", Text),
    Column("plan_would", Text, nullable=False, default=""),
    Column("missing", Integer, nullable=False, default=0),
)
"""What the plan found out about each target account."""

records = Table(
    "records",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("source_account", Text, nullable=False),
    Column("record_type", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("day", Text),
    Column("currency", Text, nullable=False),
    Column("amount", Text, nullable=False),
    Column("remaining", Text),
    Column("target_account", Text, nullable=False),
    Column("type", Text, nullable=False, default=""),
    Column("carried", Text),
    Column("decision", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("mark", Text, nullable=False),
    Column("draft", Text),
    Column("withheld", Text, nullable=False, default=""),
    Column("losses", Text, nullable=False, default="[]"),
    Column("dropped", Text, nullable=False, default="[]"),
    Column("print", Text, nullable=False),
    Column("state", Text, nullable=False, default=""),
    Column("outcome", Text, nullable=False, default=""),
    Column("generation", Integer, nullable=False, default=0),
    Column("mark_now", Text, nullable=False),
    Column("sends", Integer, nullable=False, default=0),
    Column("target_id", Text),
    Column("target_print", Text),
    UniqueConstraint("record_type", "source_id"),
)
"""One row per source record: the plan, and how far apply has come. ``sends`` counts the writes begun under ``mark_now``.

``record_type``: whether it travels as a credit or as a charge. ``type``: of a charge, the charge type that it becomes.
"""
Index("records_in_order", records.c.source_account, records.c.record_type, records.c.source_id)
Index("records_by_target", records.c.target_account, records.c.seq)
Index("records_by_mark", records.c.mark_now)

snapshot = Table(
    "snapshot",
    metadata,
    Column("account", Text, primary_key=True),
    Column("record_type", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("standing", Integer, nullable=False),
    Column("counted", Integer, nullable=False),
    Column("to_account", Integer, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount", Text, nullable=False),
    Column("type", Text, nullable=False, default=""),
    Column("remaining", Text),
    Column("day", Text),
    Column("mark", Text),
    Column("print", Text, nullable=False),
)
"""The target's records in the mapped accounts, as the plan found them. ``counted``: its amount is money that stands there.

``record_type``: among which money it counts; a charge that is a credit too is one row and a credit, with the type of the charge.
"""
Index("snapshot_by_mark", snapshot.c.mark)
Index("snapshot_by_looks", snapshot.c.account, snapshot.c.currency, snapshot.c.amount)

totals = Table(
    "totals",
    metadata,
    Column("account", Text, primary_key=True),
    Column("record_type", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("records", Integer, nullable=False),
    Column("amount", Text, nullable=False),
)
"""The standing money of each target account in the snapshot."""

journal = Table(
    "journal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("action", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("at", Text, nullable=False),
)
"""Every intent, answered step and outcome, in the order in which they became durable. ``action`` is create or undo."""
Index("journal_by_record", journal.c.seq, journal.c.id)

proofs = Table(
    "proofs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("data", Text, nullable=False),
)
"""What apply, verify and rollback found at their ends."""

shared = MetaData()
"""Tables that a run has besides where several processes can work on it."""

parts = Table(
    "parts",
    shared,
    Column("stage", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("items", Text, nullable=False, default="[]"),
    Column("records", Integer, nullable=False, default=0),
    Column("state", Text, nullable=False, default="open"),
    Column("owner", Text),
    Column("epoch", Integer, nullable=False, default=0),
    Column("until", DateTime(timezone=True)),
    Column("done", Integer, nullable=False, default=0),
    Column("result", Text),
)
"""What a run is divided into: accounts (``items``) of one stage of it. Whoever works on a part holds a lease of it: ``owner`` until
``until``, the database's time; ``epoch`` rises with every holder. The part ``run`` stands for the whole run."""

paces = Table("paces", shared, Column("backend", Text, primary_key=True), Column("free", DateTime(timezone=True), nullable=False))
"""When the next request may go to a backend, whoever sends it."""

maps = Table(
    "maps", shared, Column("kind", Text, primary_key=True), Column("source", Text, primary_key=True), Column("target", Text, nullable=False)
)
"""The maps of invoices, charge types and policies, for the workers that plan; ``target`` is JSON."""

for _table in (*metadata.sorted_tables, *shared.sorted_tables):
    for _column in _table.columns:
        if isinstance(_column.type, Text):
            # PostgreSQL sorts as its database is told to; a plan's hash needs the order of the bytes everywhere.
            _column.type = Text().with_variant(TEXT(collation="C"), "postgresql")
        elif isinstance(_column.type, Integer) and _column.name in {"id", "seq"}:
            _column.type = Integer().with_variant(BigInteger(), "postgresql")
