"""Migrations go up, down and up again, keep data, and end where the models are."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, select

from compliance.app import create_app
from compliance.db import Base, db
from compliance.models import AuditEvent, Evidence, Patient, Role
from compliance.services import audit
from tests.conftest import make_config
from tests.world import a_clinic, a_patient, a_user

ROOT = Path(__file__).parents[2]


def test_the_newest_migration_ends_where_the_models_are(app) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_going_down_leaves_nothing_behind_and_up_again_makes_all_tables(app) -> None:
    before = set(inspect(db.engine).get_table_names())
    db.session.remove()
    downgrade(revision="base")
    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
    upgrade()
    assert set(inspect(db.engine).get_table_names()) == before


def test_each_step_down_and_up_again_keeps_the_data_that_it_does_not_drop(app) -> None:
    clinic_id = a_clinic()
    nurse = a_user(clinic_id, Role.NURSE)
    a_patient(nurse)
    script = ScriptDirectory(str(ROOT / "migrations"))
    assert len(script.get_heads()) == 1
    revisions = [item.revision for item in script.walk_revisions()]
    db.session.remove()
    for revision in revisions[:-1]:
        downgrade(revision="-1")
        assert revision
    upgrade()
    if len(revisions) == 1:
        upgrade()
    assert db.session.scalar(select(Patient)).given_name == "Amara"
    assert len(db.session.scalars(select(Evidence)).all()) == 2
    assert db.session.scalars(select(AuditEvent)).all()
    assert audit.verify(db.session, f"clinic-{clinic_id}").fault is None


def test_an_upgrade_of_an_upgraded_database_changes_nothing(
    sqlite_template, tmp_path: Path
) -> None:
    config = make_config(tmp_path, sqlite_template.url)
    app = create_app(config)
    with app.app_context():
        upgrade()
        assert "patient" in inspect(db.engine).get_table_names()
        db.engine.dispose()


@pytest.mark.parametrize("name", ["evidence", "audit_event", "reminder", "assessment"])
def test_the_tables_that_prove_things_are_there(app, name: str) -> None:
    assert name in inspect(db.engine).get_table_names()
