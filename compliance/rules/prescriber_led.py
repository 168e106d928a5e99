"""Programmes without a registry: each prescription is judged by what was there on its own day."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from compliance.rules.clinic_limits import with_clinic_limits
from compliance.rules.context import Context
from compliance.rules.course_end import (
    blood_tests_at_end,
    labs_at_end_due,
    last_test_due,
    protected_after,
    rested_between_courses,
    test_after_treatment,
)
from compliance.rules.courses import course_of
from compliance.rules.findings import Days, Finding
from compliance.rules.follow_up import blood_donation
from compliance.rules.forms import forms_signed, second_prescriber_agrees
from compliance.rules.issuing import issued_context, judged_at_issue
from compliance.rules.labs import baseline_labs, lab_follow_up, lab_target
from compliance.rules.limits import no_open_limit
from compliance.rules.makers import not_required
from compliance.rules.potential import potential_by_anatomy
from compliance.rules.pregnancy import not_pregnant
from compliance.rules.prescription_tests import (
    month_test,
    next_test_days,
    screening_before_start,
    sensitivity_at_issue,
    setting_at_issue,
    start_test,
)
from compliance.rules.protection import medicines_taken, methods_in_use, protected_long_enough
from compliance.rules.reviews import first_visit_in_person, may_prescribe, reviewed
from compliance.rules.supply import handed_over_in_time, supply_within_limit
from compliance.rules.terms import Act, Phase, Requirement
from compliance.rules.waiting_results import with_waiting_pregnancy

Rule = Callable[[Context], Finding]
Rules = Mapping[Requirement, Rule]


def _if_can(requirement: Requirement, rule: Rule) -> Rule:
    """Judged at issue, of a patient who could become pregnant then."""
    not_asked = not_required(requirement, "Not asked of a patient who cannot become pregnant.")

    def asked(ctx: Context) -> Finding:
        return rule(ctx) if course_of(ctx).can else not_asked

    return judged_at_issue(asked)


def _tests() -> Rules:
    found = {
        Requirement.SCREENING_TEST: screening_before_start,
        Requirement.TEST_BEFORE_START: start_test,
        Requirement.MONTHLY_TEST: month_test,
        Requirement.TEST_SETTING: setting_at_issue,
        Requirement.TEST_SENSITIVITY: sensitivity_at_issue,
        Requirement.CONTRACEPTION_METHODS: methods_in_use,
        Requirement.CONTRACEPTION_LEAD_IN: protected_long_enough,
    }
    return {requirement: _if_can(requirement, rule) for requirement, rule in found.items()}


def _not_pregnant(ctx: Context) -> Finding:
    """Nothing is open today, and nothing was on the day of the prescription that waits."""
    today, then = not_pregnant(ctx), not_pregnant(issued_context(ctx))
    if today.blocks or not then.blocks:
        return today
    reason = f"{then.reason} The prescription was written while this was open."
    return then._replace(reason=reason, action="Have a new prescription issued", earliest=None)


# In the order in which a person does them.
ASKED: Rules = {
    Requirement.NOT_PREGNANT: with_waiting_pregnancy(_not_pregnant),
    Requirement.PREGNANCY_POTENTIAL: judged_at_issue(potential_by_anatomy),
    Requirement.ACKNOWLEDGEMENT: judged_at_issue(forms_signed),
    Requirement.SECOND_PRESCRIBER: judged_at_issue(second_prescriber_agrees),
    Requirement.IN_PERSON_START: judged_at_issue(first_visit_in_person),
    Requirement.PRESCRIBER_SCOPE: judged_at_issue(may_prescribe),
    Requirement.COURSE_GAP: judged_at_issue(rested_between_courses),
    **_tests(),
    Requirement.INTERACTION: judged_at_issue(medicines_taken),
    Requirement.REVIEW: judged_at_issue(reviewed),
    Requirement.DAYS_SUPPLY: supply_within_limit,
    Requirement.PRESCRIPTION_WINDOW: handed_over_in_time,
    Requirement.BASELINE_LABS: judged_at_issue(baseline_labs),
    Requirement.LAB_FOLLOW_UP: judged_at_issue(lab_follow_up),
    Requirement.LAB_LIMITS: with_clinic_limits(no_open_limit),
    Requirement.BLOOD_DONATION: blood_donation,
}
AFTERWARDS: Rules = {
    Requirement.NOT_PREGNANT: with_waiting_pregnancy(not_pregnant),
    Requirement.PREGNANCY_POTENTIAL: potential_by_anatomy,
    Requirement.FINAL_TEST: test_after_treatment,
    Requirement.CONTRACEPTION_TAIL: protected_after,
    Requirement.BLOOD_DONATION: blood_donation,
    Requirement.LAB_FOLLOW_UP: blood_tests_at_end,
    Requirement.LAB_LIMITS: with_clinic_limits(no_open_limit),
}
DONATION: Rules = {Requirement.BLOOD_DONATION: blood_donation}


def rules_for(ctx: Context) -> Rules:
    """What is asked for this act at this point of the course."""
    if ctx.question.act is Act.DONATE_BLOOD:
        return DONATION
    return AFTERWARDS if course_of(ctx).phase is Phase.AFTER else ASKED


def _next_labs(ctx: Context) -> Days | None:
    target = lab_target(ctx)
    return (target[0], target[0]) if target else labs_at_end_due(ctx)


NEXT: Mapping[Requirement, Callable[[Context], Days | None]] = {
    Requirement.MONTHLY_TEST: next_test_days,
    Requirement.LAB_FOLLOW_UP: _next_labs,
    Requirement.FINAL_TEST: last_test_due,
}
