"""What one edition asks otherwise than another, parameter by parameter, in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from compliance.rules.findings import Citation, Provision
from compliance.rules.programme import Edition, Parameter, Programme, load_programme
from compliance.rules.terms import Binding, Requirement, Term


@dataclass(frozen=True, slots=True)
class Difference:
    """One parameter that differs: what it means, both values in words, and the newer's citation.

    A value is "nothing is asked", "not stated" or "not known here" where there is none.
    """

    requirement: Requirement
    parameter: str
    meaning: str
    before: str
    after: str
    citation: Citation | None

    @property
    def sentence(self) -> str:
        """The whole difference in one sentence."""
        return f"{self.meaning} Before: {self.before}. Now: {self.after}."


class UnknownEditionError(LookupError):
    """A name that is no edition of a programme; `allowed` lists those that are."""

    def __init__(self, name: str, allowed: Iterable[str]) -> None:
        self.name = name
        self.allowed = tuple(allowed)
        super().__init__(f"found {name!r} (allowed: {', '.join(self.allowed)})")


def find_edition(name: str, programmes: Iterable[str]) -> tuple[Programme, Edition]:
    """The edition of a name such as `uk-ppp/2026-01`; raises UnknownEditionError."""
    known = {
        f"{programme.id}/{edition.id}": (programme, edition)
        for programme in map(load_programme, programmes)
        for edition in programme.editions
    }
    if name not in known:
        raise UnknownEditionError(name, known)
    return known[name]


def differences(
    before: tuple[Programme, Edition], after: tuple[Programme, Edition]
) -> tuple[Difference, ...]:
    """Every parameter whose value or binding differs, in the order of the requirements."""
    old = before[0].provisions_of(before[1].id)
    new = after[0].provisions_of(after[1].id)
    found = [
        _difference(_parameter(name, after[0], before[0]), old.get(name), new.get(name))
        for name in dict.fromkeys([*new, *old])
        if _asked(old.get(name)) != _asked(new.get(name))
    ]
    order = list(Requirement)
    return tuple(sorted(found, key=lambda item: (order.index(item.requirement), item.parameter)))


def _parameter(name: str, *programmes: Programme) -> Parameter:
    return next(item.parameters[name] for item in programmes if name in item.parameters)


def _asked(provision: Provision | None) -> object:
    """What counts as the same: the value, whether it is stated, and how strictly it binds."""
    if provision is None:
        return None
    return provision.value, provision.stated, provision.value is not None and provision.binding


def _difference(parameter: Parameter, old: Provision | None, new: Provision | None) -> Difference:
    before, after = provision_words(old), provision_words(new)
    if before == after or _binding(old) != _binding(new):
        before, after = before + _binding(old), after + _binding(new)
    return Difference(
        parameter.requirement,
        parameter.name,
        parameter.meaning,
        before,
        after,
        new.citation if new else None,
    )


def _binding(provision: Provision | None) -> str:
    if provision is None or provision.value is None:
        return ""
    return " (must)" if provision.binding is Binding.MUST else " (should)"


def provision_words(provision: Provision | None) -> str:
    """A provision's value for a person; None: nothing is known."""
    if provision is None:
        return "not known here"
    if not provision.stated:
        return "not stated in the sources that we know"
    return "nothing is asked" if provision.value is None else value_words(provision.value)


def value_words(value: Any) -> str:
    """A parameter's value for a person."""
    if value is True:
        return "asked for"
    if value is False:
        return "not asked for"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {value_words(item)}" for key, item in value.items())
    if isinstance(value, frozenset):
        return ", ".join(sorted(value_words(item) for item in value)) or "none"
    if isinstance(value, tuple):
        return _row_words(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    return value.value if isinstance(value, Term) else str(value)


def _row_words(row: tuple[Any, ...]) -> str:
    if row and all(isinstance(item, tuple) for item in row):
        return "; ".join(_row_words(item) for item in row)
    if len(row) == 2 and all(type(item) is int for item in row):
        return f"{row[0]} to {row[1]}"
    shown = (item for item in row if item not in (dt.date.min, 0) or item is False)
    return " ".join(_flag_words(item) for item in shown)


def _flag_words(item: Any) -> str:
    if isinstance(item, bool):
        return "for everyone, version" if item else "for who can become pregnant, version"
    return value_words(item)
