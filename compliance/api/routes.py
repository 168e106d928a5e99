"""One table of what the API serves; the OpenAPI description is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from compliance.api.answers import FHIR, JSON
from compliance.api.cds import SERVICE
from compliance.api.reading import KINDS, Kind
from compliance.api.results import HL7
from compliance.api.search import DATE, ID, IDENTIFIER, IN_BODY, LARGEST_PAGE
from compliance.services.api_clients import REMS, RESULTS_WRITE

Schema = Mapping[str, Any]
_KEY = {"type": "string", "pattern": ID}
_DATE = {"type": "string", "pattern": DATE}
_COUNT = {"type": "integer", "minimum": 0, "maximum": LARGEST_PAGE}
FORM = "application/x-www-form-urlencoded"
RESOURCE: Schema = {
    "type": "object",
    "properties": {"resourceType": {"type": "string"}},
    "required": ["resourceType"],
}


def of_type(name: str) -> Schema:
    """A resource of one type."""
    kind = {"type": "string", "enum": [name]}
    return {"type": "object", "properties": {"resourceType": kind}, "required": ["resourceType"]}


OUTCOME = of_type("OperationOutcome")
_ANY = {"type": "object"}


@dataclass(frozen=True, slots=True)
class Route:
    """One address and method: who may, what it takes, and what it answers."""

    method: str
    address: str
    name: str
    summary: str
    scope: str | None = None
    inside: Mapping[str, Schema] = field(default_factory=dict)  # parts of the address
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: Mapping[str, Schema] = field(default_factory=dict)  # by media type
    answers: Mapping[int, Mapping[str, Schema]] = field(default_factory=dict)
    refusals: tuple[int, ...] = ()
    needs_body: bool = True


def _asked(kind: Kind) -> dict[str, Schema]:
    extra = (
        {"identifier": {"type": "string", "pattern": IDENTIFIER}} if kind.name == "Patient" else {}
    )
    return {
        "_id": _KEY,
        "_lastUpdated": _DATE,
        "_count": _COUNT,
        **dict.fromkeys(kind.dates, _DATE),
        **dict.fromkeys(kind.whose, _KEY),
        **extra,
    }


def _reading(kind: Kind) -> tuple[Route, ...]:
    name, scope = kind.name, f"system/{kind.name}.read"
    asked = _asked(kind)
    in_address = {key: value for key, value in asked.items() if key not in IN_BODY}
    bundle = {200: {FHIR: of_type("Bundle")}}
    form = {FORM: {"type": "object", "properties": asked, "additionalProperties": False}}
    return (
        Route(
            "get", f"/api/fhir/{name}/{{id}}", f"read{name}", f"One {name} by its public id.",
            scope, inside={"id": _KEY}, answers={200: {FHIR: of_type(name)}}, refusals=(404, 406),
        ),
        Route(
            "get", f"/api/fhir/{name}", f"search{name}", f"{name}: a page of what is asked for.",
            scope, query=in_address, answers=bundle, refusals=(400, 406, 422),
        ),
        Route(
            "post", f"/api/fhir/{name}/_search", f"searchByPost{name}", "The same, by a form.",
            scope, body=form, answers=bundle, refusals=(400, 406, 413, 415, 422), needs_body=False,
        ),
    )  # fmt: skip


_TOKEN = {
    "type": "object",
    "properties": {
        "grant_type": {"type": "string", "enum": ["client_credentials"]},
        "scope": {"type": "string"},
        "client_id": {"type": "string"},
        "client_secret": {"type": "string"},
    },
    "required": ["grant_type"],
}
_TOKEN_ERROR = {JSON: {"type": "object", "required": ["error"]}}
_RESULT_TYPES = {HL7: {"type": "string"}, FHIR: RESOURCE, JSON: RESOURCE}
_ACCOUNT = {JSON: {"type": "object"}, FHIR: OUTCOME, HL7: {"type": "string"}}
_FORM_ANSWERS = {200: {FHIR: OUTCOME}, 201: {FHIR: OUTCOME}, 422: {FHIR: OUTCOME}}
_QUESTIONNAIRE = {FHIR: of_type("QuestionnaireResponse")}

ROUTES: tuple[Route, ...] = (
    Route(
        "post", "/api/oauth/token", "token", "A token for ten minutes, by client credentials.",
        body={FORM: _TOKEN},
        answers={200: {JSON: _ANY}, 400: _TOKEN_ERROR, 401: _TOKEN_ERROR, 429: _TOKEN_ERROR},
        refusals=(413,),
    ),
    Route(
        "get", "/api/fhir/metadata", "metadata", "The CapabilityStatement.",
        answers={200: {FHIR: of_type("CapabilityStatement")}}, refusals=(406,),
    ),
    *(route for kind in KINDS.values() for route in _reading(kind)),
    Route(
        "post", "/api/results", "results", "Laboratory results: HL7 v2 or FHIR JSON.",
        RESULTS_WRITE, body=_RESULT_TYPES,
        answers={200: _ACCOUNT, 201: _ACCOUNT, 422: _ACCOUNT}, refusals=(400, 406, 413, 415),
    ),
    Route(
        "post", "/api/fhir/GuidanceResponse/$rems-etasu", "remsEtasu",
        "HL7 Medication REMS: what of the programme appears met.", REMS,
        body={FHIR: of_type("Parameters")}, answers={200: {FHIR: of_type("Parameters")}},
        refusals=(400, 404, 406, 413, 415, 422),
    ),
    Route(
        "post", "/api/fhir/QuestionnaireResponse", "createQuestionnaireResponse",
        "Answers to a questionnaire; what is read waits for a person.", REMS,
        body=_QUESTIONNAIRE, answers=_FORM_ANSWERS, refusals=(400, 406, 413, 415),
    ),
    Route(
        "post", "/api/fhir/QuestionnaireResponse/$submit", "submitQuestionnaireResponse",
        "The same.", REMS,
        body=_QUESTIONNAIRE, answers=_FORM_ANSWERS, refusals=(400, 406, 413, 415),
    ),
    Route(
        "get", "/api/cds-services", "cdsServices", "CDS Hooks: which services there are.",
        answers={200: {JSON: _ANY}},
    ),
    Route(
        "post", f"/api/cds-services/{SERVICE}", "orderSign", "CDS Hooks: cards for an order.",
        REMS,
        body={
            JSON: {
                "type": "object",
                "properties": {
                    "hook": {"type": "string", "enum": ["order-sign"]},
                    "context": {"type": "object", "minProperties": 1},
                    "prefetch": {"type": "object"},
                },
                "required": ["hook", "context"],
            }
        },
        answers={200: {JSON: {"type": "object", "required": ["cards"]}}},
        refusals=(400, 413, 415, 422),
    ),
    Route(
        "get", "/api/openapi.json", "openapi", "This description.", answers={200: {JSON: _ANY}},
    ),
)  # fmt: skip
