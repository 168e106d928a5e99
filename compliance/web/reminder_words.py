"""The kinds of reminders as staff call them."""

from __future__ import annotations

from compliance.rules.reminders import PATIENT_KINDS, ReminderKind

NAMES: dict[ReminderKind, str] = {
    ReminderKind.TEST_DUE: "Pregnancy test due",
    ReminderKind.WINDOW_OPENING: "Window opens",
    ReminderKind.WINDOW_CLOSING: "Window closes",
    ReminderKind.STATEMENT_DUE: "Statement due",
    ReminderKind.VISIT: "Visit due",
    ReminderKind.LABS: "Blood test due",
    ReminderKind.SUPPLY_ENDING: "Supply ends",
    ReminderKind.FORM_DUE: "Form to sign again",
    ReminderKind.METHOD_ENDING: "Method ends",
    ReminderKind.FINAL_TEST: "Test after treatment",
    ReminderKind.CONTRACEPTION_ENDING: "Contraception after treatment ends",
    ReminderKind.DIGEST: "Morning digest",
    ReminderKind.ALERT: "Correction to read",
}
PATIENT_NAMES = {kind: name for kind, name in NAMES.items() if kind in PATIENT_KINDS}
