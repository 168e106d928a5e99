"""Runs the migrations against the application's own database, in one transaction each."""

from alembic import context
from flask import current_app

target = current_app.extensions["migrate"].db


def run() -> None:
    with target.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=target.metadata,
            render_as_batch=True,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
