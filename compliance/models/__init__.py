"""The tables, one file a noun; no rules and no requests here."""

from compliance.models.assessments import StoredAssessment
from compliance.models.audit import AccessLogEntry, AuditEvent, AuditHead
from compliance.models.clinics import Clinic, EditionAdoption
from compliance.models.evidence import Dispense, Evidence, PrescriptionOrder
from compliance.models.intake import CodeMapping, ImportedFile, ImportedMessage, ImportedResult
from compliance.models.operations import JobRun, Lease, Setting
from compliance.models.patients import Course, Patient, PatientIdentifier
from compliance.models.reminders import DeliveryAttempt, Reminder
from compliance.models.reports import StoredReport
from compliance.models.users import Membership, Role, User

__all__ = [
    "AccessLogEntry",
    "AuditEvent",
    "AuditHead",
    "Clinic",
    "CodeMapping",
    "Course",
    "DeliveryAttempt",
    "Dispense",
    "EditionAdoption",
    "Evidence",
    "ImportedFile",
    "ImportedMessage",
    "ImportedResult",
    "JobRun",
    "Lease",
    "Membership",
    "Patient",
    "PatientIdentifier",
    "PrescriptionOrder",
    "Reminder",
    "Role",
    "Setting",
    "StoredAssessment",
    "StoredReport",
    "User",
]
