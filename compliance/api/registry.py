"""Every blueprint of the API, in one place to read."""

from __future__ import annotations

from flask import Blueprint

from compliance.api.capability import capability
from compliance.api.cds import cds
from compliance.api.forms import forms
from compliance.api.openapi import openapi
from compliance.api.reading import reading
from compliance.api.rems import rems
from compliance.api.results import results
from compliance.api.tokens import tokens


def blueprints() -> list[Blueprint]:
    """The blueprints of the API."""
    return [tokens, capability, reading, results, rems, forms, cds, openapi]
