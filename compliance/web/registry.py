"""Every blueprint there is, in one place to read."""

from __future__ import annotations

from flask import Blueprint

from compliance.web.accounts import accounts


def blueprints() -> list[Blueprint]:
    """The blueprints of the application."""
    return [accounts]
