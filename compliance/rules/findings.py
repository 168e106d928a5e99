"""What the rules answer: findings with reasons and provisions, and their assessment."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, NamedTuple

from compliance.rules.terms import Act, Binding, Outcome, Phase, Requirement, Verdict

Days = tuple[dt.date, dt.date]


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a value stands in print; `verified` is false until a person has opened the source."""

    title: str
    href: str
    published_on: str
    locator: str = ""
    verified: bool = True


@dataclass(frozen=True, slots=True)
class Provision:
    """A parameter's value in force on a date: value, the authority's verb, edition and citation.

    A value of None means that the authority asks for nothing here; `stated` is false where the
    sources that we know do not say, which is not the same.
    """

    parameter: str
    value: Any
    binding: Binding
    edition: str
    citation: Citation
    stated: bool = True


class Finding(NamedTuple):
    """The outcome of one requirement: the sentence everybody sees, and what would clear it.

    `action` is the smallest act that clears it ("" when none is needed); `earliest` the first day
    on which that act can serve, `act_by` the last useful moment (an aware instant), either may be
    None.
    """

    requirement: Requirement
    outcome: Outcome
    binding: Binding
    reason: str
    evidence: tuple[str, ...] = ()
    basis: tuple[Provision, ...] = ()
    action: str = ""
    earliest: dt.date | None = None
    act_by: dt.datetime | None = None
    urgent: bool = False

    @property
    def blocks(self) -> bool:
        """A `must` that is unmet or unknown."""
        return self.binding is Binding.MUST and self.outcome in (Outcome.UNMET, Outcome.UNKNOWN)

    @property
    def warns(self) -> bool:
        """A `should` that is unmet or unknown."""
        return self.binding is Binding.SHOULD and self.outcome in (Outcome.UNMET, Outcome.UNKNOWN)


@dataclass(frozen=True, slots=True)
class PlannedDate:
    """One thing ahead: what, from which day, until which day, in one sentence."""

    requirement: Requirement
    first: dt.date
    last: dt.date
    sentence: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a record: an act at an aware moment, for a prescription of so many days."""

    at: dt.datetime
    act: Act
    days_supply: int = 30
    refills: int = 0
    by: str = "dermatologist"


@dataclass(frozen=True, slots=True)
class Assessment:
    """All findings for one question, as known at an instant.

    `time_zone` is the clinic's, whose local date is the day asked; `authority_zone` the one in
    which windows end.
    `window` are the first and last day on which the act may be done as things stand, and
    `window_closes_at` the instant at which the last day ends in the authority's time zone.
    `earliest` is the first day on which it could be if what is missing is done in time.
    `changes_at` is the first moment at which time alone changes any of it (None: never).
    """

    question: Question
    time_zone: str
    programme: str
    authority_zone: str
    edition: str
    phase: Phase
    verdict: Verdict
    findings: tuple[Finding, ...]
    window: Days | None
    window_closes_at: dt.datetime | None
    earliest: dt.date | None
    due: dict[Requirement, Days]
    grades: dict[str, int]
    changes_at: dt.datetime | None

    @property
    def blocked_by(self) -> tuple[Requirement, ...]:
        """The requirements that block, each once, in the order of the findings."""
        return tuple(dict.fromkeys(f.requirement for f in self.findings if f.blocks))

    @property
    def warnings(self) -> tuple[Requirement, ...]:
        """The requirements that warn, each once, in the order of the findings."""
        return tuple(dict.fromkeys(f.requirement for f in self.findings if f.warns))
