"""The four ways in which a use-case says no; the web turns each into its status."""

from __future__ import annotations

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
