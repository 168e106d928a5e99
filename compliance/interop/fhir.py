"""FHIR R4 to typed input: Observations wherever they stand in a document, and nothing guessed.

The day of collection is effective[x], else the specimen's collection; never `issued`, which says
when the result was reported. A reference is followed inside the document only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from compliance.interop.fhir_json import (
    Resource,
    Unreadable,
    all_texts,
    items,
    part,
    read_documents,
    text_of,
)
from compliance.interop.fhir_people import read_subject
from compliance.interop.fhir_questionnaires import KIND as FORM
from compliance.interop.fhir_questionnaires import answered_texts, is_known, read_answers
from compliance.interop.fhir_values import read_codings, read_flags, read_range, read_value
from compliance.interop.times import read_stamp
from compliance.services.incoming import (
    IncomingFile,
    IncomingMessage,
    IncomingResult,
    Stamp,
    Subject,
    Value,
)

FORMAT = "fhir"
# The words of FHIR in the letters of HL7 table 0085; any other word is passed on and is not final.
_STATUSES = {
    "registered": "I",
    "preliminary": "P",
    "partial": "P",
    "final": "F",
    "amended": "C",
    "corrected": "C",
    "appended": "C",
    "cancelled": "X",
    "entered-in-error": "W",
    "unknown": "",
}
_DEAD = ("cancelled", "entered-in-error")
_EFFECTIVE = ("effectiveDateTime", "effectiveInstant")
# What these say is about people, places and definitions, not about a patient's state.
_SILENT = frozenset(
    {
        "Account", "Binary", "Bundle", "CodeSystem", "ConceptMap", "Coverage", "Device",
        "Endpoint", "HealthcareService", "Location", "Medication", "MessageHeader",
        "Observation", "Organization", "Patient", "Practitioner", "PractitionerRole",
        "Provenance", "Questionnaire", "RelatedPerson", "Specimen", "StructureDefinition",
        "ValueSet",
    }
)  # fmt: skip
_ORDER_EVENTS = ("O19", "O21", "O01", "O33")


def read_fhir(content: bytes) -> IncomingFile:
    """Every document as one message; `error` says why nothing could be read. Raises nothing."""
    try:
        documents = read_documents(content)
    except Unreadable as fault:
        return IncomingFile(FORMAT, error=str(fault))
    if len(documents) == 1:
        return IncomingFile(FORMAT, (_Document(documents[0]).message(1, content),))
    lines = [line for line in content.splitlines() if line.strip()]
    return IncomingFile(
        FORMAT,
        tuple(
            _Document(document).message(number, line)
            for number, (document, line) in enumerate(zip(documents, lines, strict=True), 1)
        ),
    )


@dataclass(frozen=True, slots=True)
class _Placed:
    """A resource, and what `#id` means where it stands."""

    resource: Resource
    inside: Resource  # the resource that contains it, or itself


class _Document:
    """One document, its resources in order, and the addresses that its references can name."""

    def __init__(self, root: Resource) -> None:
        self.root = root
        self.placed: list[_Placed] = []
        self.by_address: dict[str, Resource] = {}
        self._gather(root, "")
        self.reports = self._reports()

    def _gather(self, root: Resource, address: str) -> None:
        waiting = deque([(root, address)])
        while waiting:
            resource, known_as = waiting.popleft()
            self._know(resource, known_as)
            self.placed.append(_Placed(resource, resource))
            self.placed.extend(_Placed(item, resource) for item in items(resource.get("contained")))
            if resource.get("resourceType") == "Bundle":
                waiting.extend(
                    (entry["resource"], text_of(entry, "fullUrl"))
                    for entry in items(resource.get("entry"))
                    if isinstance(entry.get("resource"), dict)
                )

    def _know(self, resource: Resource, address: str) -> None:
        own = text_of(resource, "id")
        if own:
            self.by_address.setdefault(f"{text_of(resource, 'resourceType')}/{own}", resource)
        if address:
            self.by_address.setdefault(address, resource)

    def _reports(self) -> dict[int, Resource]:
        """For each Observation, by identity, the report that lists it."""
        found: dict[int, Resource] = {}
        for placed in self.of_type("DiagnosticReport"):
            for reference in items(placed.resource.get("result")):
                result = self.resolve(reference, placed.inside)
                if result is not None:
                    found.setdefault(id(result), placed.resource)
        return found

    def of_type(self, name: str) -> list[_Placed]:
        """The resources of one type."""
        return [item for item in self.placed if item.resource.get("resourceType") == name]

    def resolve(self, reference: Resource, inside: Resource) -> Resource | None:
        """The resource that a reference names in this document, or None."""
        address = text_of(reference, "reference")
        if address.startswith("#"):
            contained = items(inside.get("contained"))
            return next((item for item in contained if text_of(item, "id") == address[1:]), None)
        return self.by_address.get(address) or self.by_address.get(address.split("/_history/")[0])

    def message(self, position: int, raw: bytes) -> IncomingMessage:
        """The typed message."""
        header = next((item.resource for item in self.of_type("MessageHeader")), {})
        event = text_of(part(header, "eventCoding"), "code")
        observations = self.of_type("Observation")
        results = [
            *(result for item in observations for result in self._results(item)),
            *(result for item in self.of_type(FORM) for result in self._answers(item)),
        ]
        reports = self.of_type("DiagnosticReport")
        is_order = event in _ORDER_EVENTS
        return IncomingMessage(
            position=position,
            type=_type(self.root),
            control_id=text_of(part(self.root, "identifier"), "value") or text_of(self.root, "id"),
            sent_at=text_of(self.root, "timestamp"),
            sender=self._sender(header),
            is_test=_is_test(self.root),
            carries_results=bool(results or reports) and not is_order,
            is_order=is_order,
            subject=results[0].subject if results else self._only_patient(),
            results=tuple(replace(item, position=at) for at, item in enumerate(results, 1)),
            remarks=tuple(self._remarks()),
            raw=raw,
            problem=self._missing(),
        )

    def _sender(self, header: Resource) -> str:
        source = part(header, "source")
        named = text_of(source, "name") or text_of(source, "endpoint")
        return named or text_of(part(self.root, "meta"), "source")

    def _only_patient(self) -> Subject:
        patients = self.of_type("Patient")
        return read_subject(patients[0].resource) if len(patients) == 1 else Subject()

    def _missing(self) -> str:
        absent = sum(
            self.resolve(reference, placed.inside) is None
            for placed in self.of_type("DiagnosticReport")
            for reference in items(placed.resource.get("result"))
        )
        if not absent:
            return ""
        return (
            f"A report refers to {absent} result{'s' if absent > 1 else ''} that"
            f" {'are' if absent > 1 else 'is'} not in this document. Ask the sender for"
            f" {'them' if absent > 1 else 'it'}."
        )

    def _results(self, placed: _Placed) -> Iterator[IncomingResult]:
        """An Observation's own value, and each of its components."""
        observation = placed.resource
        components = items(observation.get("component"))
        whole = self._result(placed)
        if whole.value.text or not components:
            yield whole
        for component in components:
            yield replace(
                whole,
                code=read_codings(component.get("code")),
                value=(read := read_value(component)).value,
                unit=read.unit,
                reference_range=read_range(component, read.unit),
                flags=read_flags(component),
                source="Observation.component",
            )

    def _result(self, placed: _Placed) -> IncomingResult:
        observation = placed.resource
        read = read_value(observation)
        notes = [text_of(note, "text") for note in items(observation.get("note"))]
        return IncomingResult(
            position=0,
            code=read_codings(observation.get("code")),
            value=read.value,
            unit=read.unit,
            reference_range=read_range(observation, read.unit),
            flags=read_flags(observation),
            status=self._status(observation),
            collected=self._collected(placed),
            subject=self._subject(placed),
            source="Observation.code",
            order=next((text_of(item, "value") for item in items(observation.get("identifier"))
                        if text_of(item, "value")), text_of(observation, "id")),
            notes=tuple(filter(None, (*notes, *read.notes))),
        )  # fmt: skip

    def _status(self, observation: Resource) -> str:
        report = self.reports.get(id(observation), {})
        own, over = text_of(observation, "status"), text_of(report, "status")
        if observation.get("modifierExtension"):
            return "changed by a modifierExtension"
        word = over if over in _DEAD else own
        return _STATUSES.get(word, word)

    def _collected(self, placed: _Placed) -> Stamp:
        observation = placed.resource
        for name in _EFFECTIVE:
            if text_of(observation, name):
                return read_stamp(text_of(observation, name), name)
        period = part(observation, "effectivePeriod")
        if period:
            return _one_day(period, "effectivePeriod")
        if observation.get("effectiveTiming"):
            return Stamp("a timing", source="effectiveTiming")
        specimen = self.resolve(part(observation, "specimen"), placed.inside) or {}
        collection = part(specimen, "collection")
        if collection.get("collectedPeriod"):
            return _one_day(part(collection, "collectedPeriod"), "Specimen.collection")
        return read_stamp(text_of(collection, "collectedDateTime"), "Specimen.collection")

    def _subject(self, placed: _Placed) -> Subject:
        """The one patient whom the Observation and its report name; two different ones: nobody."""
        own = part(placed.resource, "subject")
        report = self.reports.get(id(placed.resource), {})
        listed = part(report, "subject")
        if not own:
            return self._named(listed, report)
        found = self._named(own, placed.inside)
        if listed and text_of(listed, "reference") != text_of(own, "reference"):
            other = self._named(listed, report)
            return found if other == found else Subject()
        return found

    def _named(self, reference: Resource, inside: Resource) -> Subject:
        resource = self.resolve(reference, inside)
        return read_subject(resource, reference)

    def _answers(self, placed: _Placed) -> Iterator[IncomingResult]:
        subject = self._named(part(placed.resource, "subject"), placed.inside)
        return read_answers(placed.resource, subject)

    def _words(self, resource: Resource) -> str:
        """What a resource says; of a form that we know, only what was answered."""
        if resource.get("resourceType") == FORM and is_known(resource):
            return answered_texts(resource)
        return " ".join(all_texts(resource))

    def _remarks(self) -> Iterator[IncomingResult]:
        """What other resources say in words: a pregnancy among it must not vanish."""
        for placed in self.placed:
            kind = text_of(placed.resource, "resourceType")
            if kind in _SILENT:
                continue
            own = {key: value for key, value in placed.resource.items() if key != "contained"}
            reference = part(own, "subject") or part(own, "patient")
            yield IncomingResult(
                position=0,
                value=Value("TX", self._words(own)),
                subject=self._named(reference, placed.inside),
                source=kind[:20],
                is_remark=True,
            )


def _type(root: Resource) -> str:
    kind = text_of(root, "resourceType")
    return f"{kind} {text_of(root, 'type')}".strip() if kind == "Bundle" else kind


def _is_test(root: Resource) -> bool:
    labels = items(part(root, "meta").get("tag")) + items(part(root, "meta").get("security"))
    return any(text_of(label, "code") == "HTEST" for label in labels)


def _one_day(period: Resource, source: str) -> Stamp:
    start, end = (read_stamp(text_of(period, name), source) for name in ("start", "end"))
    if not end.text or (start.day is not None and start.day == end.day):
        return start
    return Stamp(f"{start.text} / {end.text}", source=source)
