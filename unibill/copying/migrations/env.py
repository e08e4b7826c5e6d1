"""What Alembic runs: migrations on a connection that it is given, in that connection's schema."""

from alembic import context

from unibill.copying import schema

context.configure(connection=context.config.attributes["connection"], target_metadata=[schema.metadata, schema.shared])
with context.begin_transaction():
    context.run_migrations()
