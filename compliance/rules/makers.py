"""How a rule says what it found: one short function an outcome."""

from __future__ import annotations

import datetime as dt

from compliance.rules.findings import Finding, Provision
from compliance.rules.terms import Binding, Outcome, Requirement

Ids = tuple[str, ...]
Basis = tuple[Provision, ...]

# Looked up once: thousands of findings are made in a second.
_MUST = Binding.MUST
_MET, _UNMET, _UNKNOWN = Outcome.MET, Outcome.UNMET, Outcome.UNKNOWN
_DUE, _NOT_REQUIRED = Outcome.DUE, Outcome.NOT_REQUIRED
_new = tuple.__new__


def met(requirement: Requirement, reason: str, evidence: Ids = (), basis: Basis = ()) -> Finding:
    """What is asked has been done."""
    binding = basis[0].binding if basis else _MUST
    return _new(
        Finding, (requirement, _MET, binding, reason, evidence, basis, "", None, None, False)
    )


def not_required(requirement: Requirement, reason: str, basis: Basis = ()) -> Finding:
    """Nothing is asked here."""
    binding = basis[0].binding if basis else _MUST
    return _new(
        Finding, (requirement, _NOT_REQUIRED, binding, reason, (), basis, "", None, None, False)
    )


def due(
    requirement: Requirement,
    reason: str,
    evidence: Ids = (),
    basis: Basis = (),
    *,
    action: str = "",
    earliest: dt.date | None = None,
    act_by: dt.datetime | None = None,
) -> Finding:
    """What is asked is still to be done and not late; it does not block this act."""
    binding = basis[0].binding if basis else _MUST
    rest = (action, earliest, act_by, False)
    return _new(Finding, (requirement, _DUE, binding, reason, evidence, basis, *rest))


def unmet(
    requirement: Requirement,
    reason: str,
    evidence: Ids = (),
    basis: Basis = (),
    *,
    action: str,
    earliest: dt.date | None = None,
    act_by: dt.datetime | None = None,
    urgent: bool = False,
) -> Finding:
    """What is asked has not been done."""
    binding = basis[0].binding if basis else _MUST
    rest = (action, earliest, act_by, urgent)
    return _new(Finding, (requirement, _UNMET, binding, reason, evidence, basis, *rest))


def unknown(
    requirement: Requirement,
    reason: str,
    evidence: Ids = (),
    basis: Basis = (),
    *,
    action: str,
    earliest: dt.date | None = None,
    urgent: bool = False,
) -> Finding:
    """Nobody can tell from the record or from the authority's text: a person decides."""
    binding = basis[0].binding if basis else _MUST
    rest = (action, earliest, None, urgent)
    return _new(Finding, (requirement, _UNKNOWN, binding, reason, evidence, basis, *rest))
