"""The tables, one file a noun; no rules and no requests here."""

from compliance.models.assessments import StoredAssessment
from compliance.models.audit import AccessLogEntry, AuditEvent, AuditHead
from compliance.models.bounces import Bounce
from compliance.models.clinics import Clinic, EditionAdoption, LimitAdoption
from compliance.models.contacts import Contact, ContactOutcome
from compliance.models.evidence import Dispense, Evidence, PrescriptionOrder
from compliance.models.feeds import ApiClient, ColumnMapping
from compliance.models.incidents import Incident, IncidentKind
from compliance.models.intake import CodeMapping, ImportedFile, ImportedMessage, ImportedResult
from compliance.models.notes import Document, Note
from compliance.models.onboarding import BatchState, OnboardingBatch, OnboardingRow, RowOutcome
from compliance.models.operations import JobRun, Lease, Setting
from compliance.models.patient_links import PatientLink, PatientStatement, StatementKind
from compliance.models.patients import Course, Patient, PatientIdentifier
from compliance.models.reconciliation import PortalEntry
from compliance.models.reminders import DeliveryAttempt, Reminder
from compliance.models.reports import StoredReport
from compliance.models.users import Membership, Role, User
from compliance.models.visits import VisitDraft

__all__ = [
    "AccessLogEntry",
    "ApiClient",
    "AuditEvent",
    "AuditHead",
    "BatchState",
    "Bounce",
    "Clinic",
    "CodeMapping",
    "ColumnMapping",
    "Contact",
    "ContactOutcome",
    "Course",
    "DeliveryAttempt",
    "Dispense",
    "Document",
    "EditionAdoption",
    "Evidence",
    "ImportedFile",
    "ImportedMessage",
    "ImportedResult",
    "Incident",
    "IncidentKind",
    "JobRun",
    "Lease",
    "LimitAdoption",
    "Membership",
    "Note",
    "OnboardingBatch",
    "OnboardingRow",
    "Patient",
    "PatientIdentifier",
    "PatientLink",
    "PatientStatement",
    "PortalEntry",
    "PrescriptionOrder",
    "Reminder",
    "Role",
    "RowOutcome",
    "Setting",
    "StatementKind",
    "StoredAssessment",
    "StoredReport",
    "User",
    "VisitDraft",
]
