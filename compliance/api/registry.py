"""Every blueprint of the API, in one place to read."""

from __future__ import annotations

from flask import Flask
from flask_wtf.csrf import CSRFProtect
from werkzeug.routing import BaseConverter

from compliance.api.capability import capability
from compliance.api.cds import cds
from compliance.api.forms import forms
from compliance.api.openapi import openapi
from compliance.api.reading import reading
from compliance.api.rems import rems
from compliance.api.results import results
from compliance.api.search import ID
from compliance.api.tokens import tokens


class ResourceId(BaseConverter):
    """An id of FHIR in an address; anything else leads nowhere."""

    regex = ID.strip("^$")


def register(app: Flask, csrf: CSRFProtect) -> None:
    """Put the API in place; its programs send a token of their own and no cookie."""
    app.url_map.converters["resource_id"] = ResourceId
    for blueprint in (tokens, capability, reading, results, rems, forms, cds, openapi):
        app.register_blueprint(blueprint)
        csrf.exempt(blueprint)
