"""What an order or a REMS request is about: the medicine, and the patient by number, never name."""

from __future__ import annotations

import math
import re
from typing import Any

from sqlalchemy.orm import Session

from compliance.api.answers import Resource
from compliance.api.parts import RXNORM
from compliance.interop.fhir_json import items, part, text_of
from compliance.interop.fhir_people import read_subject
from compliance.models import Clinic, Patient
from compliance.services.actors import Actor
from compliance.services.errors import NotFound
from compliance.services.incoming import Identifier, Subject
from compliance.services.matching import Match, match
from compliance.services.patients import get_patient

_MOST = 1000  # days or refills; beyond it nothing differs
_CODE = "6064"  # isotretinoin in RxNorm
_PUBLIC_ID = re.compile(r"[0-9a-f]{16}")
_NAME = re.compile(r"\bisotretinoin|\bisotrétinoïne", re.IGNORECASE)


def is_isotretinoin(concept: Any) -> bool:
    """Whether a CodeableConcept names the medicine, by its code or in its words."""
    codings = items(part(concept).get("coding"))
    if any(text_of(c, "system") == RXNORM and text_of(c, "code") == _CODE for c in codings):
        return True
    texts = (text_of(concept, "text"), *(text_of(coding, "display") for coding in codings))
    return any(_NAME.search(text) for text in texts)


def orders_isotretinoin(request: Resource) -> bool:
    """Whether a MedicationRequest orders it; a contained Medication is looked into."""
    if is_isotretinoin(request.get("medicationCodeableConcept")):
        return True
    named = text_of(part(request, "medicationReference"), "reference").removeprefix("#")
    return any(
        text_of(item, "id") == named and is_isotretinoin(item.get("code"))
        for item in items(request.get("contained"))
    )


def amount_of(request: Resource) -> tuple[int | None, int | None]:
    """The days of supply and the refills that an order asks for; None where it does not say."""
    asked = part(request, "dispenseRequest")
    duration = part(asked, "expectedSupplyDuration")
    in_days = text_of(duration, "code") == "d" or text_of(duration, "unit") in ("d", "day", "days")
    return (
        _whole(duration.get("value"), 1) if in_days else None,
        _whole(asked.get("numberOfRepeatsAllowed"), 0),
    )


def _whole(value: Any, least: int) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return min(math.ceil(value), _MOST) if least <= value < math.inf else None


def whose(
    session: Session, actor: Actor, clinic: Clinic, patient: Resource, *more: Identifier
) -> Match:
    """The patient of a Patient resource: by our own public id, else by numbers as for results."""
    known = by_public_id(session, actor, text_of(patient, "id"))
    if known is not None:
        return Match(known)
    subject = read_subject(patient)
    numbers = (*subject.identifiers, *more)
    named = Subject(numbers, subject.family_name, subject.given_name, subject.born_as_sent,
                    subject.born, subject.sex)  # fmt: skip
    found = match(session, clinic, named)
    return Match(found.patient, None, found.reason)


def by_public_id(session: Session, actor: Actor, public_id: str) -> Patient | None:
    """The patient of the program's clinic with this id: ids are random, so a fit is ours."""
    if not _PUBLIC_ID.fullmatch(public_id):
        return None
    try:
        return get_patient(session, actor, public_id)
    except NotFound:
        return None
