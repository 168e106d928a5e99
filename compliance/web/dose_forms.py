"""The forms about dose and weight."""

from __future__ import annotations

from wtforms import DateField, DecimalField
from wtforms.validators import NumberRange, Optional

from compliance.web.forms import NEEDED, FactForm, PageForm


class WeightForm(FactForm):
    """Body weight."""

    on = DateField("Weighed on", [NEEDED])
    kg = DecimalField(
        "Weight (kg)", [NEEDED, NumberRange(min=20, max=350, message="Enter 20 to 350 kg.")]
    )


class TargetForm(PageForm):
    """The cumulative dose that the course aims at."""

    target_mg_per_kg = DecimalField(
        "Target (mg/kg)",
        [Optional()],
        description="Cumulative, over the whole course: 1 to 400 mg/kg. None is assumed;"
        " leave it empty to aim at none.",
    )
