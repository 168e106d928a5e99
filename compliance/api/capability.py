"""What this server can do, in the words of FHIR."""

from __future__ import annotations

from flask import Blueprint, Response

from compliance.api.access import open_to_all
from compliance.api.answers import Resource, base_url, check_accepted, fhir, fhir_url
from compliance.api.reading import KINDS, Kind
from compliance.api.search import IN_BODY
from compliance.interop.fhir_questionnaires import KIND as FORM

capability = Blueprint("api_capability", __name__, url_prefix="/api/fhir")

_PUBLISHED = "2026-11-23"
_OPERATION = "http://hl7.org/fhir/us/medication-rems/OperationDefinition/rems-etasu"


@capability.get("/metadata")
@open_to_all
def metadata() -> Response:
    """The CapabilityStatement."""
    check_accepted()
    return fhir(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": _PUBLISHED,
            "kind": "instance",
            "software": {"name": "Isotretinoin safety"},
            "implementation": {"description": "Isotretinoin safety", "url": fhir_url()},
            "fhirVersion": "4.0.1",
            "format": ["application/fhir+json", "json"],
            "rest": [{"mode": "server", "security": _security(), "resource": _resources()}],
        }
    )


def _security() -> Resource:
    oauth = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
    token = {"url": "token", "valueUri": f"{base_url()}/api/oauth/token"}
    system = "http://terminology.hl7.org/CodeSystem/restful-security-service"
    return {
        "extension": [{"url": oauth, "extension": [token]}],
        "service": [{"coding": [{"system": system, "code": "OAuth"}]}],
        "description": "OAuth 2 client credentials; a program sees the patients of its clinic.",
    }


def _resources() -> list[Resource]:
    form = {"type": FORM, "interaction": [{"code": "create"}]}
    operation = {"name": "rems-etasu", "definition": _OPERATION}
    return [
        *(_resource(kind) for kind in KINDS.values()),
        form,
        {"type": "GuidanceResponse", "operation": [operation]},
    ]


def _resource(kind: Kind) -> Resource:
    own = ("identifier",) if kind.name == "Patient" else ()
    searched = [
        *(_parameter(name, "reference") for name in kind.whose),
        *(_parameter(name, "date") for name in (*kind.dates, "_lastUpdated")),
        *(_parameter(name, "token") for name in ("_id", *own)),
    ]
    return {
        "type": kind.name,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "versioned",
        "readHistory": False,
        "searchParam": searched,
    }


def _parameter(name: str, kind: str) -> Resource:
    more = {"documentation": "By POST to _search only."} if name in IN_BODY else {}
    return {"name": name, "type": kind, **more}
