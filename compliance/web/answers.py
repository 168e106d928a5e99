"""What forms say back: their own faults and those of a use-case, beside the fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from compliance.rules.facts import FactError
from compliance.services.errors import Invalid


def accepted(form: Any, act: Callable[[], object]) -> bool:
    """Validate, then act; what either finds wrong stands in the form, and nothing was written."""
    if not form.sent_and_valid():
        return False
    try:
        act()
    except FactError as error:
        _put(form, {error.key: f"{error.problem[:1].upper()}{error.problem[1:]}."})
    except Invalid as error:
        _put(form, error.fields)
    else:
        return True
    return False


def _put(form: Any, faults: Mapping[str, str]) -> None:
    by_name = {field.name: field for field in form}
    for name, sentence in faults.items():
        if name in by_name:
            by_name[name].errors = [sentence]
        else:
            form.form_errors.append(sentence)
