"""A person at a browser without JavaScript: signs in, fills in forms, reads pages."""

from __future__ import annotations

import contextvars
import html
import re
from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from compliance.db import db
from tests.world import PASSWORD

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class Browser:
    """A test client whose requests share nothing with the test but the database and the clock."""

    def __init__(self, app: Flask) -> None:
        self._client = app.test_client()

    def get(self, *args: Any, **kwargs: Any) -> TestResponse:
        return self._apart(self._client.get, *args, **kwargs)

    def post(self, *args: Any, **kwargs: Any) -> TestResponse:
        return self._apart(self._client.post, *args, **kwargs)

    def forget(self) -> None:
        """Lose all cookies, as when a session has ended."""
        for cookie in list(self._client._cookies.values()):
            self._client.delete_cookie(cookie.key, domain=cookie.domain, path=cookie.path)

    def _apart(self, send: Callable[..., TestResponse], *args: Any, **kwargs: Any) -> TestResponse:
        db.session.rollback()  # what the test read until now is old afterwards
        return contextvars.Context().run(send, *args, **kwargs)


class Person:
    """One browser session over HTTP."""

    def __init__(self, app: Flask, email: str = "") -> None:
        self.client = Browser(app)
        self.email = email

    def sign_in(self, email: str = "", password: str = PASSWORD) -> TestResponse:
        return self.submit("/sign-in", email=email or self.email, password=password)

    def sign_out(self) -> TestResponse:
        return self.client.post("/sign-out", data={"csrf_token": self.token()})

    def token(self) -> str:
        """A token as any page's form carries it."""
        return TOKEN.search(self.client.get("/").get_data(as_text=True)).group(1)

    def read(self, address: str, status: int = 200) -> str:
        answer = self.client.get(address, follow_redirects=True)
        assert answer.status_code == status, (address, answer.status_code)
        return text_of(answer)

    def submit(self, address: str, **fields: Any) -> TestResponse:
        """Open the form, fill it in, send it."""
        page = self.client.get(address)
        assert page.status_code == 200, (address, page.status_code)
        token = TOKEN.search(page.get_data(as_text=True)).group(1)
        data = {name.rstrip("_"): value for name, value in fields.items()}
        return self.client.post(address, data={"csrf_token": token, **data})

    def record_lab(
        self, patient: str, analyte: str, value: str, unit: str, limit: str = "", on: str = ""
    ) -> None:
        """Type in one result; an unusual value is typed twice, as it is asked for."""
        said = {"value": value, "unit": unit, "limit": limit, "again": value}
        fields = {f"{name}-{analyte}": text for name, text in said.items()}
        self.record(patient, "lab-results", collected=on or "2026-04-02", **fields)

    def record(self, patient: str, kind: str, **fields: Any) -> None:
        """Record one fact for a patient and expect that it is taken."""
        answer = self.submit(f"/patients/{patient}/record/{kind}", **fields)
        assert answer.status_code == 302, text_of(answer)


def text_of(answer: TestResponse) -> str:
    """What a page says: its text without tags, in single spaces."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", answer.get_data(as_text=True), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())
