"""Numbers for a monitor, in Prometheus' text format: to whoever has the token, or on this machine.

Without METRICS_TOKEN only a request that came from this machine, by no proxy, is answered.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import NotFound

from compliance.db import db
from compliance.services.measures import Measure, measures
from compliance.web.clock import now
from compliance.web.security import public

metrics = Blueprint("metrics", __name__)

LOOPBACK = ("127.0.0.1", "::1")
PASSED_ON = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")


@metrics.get("/metrics")
@public
def numbers() -> Response:
    """Every number; 404 to whoever may not read them."""
    if not _may_read(current_app.extensions["settings"].metrics_token):
        raise NotFound
    lines = (line for each in measures(db.session(), now()) for line in _lines(each))
    answer = Response("\n".join(lines) + "\n")
    answer.headers["Content-Type"] = "text/plain; version=0.0.4; charset=utf-8"
    return answer


def _may_read(token: str) -> bool:
    if token:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    near = request.remote_addr in LOOPBACK
    return near and not any(name in request.headers for name in PASSED_ON)


def _lines(measure: Measure) -> Iterator[str]:
    name = f"compliance_{measure.name}"
    yield f"# HELP {name} {measure.means}"
    yield f"# TYPE {name} {measure.kind}"
    for labels, value in measure.values.items():
        inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
        yield f"{name}{{{inner}}} {_number(value)}" if inner else f"{name} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return "NaN" if value != value else f"{value:.15g}"  # only NaN differs from itself
