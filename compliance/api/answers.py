"""How the API answers: FHIR JSON with every digit kept, and each refusal an OperationOutcome."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask import Response, current_app, request
from werkzeug.exceptions import HTTPException

from compliance.services.errors import DomainError

PREFIX = "/api"
FHIR = "application/fhir+json"
JSON = "application/json"
Resource = dict[str, Any]

_CODES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    409: "conflict",
    413: "too-long",
    415: "not-supported",
    422: "processing",
    429: "throttled",
    500: "exception",
}
_SENTENCES = {
    400: "The request could not be read.",
    404: "There is nothing here by that address at this clinic.",
    405: "This address does not take that method.",
    413: "The content is longer than what is taken at once; send it in parts. Nothing was stored.",
    415: "The content is of a type that is not read here.",
    500: "Something went wrong on our side; nothing was stored. Try again in a minute.",
}


class Refused(Exception):
    """A request that is not served: the status and a sentence without any patient's data."""

    def __init__(
        self, status: int, diagnostics: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(diagnostics)
        self.status = status
        self.headers = dict(headers or {})


def is_api(path: str) -> bool:
    """Whether an address belongs to the API."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def base_url() -> str:
    """Where this installation is reached, without a slash at the end."""
    return str(current_app.extensions["settings"].base_url)


def fhir_url(*parts: str) -> str:
    """The absolute address of something under the FHIR base."""
    return "/".join((f"{base_url()}{PREFIX}/fhir", *parts))


def dump(value: Any) -> str:
    """JSON in which a Decimal is a number with its own digits."""
    text = json.dumps(value, ensure_ascii=False, default=_marked, separators=(",", ":"))
    return re.sub(r'"\\u0000(-?[0-9.]+)\\u0000"', r"\1", text)


def _marked(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"\0{value:f}\0"
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def version_of(resource: Resource) -> str:
    """A name for this state of a resource: another as soon as anything that it says differs."""
    return hashlib.sha256(dump(resource).encode()).hexdigest()[:16]


def fhir(
    resource: Resource, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer in FHIR JSON."""
    answer = Response(dump(resource), status, mimetype=FHIR)
    answer.headers.update(headers or {})
    return answer


def plain(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON that is no FHIR resource."""
    answer = Response(dump(value), status, mimetype=JSON)
    answer.headers.update(headers or {})
    return answer


def issue(severity: str, code: str, diagnostics: str) -> Resource:
    """One line of an OperationOutcome."""
    return {"severity": severity, "code": code, "diagnostics": diagnostics}


def outcome(*issues: Resource) -> Resource:
    """An OperationOutcome of these lines."""
    return {"resourceType": "OperationOutcome", "issue": list(issues)}


def refusal(error: Exception) -> Response:
    """The answer to an error: its status, and an OperationOutcome that names no patient."""
    headers: dict[str, str] = {}
    status, sentence = 500, ""
    if isinstance(error, Refused):
        status, sentence, headers = error.status, str(error), error.headers
    elif isinstance(error, DomainError):
        status, sentence = error.status, str(error)
    elif isinstance(error, HTTPException):
        status = error.code or 500
        headers = {name: text for name, text in error.get_headers() if name == "Allow"}
    return _said(status, sentence or _SENTENCES.get(status, "The request is not served."), headers)


def _said(status: int, sentence: str, headers: Mapping[str, str]) -> Response:
    return fhir(
        outcome(issue("error", _CODES.get(status, "processing"), sentence)), status, headers
    )


def check_accepted() -> None:
    """Refuse a request for another format than JSON; raises Refused (406)."""
    wanted = request.values.get("_format", "").replace(" ", "+")
    if wanted:
        fits = wanted in ("json", JSON, FHIR)
    else:
        fits = not request.accept_mimetypes or bool(
            request.accept_mimetypes.best_match((FHIR, JSON))
        )
    if not fits:
        raise Refused(406, f"This server answers in JSON only; ask for {FHIR}.")


def read_json(limit: int = 1024 * 1024) -> Any:
    """The body as JSON, at most `limit` bytes; raises Refused (400, 413 or 415)."""
    if not (request.is_json or request.mimetype == FHIR):
        raise Refused(415, f"Send {JSON} or {FHIR}.")
    request.max_content_length = limit
    try:
        found = json.loads(request.get_data())
        text = json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refused(400, "The body is no JSON that can be read.") from None
    if b"\\u0000" in text:
        raise Refused(422, "The body holds a NUL character, which no text here may have.")
    return found
