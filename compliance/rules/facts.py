"""The facts of one patient's record, and the strict reader of case files and the database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from compliance.rules.clinic_facts import MoodScreen, ProtocolStep, WaitingResult, Weight
from compliance.rules.fact_base import Fact
from compliance.rules.fact_codec import FactError, plain, read_table, specs_of
from compliance.rules.terms import (
    Analyte,
    Cycle,
    ExemptionReason,
    Form,
    LabSchedule,
    Method,
    Potential,
    PotentialReason,
    Profession,
    ResultStatus,
    Sex,
    Side,
    Signer,
    Specimen,
    Supervision,
    TestResult,
    TestSetting,
    Topic,
    VisitMode,
)

F = TypeVar("F", bound="Fact")

__all__ = [
    "KINDS",
    "Acknowledgement",
    "Adoption",
    "ClinicTerms",
    "Comprehension",
    "Contraception",
    "ContraceptionExemption",
    "Counselling",
    "Dispensing",
    "Enrolment",
    "Fact",
    "FactError",
    "InteractionAcknowledged",
    "Lab",
    "LabDecision",
    "LastDose",
    "LimitSet",
    "Medicine",
    "Menses",
    "MethodReport",
    "MoodScreen",
    "Pregnancy",
    "PregnancyExcluded",
    "PregnancyPotential",
    "PregnancyTest",
    "Prescription",
    "ProtocolStep",
    "Record",
    "Symptom",
    "Visit",
    "WaitingResult",
    "Weight",
    "facts_of",
    "read_adoption",
    "read_fact",
    "write_fact",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PregnancyPotential(Fact):
    """From a day on, whether the patient can become pregnant, why, and who says so."""

    kind: ClassVar[str] = "pregnancy_potential"
    day_key: ClassVar[str] = "from_"
    from_: dt.date
    can_become_pregnant: Potential
    reason: PotentialReason | None = None
    confirmed_by_professional: bool = False
    cycle: Cycle = Cycle.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment(Fact):
    """The patient was entered in the programme's registry."""

    kind: ClassVar[str] = "enrolment"
    on: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit(Fact):
    """An appointment, and what was asked at it."""

    kind: ClassVar[str] = "visit"
    on: dt.date
    mode: VisitMode | None = None
    topics: tuple[Topic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement(Fact):
    """A form was signed, by whom, in which version."""

    kind: ClassVar[str] = "acknowledgement"
    on: dt.date
    form: Form
    version: str = ""
    signed_by: tuple[Signer, ...]
    prescribers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counselling(Fact):
    """The prescriber confirmed that the patient was counselled."""

    kind: ClassVar[str] = "counselling"
    on: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Comprehension(Fact):
    """The patient answered the month's questions."""

    kind: ClassVar[str] = "comprehension"
    on: dt.date
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PregnancyTest(Fact):
    """A pregnancy test, dated by collection; sensitivity in mIU/mL (smallest hCG it detects)."""

    kind: ClassVar[str] = "pregnancy_test"
    day_key: ClassVar[str] = "collected"
    collected: dt.date
    result: TestResult
    specimen: Specimen = Specimen.URINE
    setting: TestSetting | None = None
    clia_certified: bool | None = None
    supervision: Supervision | None = None
    home_process_documented: bool = False
    sensitivity: float = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Menses(Fact):
    """A period began."""

    kind: ClassVar[str] = "menses"
    day_key: ClassVar[str] = "started"
    started: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Contraception(Fact):
    """A method in use, from a day and perhaps until one (inclusive)."""

    kind: ClassVar[str] = "contraception"
    day_key: ClassVar[str] = "from_"
    method: Method
    from_: dt.date
    until: dt.date | None = None
    effective_from: dt.date | None = None
    renewals: tuple[dt.date, ...] = ()
    documented_by_professional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodReport(Fact):
    """The methods that one side stated this month."""

    kind: ClassVar[str] = "method_report"
    on: dt.date
    by: Side
    methods: tuple[Method, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContraceptionExemption(Fact):
    """Prescriber and patient agree that no pregnancy risk is expected."""

    kind: ClassVar[str] = "contraception_exemption"
    on: dt.date
    reason: ExemptionReason
    on_form: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Medicine(Fact):
    """Another medicine that the patient takes; its key is lower case with hyphens."""

    kind: ClassVar[str] = "medicine"
    day_key: ClassVar[str] = "from_"
    name: str
    from_: dt.date
    until: dt.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionAcknowledged(Fact):
    """The prescriber acknowledged an interaction."""

    kind: ClassVar[str] = "interaction_acknowledged"
    medicine: str
    on: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Prescription(Fact):
    """A prescription was issued; `daily_dose_mg` in mg a day."""

    kind: ClassVar[str] = "prescription"
    on: dt.date
    days_supply: int = field(default=30, metadata={"least": 1})
    refills: int = 0
    daily_dose_mg: float | None = None
    by: Profession = Profession.DERMATOLOGIST


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispensing(Fact):
    """The medicine was handed over."""

    kind: ClassVar[str] = "dispensing"
    on: dt.date
    days_supply: int = field(default=30, metadata={"least": 1})


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDose(Fact):
    """The course ended with the dose of this day."""

    kind: ClassVar[str] = "last_dose"
    on: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab(Fact):
    """One result as the laboratory wrote it; value and its own upper limit are text."""

    kind: ClassVar[str] = "lab"
    day_key: ClassVar[str] = "collected"
    collected: dt.date | dt.datetime
    analyte: Analyte
    value: str
    unit: str = ""
    upper_limit: str = ""
    status: ResultStatus = ResultStatus.FINAL
    fasting: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabDecision(Fact):
    """A named clinician decided what follows from the results known on this day."""

    kind: ClassVar[str] = "lab_decision"
    on: dt.date
    analyte: Analyte
    decision: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom(Fact):
    """A symptom that was reported; its key is lower case with hyphens."""

    kind: ClassVar[str] = "symptom"
    on: dt.date
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pregnancy(Fact):
    """A pregnancy was confirmed."""

    kind: ClassVar[str] = "pregnancy"
    on: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class PregnancyExcluded(Fact):
    """A named person closed a positive or unclear test, or a pregnancy, with a reason."""

    kind: ClassVar[str] = "pregnancy_excluded"
    on: dt.date
    by: str
    reason: str


# The kinds that a case file may hold.
KINDS: dict[str, type[Fact]] = {
    fact.kind: fact
    for fact in (
        PregnancyPotential, Enrolment, Visit, Acknowledgement, Counselling, Comprehension,
        PregnancyTest, Menses, Contraception, MethodReport, ContraceptionExemption, Medicine,
        InteractionAcknowledged, Prescription, Dispensing, LastDose, Lab, LabDecision, Symptom,
        Pregnancy, PregnancyExcluded,
    )
}  # fmt: skip
# And what the clinic keeps beside them.
_RECORDED: dict[str, type[Fact]] = {
    **KINDS,
    **{fact.kind: fact for fact in (ProtocolStep, Weight, MoodScreen)},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """A clinic's attested statement that it works by an edition from a day on."""

    edition: str
    on: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSet:
    """The action limits, by their keys, that a clinic works by from a day on: the whole set."""

    on: dt.date
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicTerms:
    """What the clinic itself decides: time zone, adoptions, laboratory plan and action limits."""

    time_zone: str
    adoptions: tuple[Adoption, ...] = ()
    lab_schedule: LabSchedule | None = None
    limits: tuple[LimitSet, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything known about one patient; the order of the facts carries no meaning."""

    born: dt.date
    sex_at_birth: Sex | None = None
    facts: tuple[Fact, ...] = field(default=())


def read_fact(kind: str, data: Mapping[str, Any], fact_id: str = "") -> Fact:
    """Read one fact from plain data (TOML values or JSON text for dates).

    Raises FactError naming the key, what was found and what is allowed.
    """
    target = _RECORDED.get(kind)
    if target is None:
        raise FactError(kind, f"unknown kind (allowed: {', '.join(_RECORDED)})")
    return read_table(target, data, fact_id)


def write_fact(fact: Fact) -> dict[str, Any]:
    """The fact as plain JSON data, without what equals the default; read_fact gives it back."""
    found: dict[str, Any] = {}
    for name, spec in specs_of(type(fact)).items():
        value = getattr(fact, spec.attribute)
        if spec.attribute != "id" and (spec.required or value != spec.default):
            found[name] = plain(value)
    return found


def read_adoption(data: Mapping[str, Any]) -> Adoption:
    """Read an adoption from plain data; raises FactError."""
    return read_table(Adoption, data)


def facts_of(facts: Iterable[Fact], kind: type[F]) -> list[F]:
    """Every fact of one kind, oldest first; ties keep a stable order by id."""
    return sorted(
        (fact for fact in facts if type(fact) is kind), key=lambda fact: (fact.day, fact.id)
    )
