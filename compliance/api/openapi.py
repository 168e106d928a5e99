"""The description of the API in OpenAPI 3.1, made of the table of its routes."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from compliance.api.access import open_to_all
from compliance.api.answers import FHIR, base_url, plain
from compliance.api.routes import OUTCOME, ROUTES, Route
from compliance.services.api_clients import SCOPES

openapi = Blueprint("api_openapi", __name__, url_prefix="/api")

_MEANINGS = {
    200: "As asked.",
    201: "Stored.",
    400: "The request is not understood.",
    401: "No token of ours, or one that has run out.",
    403: "The token lacks the scope.",
    404: "There is no such thing at this clinic.",
    406: "Another format than JSON was asked for.",
    413: "Longer than what is taken at once.",
    415: "Of a type that is not read here.",
    422: "Read, but nothing could be done with it.",
    429: "Too many wrong secrets; wait.",
}


@openapi.get("/openapi.json")
@open_to_all
def description() -> Response:
    """The whole description."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.address, {})[route.method] = _operation(route)
    flow = {"tokenUrl": f"{base_url()}/api/oauth/token", "scopes": dict.fromkeys(SCOPES, "")}
    scheme = {"type": "oauth2", "flows": {"clientCredentials": flow}}
    return plain(
        {
            "openapi": "3.1.0",
            "info": {"title": "Isotretinoin safety", "version": "1"},
            "servers": [{"url": base_url()}],
            "paths": paths,
            "components": {"securitySchemes": {"oauth": scheme}},
        }
    )


def _operation(route: Route) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": [
            *(_parameter(name, "path", schema) for name, schema in route.inside.items()),
            *(_parameter(name, "query", schema) for name, schema in route.query.items()),
        ],
        "responses": _responses(route),
    }
    if route.body:
        said["requestBody"] = {"required": route.needs_body, "content": _content(route.body)}
    if route.scope:
        said["security"] = [{"oauth": [route.scope]}]
    return said


def _parameter(name: str, place: str, schema: Any) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


def _content(types: Any) -> dict[str, Any]:
    return {media: {"schema": schema} for media, schema in types.items()}


def _responses(route: Route) -> dict[str, Any]:
    refused = {FHIR: OUTCOME}
    always = (401, 403) if route.scope else ()
    every = {**dict.fromkeys((*route.refusals, *always), refused), **route.answers}
    return {
        str(status): {"description": _MEANINGS[status], "content": _content(types)}
        for status, types in sorted(every.items())
    }
