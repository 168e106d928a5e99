"""From what is known to a form that is filled in as far as it may be, and from there to facts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from compliance.models import Role
from compliance.rules.facts import Fact, MethodReport, read_fact
from compliance.rules.terms import Side, Topic
from compliance.services.actors import Actor
from compliance.services.visit_opening import Opening
from compliance.services.visit_preview import NewPrescription, VisitContent
from compliance.web.filters import number
from compliance.web.visit_form import NAMES, VisitForm

Answers = dict[str, list[str]]
Told = tuple[str, dict[str, Any]]
# What a nurse leaves for the prescriber, to be offered when the prescriber opens the visit.
PREPARED = ("daily_dose_mg", "days_supply", "refills")


def typed(sent: Any) -> Answers:
    """What a request says in the fields of the visit, as it was typed."""
    return {name: sent.getlist(name) for name in sorted(NAMES) if name in sent}


def first_answers(opening: Opening, prepared: Mapping[str, str]) -> Answers:
    """What is offered before anything is typed: never a result, a statement or an answer."""
    offered: dict[str, str | list[str]] = {
        "on": opening.today.isoformat(),
        "collected": opening.today.isoformat(),
        "mode": "in-person",
        "days_supply": _days(opening),
        "patient_methods": _methods(opening.statement(Side.PATIENT)),
        "prescriber_methods": _methods(opening.statement(Side.PRESCRIBER)),
    }
    offered["sensitivity"] = number(opening.test.sensitivity if opening.test else 25)
    if opening.test is not None:
        offered["specimen"] = opening.test.specimen.value
        offered["setting"] = opening.test.setting.value if opening.test.setting else "medical"
    if opening.prescription is not None and opening.prescription.daily_dose_mg:
        offered["daily_dose_mg"] = number(opening.prescription.daily_dose_mg)
    given = {**offered, **{name: prepared[name] for name in PREPARED if name in prepared}}
    return {name: [value] if isinstance(value, str) else value for name, value in given.items()}


def _days(opening: Opening) -> str:
    return str(opening.prescription.days_supply) if opening.prescription else "30"


def _methods(report: MethodReport | None) -> list[str]:
    return [method.value for method in report.methods] if report else []


def content_of(form: VisitForm, actor: Actor, override_reason: str = "") -> VisitContent:
    """What a form that was accepted records when this person sends it; raises FactError."""
    decides = actor.role is Role.PRESCRIBER
    told = [*_visit(form), *_test(form), *_statements(form), *_talk(form), *_body(form)]
    if decides:
        told += _decided(form, actor)
    wanted = bool(form.prescribe.data)
    return VisitContent(
        facts=tuple(_fact(kind, data) for kind, data in told),
        prescription=_prescription(form, override_reason) if wanted and decides else None,
        prepared={} if decides else _prepared(form),
    )


def _fact(kind: str, data: dict[str, Any]) -> Fact:
    return read_fact(kind, {name: value for name, value in data.items() if value not in ("", None)})


def _prepared(form: VisitForm) -> dict[str, str]:
    """What only a prescriber may do, as the nurse leaves it."""
    left = {name: str(form[name].data) for name in PREPARED if form[name].data is not None}
    prepared = left if form.prescribe.data else {}
    return {**prepared, **({"counselled": "yes"} if form.counselled.data else {})}


def _prescription(form: VisitForm, override_reason: str) -> NewPrescription:
    return NewPrescription(
        days_supply=int(form.days_supply.data),
        refills=int(form.refills.data or 0),
        daily_dose_mg=form.daily_dose_mg.data,
        override_reason=override_reason,
    )


def _visit(form: VisitForm) -> Iterator[Told]:
    topics = list(form.topics.data or [])
    if form.mood_sum is not None and Topic.MENTAL_HEALTH.value not in topics:
        topics.insert(0, Topic.MENTAL_HEALTH.value)  # the two questions are how one asks
    yield "visit", {"on": form.on.data, "mode": form.mode.data, "topics": topics}


def _test(form: VisitForm) -> Iterator[Told]:
    if not form.result.data:
        return
    at_home = form.setting.data == "home"
    data = {name: form[name].data for name in ("collected", "result", "specimen", "setting")}
    if form.sensitivity.data is not None:
        data["sensitivity"] = float(form.sensitivity.data)
    if at_home:
        data["supervision"] = form.supervision.data
        data["home_process_documented"] = bool(form.home_process_documented.data)
    elif form.clia_certified.data:
        data["clia_certified"] = form.clia_certified.data == "yes"
    yield "pregnancy_test", data


def _statements(form: VisitForm) -> Iterator[Told]:
    for side in ("prescriber", "patient"):
        if form[f"{side}_states"].data:
            methods = form[f"{side}_methods"].data
            yield "method_report", {"on": form.on.data, "by": side, "methods": methods}
    if form.exemption.data:
        yield (
            "contraception_exemption",
            {
                "on": form.on.data,
                "reason": form.exemption.data,
                "on_form": bool(form.exemption_on_form.data),
            },
        )


def _talk(form: VisitForm) -> Iterator[Told]:
    on = form.on.data
    if form.understood.data:
        yield "comprehension", {"on": on, "passed": form.understood.data == "yes"}
    if form.mood_sum is not None:
        yield "mood_screen", _mood(form, on)
    for name in form.named_symptoms:
        yield "symptom", {"on": on, "name": name}


def _mood(form: VisitForm, on: dt.date) -> dict[str, Any]:
    data: dict[str, Any] = {
        "on": on,
        "interest": int(form.interest.data),
        "low_mood": int(form.low_mood.data),
    }
    if form.asks_phq9:
        data["phq9"], data["self_harm"] = form.phq9.data, int(form.self_harm.data)
        data["action"] = (form.mood_action.data or "").strip()
    return data


def _body(form: VisitForm) -> Iterator[Told]:
    if form.weight_kg.data is not None:
        weight: Decimal = form.weight_kg.data
        yield "weight", {"on": form.on.data, "kg": float(weight)}


def _decided(form: VisitForm, actor: Actor) -> Iterator[Told]:
    on = form.on.data
    if form.counselled.data:
        yield "counselling", {"on": on}
    note = (form.decision_note.data or "").strip()
    decision = f"{form.decision.data}: {note}" if note else form.decision.data
    for analyte in form.decided_about.data:
        data = {"on": on, "analyte": analyte, "decision": decision, "by": actor.name}
        yield "lab_decision", data
