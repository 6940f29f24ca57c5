"""How Alembic reaches the database: over the connection that `database.migrate` has opened."""

from alembic import context

from pipelines.casework.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
