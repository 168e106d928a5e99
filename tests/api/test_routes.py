"""Every route of the API declares what it asks for, and only four are open to everybody."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from compliance.api.access import ClientRule
from compliance.api.routes import ROUTES
from compliance.app import create_app
from compliance.services.api_clients import SCOPES
from compliance.web.security import rule_of
from tests.conftest import make_config

OPEN = {"/api/oauth/token", "/api/fhir/metadata", "/api/cds-services", "/api/openapi.json"}


def rules(folder: Path) -> dict[str, object]:
    app: Flask = create_app(make_config(folder))
    return {
        rule.rule: rule_of(app, rule.endpoint)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api")
    }


def test_every_route_of_the_api_asks_for_a_token_but_four(tmp_path: Path) -> None:
    found = rules(tmp_path)
    assert len(found) > 10
    assert all(isinstance(rule, ClientRule) for rule in found.values())
    assert {address for address, rule in found.items() if rule.scope is None} == OPEN


def test_every_scope_that_a_route_asks_for_can_be_given(tmp_path: Path) -> None:
    asked = {rule.scope for rule in rules(tmp_path).values() if rule.scope}
    assert {scope.format(kind="Patient") for scope in asked} <= set(SCOPES)


def test_no_page_is_admitted_by_a_program_s_rule(tmp_path: Path) -> None:
    app = create_app(make_config(tmp_path))
    pages = [rule for rule in app.url_map.iter_rules() if not rule.rule.startswith("/api")]
    assert pages
    assert not any(isinstance(rule_of(app, rule.endpoint), ClientRule) for rule in pages)


def test_the_description_is_true_to_the_routes(tmp_path: Path) -> None:
    app = create_app(make_config(tmp_path))
    addresses = app.url_map.bind("localhost")
    described = set()
    for route in ROUTES:
        endpoint, inside = addresses.match(route.address.replace("{id}", "1"), route.method.upper())
        rule = rule_of(app, endpoint)
        assert isinstance(rule, ClientRule)
        assert route.scope == (rule.scope and rule.scope.format(**inside)), route.name
        described.add(endpoint)
    own = {r.endpoint for r in app.url_map.iter_rules() if r.rule.startswith("/api")}
    assert described == own


def test_every_operation_has_a_name_of_its_own_and_says_how_it_refuses(tmp_path: Path) -> None:
    said = create_app(make_config(tmp_path)).test_client().get("/api/openapi.json").get_json()
    operations = [item for path in said["paths"].values() for item in path.values()]
    assert len({item["operationId"] for item in operations}) == len(operations) == len(ROUTES)
    assert all("401" in item["responses"] for item in operations if "security" in item)
