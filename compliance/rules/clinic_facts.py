"""The facts that a clinic keeps beside those that a case file may hold."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar

from compliance.rules.fact_base import Fact
from compliance.rules.terms import Analyte, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolStep(Fact):
    """A step of the stop protocol was done; `cause` names the evidence that opened it."""

    kind: ClassVar[str] = "protocol_step"
    on: dt.date
    step: Step
    cause: str
    by: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight(Fact):
    """Body weight in kg, for the dose a kilogram; no rule asks for it."""

    kind: ClassVar[str] = "weight"
    on: dt.date
    kg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MoodScreen(Fact):
    """The PHQ-2 (two answers of 0 to 3) and, where it was asked, the PHQ-9 (0 to 27).

    `self_harm` is the answer to the PHQ-9's ninth question (0 to 3), `action` what was done.
    """

    kind: ClassVar[str] = "mood_screen"
    on: dt.date
    interest: int
    low_mood: int
    phq9: int | None = None
    self_harm: int | None = None
    action: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingResult(Fact):
    """A result that the laboratory sent and that waits for a person: not evidence, never stored.

    `on` is the day of its arrival, `id` the received result. `analyte` is None where no code tells
    it; `pregnancy` where it may announce one; `certain` where the message names the patient;
    `stated` where the patient said so on the patient's page and no laboratory did.
    """

    kind: ClassVar[str] = "waiting_result"
    on: dt.date
    analyte: Analyte | None = None
    pregnancy: bool = False
    urgent: bool = False
    certain: bool = True
    stated: bool = False
