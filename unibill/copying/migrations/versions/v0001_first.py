"""The tables of the first version."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

TEXT = postgresql.TEXT(collation="C")


def upgrade() -> None:
    """Make them all."""
    op.create_table(
        "accounts", sa.Column("source", TEXT, nullable=False), sa.Column("target", TEXT, nullable=True), sa.PrimaryKeyConstraint("source")
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("phase", TEXT, nullable=False),
        sa.Column("step", TEXT, nullable=False),
        sa.Column("data", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("journal_by_record", "journal", ["seq"])
    op.create_table(
        "loss_kinds",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("field", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("field", "kind", "reason"),
    )
    op.create_table(
        "meta", sa.Column("key", TEXT, nullable=False), sa.Column("value", TEXT, nullable=False), sa.PrimaryKeyConstraint("key")
    )
    op.create_table(
        "proofs",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("data", TEXT, nullable=False),
        sa.Column("lines", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "proof_lines",
        sa.Column("proof", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("data", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("proof", "number"),
    )
    op.create_table(
        "records",
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("source_account", TEXT, nullable=False),
        sa.Column("record_type", TEXT, nullable=False),
        sa.Column("source_id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("day", TEXT, nullable=True),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("amount", TEXT, nullable=False),
        sa.Column("remaining", TEXT, nullable=True),
        sa.Column("target_account", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("carried", TEXT, nullable=True),
        sa.Column("decision", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("mark", TEXT, nullable=True),
        sa.Column("draft", TEXT, nullable=True),
        sa.Column("withheld", TEXT, nullable=False),
        sa.Column("losses", TEXT, nullable=False),
        sa.Column("dropped", TEXT, nullable=False),
        sa.Column("print", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("mark_now", TEXT, nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("target_id", TEXT, nullable=True),
        sa.Column("target_print", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("record_type", "source_id"),
    )
    op.create_index("records_by_mark", "records", ["mark_now"])
    op.create_index("records_by_target", "records", ["target_account", "seq"])
    op.create_index("records_in_order", "records", ["source_account", "record_type", "source_id"])
    op.create_table(
        "snapshot",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("record_type", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("standing", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("to_account", sa.Integer(), nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("amount", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("remaining", TEXT, nullable=True),
        sa.Column("day", TEXT, nullable=True),
        sa.Column("mark", TEXT, nullable=True),
        sa.Column("print", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account", "record_type", "id"),
    )
    op.create_index("snapshot_by_looks", "snapshot", ["account", "currency", "amount"])
    op.create_index("snapshot_by_mark", "snapshot", ["mark"])
    op.create_table(
        "targets",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("currency", TEXT, nullable=True),
        sa.Column("plan", TEXT, nullable=True),
        sa.Column("plan_would", TEXT, nullable=False),
        sa.Column("missing", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "totals",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("record_type", TEXT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("amount", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account", "record_type", "currency"),
    )
    op.create_table(
        "maps",
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("target", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("kind", "source"),
    )
    op.create_table(
        "paces",
        sa.Column("backend", TEXT, nullable=False),
        sa.Column("free", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("backend"),
    )
    op.create_table(
        "parts",
        sa.Column("stage", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("items", TEXT, nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("owner", TEXT, nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("result", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("stage", "number"),
    )
    op.execute("INSERT INTO parts (stage, number, items, records, state, epoch, done) VALUES ('run', 0, '[]', 0, 'open', 0, 0)")
