"""A program with a key, over HTTP, as a test writes it."""

from __future__ import annotations

import json
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from compliance.db import transaction
from compliance.models import Clinic
from compliance.services import api_clients
from compliance.services.actors import system
from tests.journeys.person import Browser
from tests.world import NOW

ALL = ("system/*.read", "results.write", "rems")


def a_client(clinic_id: int, *scopes: str, name: str = "Record system") -> tuple[str, str]:
    """A program of a clinic; returns its id and its secret."""
    with transaction() as session:
        clinic = session.get_one(Clinic, clinic_id)
        client, secret = api_clients.add_client(
            session, system("tests"), clinic, name, scopes or ALL, NOW
        )
        return client.client_id, secret


class Program:
    """A program that has signed in."""

    def __init__(self, app: Flask, credentials: tuple[str, str]) -> None:
        self.browser = Browser(app)
        self.token = self.ask_token(credentials).get_json()["access_token"]

    def ask_token(self, credentials: tuple[str, str], **form: str) -> TestResponse:
        data = {"grant_type": "client_credentials", **form}
        return self.browser.post("/api/oauth/token", data=data, auth=credentials)

    def get(self, address: str, **headers: str) -> TestResponse:
        return self.browser.get(f"/api{address}", headers=self._headers(headers))

    def post(self, address: str, body: Any = None, **more: Any) -> TestResponse:
        headers = self._headers(more.pop("headers", {}))
        if body is not None:
            more = {"data": json.dumps(body), "content_type": "application/fhir+json", **more}
        return self.browser.post(f"/api{address}", headers=headers, **more)

    def read(self, address: str, status: int = 200) -> Any:
        answer = self.get(address)
        assert answer.status_code == status, answer.get_data(as_text=True)
        return json.loads(answer.get_data(as_text=True))

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", **more}


def a_program(app: Flask, clinic_id: int, *scopes: str) -> Program:
    """A program of a clinic that has signed in."""
    return Program(app, a_client(clinic_id, *scopes))
