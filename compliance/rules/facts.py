"""The facts of one patient's record, and the strict reader of case files and the database."""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from enum import Enum
from typing import Any, ClassVar, TypeVar, Union, get_args, get_origin, get_type_hints

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

T = TypeVar("T")
F = TypeVar("F", bound="Fact")


class FactError(ValueError):
    """A fact that cannot be read: which key, what was found, what is allowed."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One dated statement about a patient; `day` is when it happened, `id` names the evidence."""

    kind: ClassVar[str]
    day_key: ClassVar[str] = "on"
    id: str = ""

    @property
    def day(self) -> dt.date:
        """The clinic-local date on which this happened or from which it holds."""
        value = getattr(self, self.day_key)
        return value.date() if isinstance(value, dt.datetime) else value


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
    mode: VisitMode = VisitMode.IN_PERSON
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


KINDS: dict[str, type[Fact]] = {
    fact.kind: fact
    for fact in (
        PregnancyPotential, Enrolment, Visit, Acknowledgement, Counselling, Comprehension,
        PregnancyTest, Menses, Contraception, MethodReport, ContraceptionExemption, Medicine,
        InteractionAcknowledged, Prescription, Dispensing, LastDose, Lab, LabDecision, Symptom,
        Pregnancy, PregnancyExcluded,
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """A clinic's attested statement that it works by an edition from a day on."""

    edition: str
    on: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicTerms:
    """What the clinic itself decides: its time zone, its adoptions and its laboratory plan."""

    time_zone: str
    adoptions: tuple[Adoption, ...] = ()
    lab_schedule: LabSchedule | None = None


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
    if kind not in KINDS:
        raise FactError(kind, f"unknown kind (allowed: {', '.join(KINDS)})")
    return _read(KINDS[kind], data, {"id": fact_id})


def write_fact(fact: Fact) -> dict[str, Any]:
    """The fact as plain JSON data, without what equals the default; read_fact gives it back."""
    plain: dict[str, Any] = {}
    for name, spec in _specs(type(fact)).items():
        value = getattr(fact, spec.attribute)
        if spec.attribute != "id" and (spec.required or value != spec.default):
            plain[name] = _plain(value)
    return plain


def read_adoption(data: Mapping[str, Any]) -> Adoption:
    """Read an adoption from plain data; raises FactError."""
    return _read(Adoption, data, {})


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class _Spec:
    """How one key of a table is read."""

    attribute: str
    convert: Callable[[Any], Any]
    allowed: str
    required: bool
    default: Any


_BOTH: Any = (Union, types.UnionType)


_KNOWN: dict[str, dict[str, _Spec]] = {}


def _specs(target: type[Any]) -> dict[str, _Spec]:
    known = _KNOWN.get(target.__name__)
    if known is None:
        hints = get_type_hints(target)
        known = _KNOWN[target.__name__] = {
            item.name.rstrip("_"): _spec(item, hints[item.name])
            for item in fields(target)
            if get_origin(hints[item.name]) is not ClassVar
        }
    return known


def _spec(item: Field[Any], hint: Any) -> _Spec:
    convert, allowed = _converter(hint)
    if "least" in item.metadata:
        convert, allowed = _count_from_one, "a whole number, 1 or more"
    required = item.default is MISSING and item.default_factory is MISSING
    return _Spec(item.name, convert, allowed, required, None if required else item.default)


def _read(target: type[T], data: Mapping[str, Any], extra: dict[str, Any]) -> T:
    specs = _specs(target)
    values = dict(extra)
    for key, value in data.items():
        spec = specs.get(key)
        if spec is None or key in extra or key == "id":
            known = ", ".join(name for name in specs if name != "id")
            raise FactError(key, f"unknown key (allowed: {known})")
        try:
            values[spec.attribute] = spec.convert(value)
        except (ValueError, TypeError):
            raise FactError(key, f"found {value!r} (allowed: {spec.allowed})") from None
    for key, spec in specs.items():
        if spec.required and spec.attribute not in values:
            raise FactError(key, f"missing (required: {spec.allowed})")
    _check_order(values)
    return target(**values)


def _check_order(values: Mapping[str, Any]) -> None:
    start = values.get("from_")
    for key in ("until", "effective_from"):
        if start and values.get(key) and values[key] < start:
            raise FactError(key, f"found {values[key]} (allowed: not before from, {start})")


def _converter(hint: Any) -> tuple[Callable[[Any], Any], str]:
    if hint in _SCALARS:
        return _SCALARS[hint]
    if get_origin(hint) in _BOTH:
        return _optional(hint)
    if get_origin(hint) is tuple:
        inner, allowed = _converter(get_args(hint)[0])
        return (lambda value: _list(value, inner)), f"a list of: {allowed}"
    if issubclass(hint, Potential):
        return _potential, 'true, false or "undetermined"'
    return (lambda value: hint(_text(value))), " | ".join(str(term) for term in hint)


def _optional(hint: Any) -> tuple[Callable[[Any], Any], str]:
    kinds = [kind for kind in get_args(hint) if kind is not types.NoneType]
    if set(kinds) == {dt.date, dt.datetime}:
        return _date_or_moment, "a local date or a date-time"
    inner, allowed = _converter(kinds[0])
    return (lambda value: None if value is None else inner(value)), allowed


def _list(value: Any, inner: Callable[[Any], Any]) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise TypeError
    return tuple(inner(item) for item in value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError
    return value


def _date(value: Any) -> dt.date:
    if type(value) is dt.date:
        return value
    if isinstance(value, str) and len(value) == 10:
        return dt.date.fromisoformat(value)
    raise TypeError


def _date_or_moment(value: Any) -> dt.date | dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, str) and len(value) > 10:
        return dt.datetime.fromisoformat(value)
    return _date(value)


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError
    return value


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError
    return value


def _count_from_one(value: Any) -> int:
    if _count(value) < 1:
        raise ValueError
    return int(value)


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not 0 < value < float("inf"):
        raise TypeError
    return float(value)


def _potential(value: Any) -> Potential:
    if type(value) is bool:
        return Potential.YES if value else Potential.NO
    return Potential(_text(value))


_SCALARS: dict[Any, tuple[Callable[[Any], Any], str]] = {
    str: (_text, "text that is not empty"),
    dt.date: (_date, "a local date such as 2026-04-02"),
    bool: (_truth, "true or false"),
    int: (_count, "a whole number, 0 or more"),
    float: (_number, "a number above 0"),
}


def facts_of(facts: Iterable[Fact], kind: type[F]) -> list[F]:
    """Every fact of one kind, oldest first; ties keep a stable order by id."""
    return sorted(
        (fact for fact in facts if type(fact) is kind), key=lambda fact: (fact.day, fact.id)
    )
