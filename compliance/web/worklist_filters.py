"""Which part of the worklist an address asks for; no patient data ever stands in it."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

from compliance.db import db
from compliance.rules.terms import Phase
from compliance.services import contacts, patients
from compliance.services.worklist import SHOWN, Filters, Order
from compliance.web.security import actor, clinic

PHASES = {Phase.BEFORE: "Before treatment", Phase.DURING: "On treatment", Phase.AFTER: "After"}
ORDERS = {
    Order.URGENT: "Most urgent",
    Order.ACT_BY: "Last useful moment",
    Order.NAME: "Family name",
    Order.CONTACT: "Longest without contact",
}
MINE, TO_ME = "mine", "to-me"
NAMES = ("group", "prescriber", "phase", "whose", "sort")


def asked(args: Mapping[str, str]) -> dict[str, str]:
    """The parts of the address that mean something here, as they were written."""
    allowed = {
        "group": SHOWN,
        "prescriber": [value for value, _ in _people()],
        "phase": [phase.value for phase in PHASES],
        "whose": [value for value, _ in _whose()],
        "sort": [order.value for order in ORDERS if order is not Order.URGENT],
    }
    return {name: args[name] for name in NAMES if args.get(name) in allowed[name]}


def read(query: Mapping[str, str]) -> Filters:
    """The filters of what `asked` returned."""
    whose = query.get("whose", "")
    return Filters(
        group=query.get("group", ""),
        prescriber_id=int(query["prescriber"]) if "prescriber" in query else None,
        phase=Phase(query["phase"]) if "phase" in query else None,
        mine=whose == MINE,
        handed_to_id=actor().user_id if whose == TO_ME else int(whose) if whose.isdigit() else None,
        order=Order(query.get("sort", Order.URGENT)),
    )


def fields(query: Mapping[str, str]) -> list[SimpleNamespace]:
    """The selects of the filter form: name, label, the choices and the one that is chosen."""
    every = {
        "whose": ("Whose", "Everybody's", _whose()),
        "prescriber": ("Prescriber", "Any", _people()),
        "phase": ("Phase", "Any", [(phase.value, text) for phase, text in PHASES.items()]),
        "sort": ("Sorted by", ORDERS[Order.URGENT], _orders()),
    }
    return [
        SimpleNamespace(name=name, label=label, none=none, options=options, value=query.get(name))
        for name, (label, none, options) in every.items()
    ]


def in_words(chosen: list[SimpleNamespace]) -> list[str]:
    """What is chosen, for the line above the list: "Prescriber: Dr Pia Ramos"."""
    return [f"{field.label}: {dict(field.options)[field.value]}" for field in chosen if field.value]


def _people() -> list[tuple[str, str]]:
    found = patients.prescribers(db.session(), clinic())
    return [(str(person.id), person.name) for person in found]


def _whose() -> list[tuple[str, str]]:
    me = actor().user_id
    others = [
        (str(person.id), f"Handed to {person.name}")
        for person in contacts.colleagues(db.session(), clinic().id)
        if person.id != me
    ]
    return [(MINE, "Mine or handed to me"), (TO_ME, "Handed to me"), *others]


def _orders() -> list[tuple[str, str]]:
    return [(order.value, text) for order, text in ORDERS.items() if order is not Order.URGENT]
