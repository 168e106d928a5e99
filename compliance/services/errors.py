"""The four ways in which a use-case says no; the web turns each into its status."""

from __future__ import annotations

import os
from collections.abc import Mapping


class DomainError(Exception):
    """Something a person can understand and act on."""

    status = 400


class NotFound(DomainError):
    """There is no such thing at this clinic."""

    status = 404


class NotPermitted(DomainError):
    """This person's role does not include it."""

    status = 403


class Conflict(DomainError):
    """Somebody else changed it first, or it is there already."""

    status = 409


class Invalid(DomainError):
    """What was entered cannot be taken: a sentence for each field."""

    status = 422

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)


def place_of(error: BaseException) -> str:
    """Where an error arose, as file:line; its text may quote a patient and is never logged."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "unknown:0"
    return f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
