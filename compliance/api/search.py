"""What a search asks, read strictly: an unknown or doubtful parameter is never passed over."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from flask import request

from compliance.api.answers import Refused, Resource, fhir_url
from compliance.services.exchange import PAGE, Page, Span, Wanted

LARGEST_PAGE = 200
ID = r"^[A-Za-z0-9\-.]{1,64}$"
IDENTIFIER = r"^([^\x00-\x1f|]*\|)?[^\x00-\x1f|]+$"
_TIME = (
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[-+](0[0-9]|1[0-3]):[0-5][0-9])"
)
_DAY = rf"-(0[1-9]|[12][0-9]|3[01])({_TIME})?"
DATE = rf"^(eq|ge|gt|le|lt)?([1-9][0-9]{{3}}(-(0[1-9]|1[0-2])({_DAY})?)?)$"
_COMMON = ("_id", "_lastUpdated", "_count", "_cursor")
_SILENT = ("_format",)  # say how to answer, not what
IN_BODY = ("identifier", "birthdate")  # they say something of a patient: never in an address


class Asked:
    """The parameters of one search."""

    def __init__(self, kind: str, whose: tuple[str, ...], dates: tuple[str, ...]) -> None:
        self.kind, self.whose, self.dates = kind, whose, dates
        self.values = self._known(dict(_sent()))

    def _known(self, sent: Mapping[str, list[str]]) -> dict[str, list[str]]:
        extra = ("identifier",) if self.kind == "Patient" else ()
        known = {*_COMMON, *self.whose, *self.dates, *extra}
        unknown = [name for name in sent if name not in known and name not in _SILENT]
        if unknown and "handling=lenient" not in request.headers.get("Prefer", ""):
            names = ", ".join(sorted(known))
            raise Refused(400, f"A parameter is not known here (allowed: {names}).")
        if any(name in request.args for name in IN_BODY if name in known):
            raise Refused(
                400, f"{' and '.join(IN_BODY)} are sent by POST to {self.kind}/_search, never in an"
                " address: addresses are written to logs."
            )  # fmt: skip
        return {name: values for name, values in sent.items() if name in known}

    def wanted(self) -> Wanted:
        """What to look for; raises Refused (400) naming the parameter."""
        return Wanted(
            patients=tuple(self._patients()),
            key=self._id("_id"),
            identifier=self._identifier(),
            days=[span for name in self.dates for span in self._spans(name)],
            updated=list(self._spans("_lastUpdated")),
            after=self._id("_cursor") or "",
            count=self._count(),
        )

    def _one(self, name: str) -> str | None:
        found = self.values.get(name, [])
        if len(set(found)) > 1:
            raise Refused(400, f"{name} may be given once.")
        return found[0] if found else None

    def _id(self, name: str) -> str | None:
        value = self._one(name)
        return None if value is None else _as_id(name, value)

    def _patients(self) -> Iterator[str]:
        for name in self.whose:
            for value in self.values.get(name, []):
                yield _as_id(name, value.removeprefix("Patient/"))

    def _identifier(self) -> tuple[str, str] | None:
        value = self._one("identifier")
        if value is None:
            return None
        if not re.fullmatch(IDENTIFIER, value):
            raise Refused(400, "identifier: send NUMBER or AUTHORITY|NUMBER.")
        authority, _, number = value.rpartition("|")
        return ("" if authority.startswith(fhir_url("NamingSystem")) else authority), number

    def _count(self) -> int:
        value = self._one("_count")
        if value is None:
            return PAGE
        if not re.fullmatch(r"[0-9]{1,3}", value) or int(value) > LARGEST_PAGE:
            raise Refused(400, f"_count: send a number from 0 to {LARGEST_PAGE}.")
        return int(value)

    def _spans(self, name: str) -> Iterator[Span]:
        for value in self.values.get(name, []):
            yield _span(name, value)

    def link(self, **more: str) -> str:
        """The address of this search, without what may not stand in one."""
        values = {
            name: value
            for name, value in self.values.items()
            if name not in IN_BODY and name not in more
        }
        text = urlencode({**values, **more}, doseq=True)
        return f"{fhir_url(self.kind)}?{text}" if text else fhir_url(self.kind)


def _sent() -> Iterator[tuple[str, list[str]]]:
    names = dict.fromkeys((*request.args, *request.form))
    for name in names:
        yield name, [*request.args.getlist(name), *request.form.getlist(name)]


def _as_id(name: str, value: str) -> str:
    if not re.fullmatch(ID, value):
        raise Refused(400, f"{name}: send one id of at most 64 letters, digits, dots or hyphens.")
    return value


def _span(name: str, value: str) -> Span:
    found = re.fullmatch(DATE, value.replace(" ", "+"))
    if found is None:
        raise Refused(
            400, f"{name}: send a date such as ge2026-04-02 or lt2026-04-02T15:00:00Z"
            " (prefixes: eq, ge, gt, le, lt)."
        )  # fmt: skip
    period = _period(found.group(2))
    if period is None:
        raise Refused(422, f"{name}: there is no such day, or it is too far away.")
    low, high = period
    return {
        "ge": Span(low=low),
        "gt": Span(low=high),
        "le": Span(high=high),
        "lt": Span(high=low),
    }.get(found.group(1), Span(low, high))


def _period(text: str) -> tuple[dt.datetime, dt.datetime] | None:
    """The first moment that a date or instant names, and the first one after it."""
    try:
        if "T" in text:
            low = dt.datetime.fromisoformat(text).astimezone(dt.UTC)
            step = dt.timedelta(milliseconds=1) if "." in text else dt.timedelta(seconds=1)
            return low, low + step
        parts = [int(part) for part in text.split("-")]
        year, month, day = [*parts, 1, 1][:3]
        low = dt.datetime(year, month, day, tzinfo=dt.UTC)
        return low, _next(low, len(parts))
    except (ValueError, OverflowError):
        return None


def _next(low: dt.datetime, parts: int) -> dt.datetime:
    if parts == 3:
        return low + dt.timedelta(days=1)
    if parts == 2 and low.month < 12:
        return low.replace(month=low.month + 1)
    return low.replace(year=low.year + 1, month=1)


def bundle(asked: Asked, page: Page, resources: list[Resource]) -> Resource:
    """One page as a searchset, with the links to itself and to the next."""
    links = [{"relation": "self", "url": asked.link()}]
    if page.has_more:
        following = asked.link(_cursor=resources[-1]["id"])
        links.append({"relation": "next", "url": following})
    entries: list[dict[str, Any]] = [
        {
            "fullUrl": fhir_url(asked.kind, item["id"]),
            "resource": item,
            "search": {"mode": "match"},
        }
        for item in resources
    ]
    found: Resource = {"resourceType": "Bundle", "type": "searchset", "total": page.total}
    return {**found, "link": links, **({"entry": entries} if entries else {})}
