"""Every blueprint there is, in one place to read."""

from __future__ import annotations

from flask import Blueprint

from compliance.web.accounts import accounts
from compliance.web.administration import administration
from compliance.web.auditing import auditing
from compliance.web.board import silences
from compliance.web.codes import code_pages
from compliance.web.contacts import contact_pages
from compliance.web.courses import courses
from compliance.web.documents import documents
from compliance.web.doses import doses
from compliance.web.evidence import evidence
from compliance.web.held_acts import held_acts
from compliance.web.identifiers import identifier_pages
from compliance.web.incidents import incident_pages
from compliance.web.lab_columns import lab_columns
from compliance.web.lab_panel import lab_panel
from compliance.web.labs import labs
from compliance.web.mail_texts import mail_texts
from compliance.web.metrics import metrics
from compliance.web.notes import notes
from compliance.web.onboarding import onboarding
from compliance.web.patient_page import patient_page
from compliance.web.patients import patients
from compliance.web.people import people
from compliance.web.pharmacy import pharmacy
from compliance.web.planner import planner
from compliance.web.programmes import programmes
from compliance.web.protocol import protocol
from compliance.web.reconciliation import reconciliation
from compliance.web.reminders import reminders
from compliance.web.reports import reports
from compliance.web.statements import statements
from compliance.web.visits import visits
from compliance.web.worklist import worklist_pages


def blueprints() -> list[Blueprint]:
    """The blueprints of the application."""
    return [
        accounts,
        administration,
        auditing,
        code_pages,
        contact_pages,
        courses,
        documents,
        doses,
        evidence,
        held_acts,
        identifier_pages,
        incident_pages,
        labs,
        lab_columns,
        lab_panel,
        mail_texts,
        metrics,
        notes,
        onboarding,
        patient_page,
        patients,
        people,
        pharmacy,
        planner,
        programmes,
        protocol,
        reconciliation,
        reminders,
        reports,
        silences,
        statements,
        visits,
        worklist_pages,
    ]
