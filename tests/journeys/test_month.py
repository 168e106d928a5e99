"""The whole monthly job for one patient, over HTTP, as a clinic does it."""

from __future__ import annotations

import datetime as dt
import re

import time_machine

from compliance.db import db
from compliance.models import AccessLogEntry, PrescriptionOrder
from compliance.services import audit
from tests.journeys.person import Person, text_of
from tests.world import NOW


def enrol(nurse: Person) -> str:
    answer = nurse.submit(
        "/patients/new",
        mrn="R-100",
        given_name="Amara",
        family_name="Okafor",
        birth_date="1998-04-02",
        email="amara@example.org",
        language="en",
        discretion="neutral",
        can_become_pregnant="yes",
        reason="anatomy",
        cycle="regular",
        confirmed_by_professional="y",
        enrolled_on="2026-03-02",
    )
    assert answer.status_code == 302, text_of(answer)
    return answer.location.rsplit("/", 1)[1]


def first_steps(nurse: Person, patient: str) -> None:
    """What was done a month ago: the form, the first test, both methods."""
    signed = {"on": "2026-03-02", "form": "enrolment", "signed_by": ["patient", "prescriber"]}
    nurse.record(patient, "acknowledgement", **signed)
    test = {"result": "negative", "specimen": "urine", "setting": "medical"}
    nurse.record(patient, "pregnancy-test", collected="2026-03-02", **test)
    for method in ("combined-pill", "male-condom"):
        nurse.record(patient, "contraception", method=method, from_="2026-03-02")


def this_month(nurse: Person, prescriber: Person, patient: str) -> None:
    """The steps of the day of the second test."""
    nurse.record(patient, "menses", started="2026-04-01")
    test = {"result": "negative", "specimen": "urine", "setting": "medical"}
    nurse.record(patient, "pregnancy-test", collected="2026-04-02", **test)
    prescriber.record(patient, "counselling", on="2026-04-02")
    for side in ("prescriber", "patient"):
        nurse.record(
            patient,
            "method-report",
            on="2026-04-02",
            by=side,
            methods=["combined-pill", "male-condom"],
        )
    nurse.record(patient, "comprehension", on="2026-04-02", passed="yes")


@time_machine.travel(NOW, tick=False)
def test_a_clinic_does_the_monthly_job_from_enrolment_to_hand_over(team) -> None:
    nurse, prescriber = team["nurse"], team["prescriber"]
    patient = enrol(nurse)
    assert "Not yet:" in nurse.read(f"/patients/{patient}")
    first_steps(nurse, patient)
    blocked = nurse.read(f"/patients/{patient}")
    assert "Not yet:" in blocked
    assert "Amara Okafor" in nurse.read("/")

    this_month(nurse, prescriber, patient)
    met = prescriber.read(f"/patients/{patient}")
    assert "Prerequisites appear met until Wed 8 Apr 2026, 23:59 Eastern" in met
    assert "iPLEDGE REMS, edition 2023-discretion" in met

    answer = prescriber.submit(
        f"/patients/{patient}/prescribe", days_supply="30", refills="0", daily_dose_mg="40"
    )
    assert answer.status_code == 302, text_of(answer)
    with time_machine.travel(NOW + dt.timedelta(days=1), tick=False):
        nurse.sign_in()
        answer = nurse.submit(f"/patients/{patient}/dispense", on="2026-04-03", days_supply="30")
        assert answer.status_code == 302, text_of(answer)
        after = nurse.read(f"/patients/{patient}")
        assert "27 Apr 2026" in after  # the suggested next test: 6 to 0 days before the supply ends
        assert "3 May 2026" in after


@time_machine.travel(NOW, tick=False)
def test_a_prescription_that_is_blocked_needs_a_reason_and_keeps_it(team) -> None:
    nurse, prescriber = team["nurse"], team["prescriber"]
    patient = enrol(nurse)
    refused = prescriber.submit(f"/patients/{patient}/prescribe", days_supply="30", refills="0")
    assert refused.status_code == 422
    assert "Prerequisites do not appear met" in text_of(refused)
    assert db.session.query(PrescriptionOrder).count() == 0
    db.session.rollback()

    reason = "Bridging supply agreed with the programme by telephone."
    taken = prescriber.submit(
        f"/patients/{patient}/prescribe", days_supply="30", refills="0", override_reason=reason
    )
    assert taken.status_code == 302
    order = db.session.query(PrescriptionOrder).one()
    assert order.override_reason == reason
    assert "screening-test" in order.blocked_by
    assert reason in prescriber.read(f"/patients/{patient}")


@time_machine.travel(NOW, tick=False)
def test_a_nurse_cannot_prescribe(team) -> None:
    patient = enrol(team["nurse"])
    page = team["nurse"].client.get(f"/patients/{patient}/prescribe")
    assert page.status_code == 403


@time_machine.travel(NOW, tick=False)
def test_what_cannot_be_taken_is_said_beside_the_field_and_nothing_typed_is_lost(team) -> None:
    patient = enrol(team["nurse"])
    answer = team["nurse"].submit(
        f"/patients/{patient}/record/pregnancy-test",
        collected="2026-04-09",
        result="negative",
        specimen="serum",
        setting="laboratory",
    )
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert "lies after today" in text_of(answer)
    assert 'value="2026-04-09"' in page
    assert re.search(r'value="serum"[^>]*checked', page)


@time_machine.travel(NOW, tick=False)
def test_a_window_that_closes_overnight_closes_on_the_page_without_any_sweep(team) -> None:
    nurse, prescriber = team["nurse"], team["prescriber"]
    patient = enrol(nurse)
    first_steps(nurse, patient)
    this_month(nurse, prescriber, patient)
    just_before = dt.datetime(2026, 4, 9, 3, 58, tzinfo=dt.UTC)  # 23:58 Eastern on day 7
    with time_machine.travel(just_before, tick=False):
        prescriber.sign_in()
        assert "Prerequisites appear met" in prescriber.read(f"/patients/{patient}")
    with time_machine.travel(just_before + dt.timedelta(minutes=3), tick=False):
        assert "Prerequisites appear met" not in prescriber.read(f"/patients/{patient}")
        assert "Not yet:" in prescriber.read(f"/patients/{patient}")


@time_machine.travel(NOW, tick=False)
def test_a_withdrawn_test_no_longer_counts_and_stays_visible(team) -> None:
    nurse, prescriber = team["nurse"], team["prescriber"]
    patient = enrol(nurse)
    first_steps(nurse, patient)
    this_month(nurse, prescriber, patient)
    page = nurse.client.get(f"/patients/{patient}").get_data(as_text=True)
    link = re.search(rf"/patients/{patient}/evidence/(\w+)/withdraw", page)
    newest_test = re.search(r'id="tests".*?/evidence/(\w+)/withdraw', page, re.S).group(1)
    assert link
    answer = nurse.submit(
        f"/patients/{patient}/evidence/{newest_test}/withdraw", reason="Wrong patient's sample."
    )
    assert answer.status_code == 302, text_of(answer)
    after = nurse.read(f"/patients/{patient}")
    assert "Not yet:" in after
    assert "Wrong patient's sample." in after


@time_machine.travel(NOW, tick=False)
def test_every_look_at_a_patient_is_written_down_and_every_change_is_in_the_chain(team) -> None:
    patient = enrol(team["nurse"])
    team["prescriber"].read(f"/patients/{patient}")
    looks = db.session.query(AccessLogEntry).order_by(AccessLogEntry.id).all()
    assert ("Dr Pia Prescriber", "record") in {(look.actor, look.page) for look in looks}
    clinic_id = looks[0].clinic_id
    proof = audit.verify(db.session, f"clinic-{clinic_id}")
    assert proof.fault is None
    assert proof.events >= 4


@time_machine.travel(NOW, tick=False)
def test_a_positive_test_locks_prescribing_whatever_the_reason(team) -> None:
    nurse, prescriber = team["nurse"], team["prescriber"]
    patient = enrol(nurse)
    test = {"result": "positive", "specimen": "serum", "setting": "laboratory"}
    nurse.record(patient, "pregnancy-test", collected="2026-04-02", **test)
    address = f"/patients/{patient}/prescribe"
    assert "Prescribing is locked" in prescriber.read(address)
    reason = {"override_reason": "The patient insists and so do I, at length."}
    refused = prescriber.submit(f"/patients/{patient}/record/counselling", on="2026-04-02")
    assert refused.status_code == 302  # other work goes on
    token = prescriber.token()
    answer = prescriber.client.post(
        address, data={"csrf_token": token, "days_supply": "30", "refills": "0", **reason}
    )
    assert answer.status_code == 422
    assert "nothing can be prescribed, whatever the reason" in text_of(answer)
    assert db.session.query(PrescriptionOrder).count() == 0
