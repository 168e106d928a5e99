"""People of a clinic: invited by a link that works once, locked out at once, never without one
administrator."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import time_machine
from sqlalchemy import select

from compliance.db import db, transaction
from compliance.models import AuditEvent, Membership, Role, User
from compliance.services import people
from compliance.services.errors import Conflict, NotFound, NotPermitted
from compliance.services.password_links import make_token, read_token
from tests.journeys.person import TOKEN, Person, text_of
from tests.world import NOW, a_clinic, a_user, email_of

KEY = "a secret for the tests of links"
NEW_PASSWORD = "three quiet yellow boats"
LINK = re.compile(r"/set-password/[\w.-]+")


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def clinic_id(app) -> int:
    return a_clinic()


@pytest.fixture
def ada(clinic_id):
    return a_user(clinic_id, Role.ADMINISTRATOR, "Ada Admin")


@pytest.fixture
def person(app, ada) -> Person:
    return signed_in(app, ada)


def signed_in(app, actor) -> Person:
    person = Person(app, email_of(db.session, actor))
    assert person.sign_in().status_code == 302
    return person


def post(person: Person, address: str, **fields: str):
    token = TOKEN.search(person.client.get("/").get_data(as_text=True)).group(1)
    return person.client.post(
        f"/administration/people/{address}", data={"csrf_token": token, **fields}
    )


def user(actor) -> User:
    db.session.rollback()
    return db.session.get(User, actor.user_id)


def invite(person: Person, email: str = "nia@example.org") -> str:
    answer = person.submit("/administration/people/new", name="Nia New", email=email, role="nurse")
    found = LINK.search(answer.get_data(as_text=True))
    assert found is not None, text_of(answer)
    return found.group(0)


def test_an_invited_person_sets_a_password_by_a_link_that_works_once(app, person):
    link = invite(person)
    stranger = Person(app)
    answer = stranger.submit(link, password=NEW_PASSWORD, again=NEW_PASSWORD)
    assert answer.status_code == 302, text_of(answer)
    assert stranger.sign_in("nia@example.org", NEW_PASSWORD).status_code == 302
    assert stranger.client.get("/").status_code == 200
    assert "This link was used" in Person(app).read(link, status=404)


def test_a_short_password_and_two_different_ones_are_refused(app, person):
    link = invite(person)
    short = Person(app).submit(link, password="elevenchars", again="elevenchars")
    assert (short.status_code, "Found 11 characters" in text_of(short)) == (422, True)
    other = Person(app).submit(link, password=NEW_PASSWORD, again=NEW_PASSWORD + "!")
    assert (other.status_code, "are not the same" in text_of(other)) == (422, True)


def test_a_link_ends_after_three_days(app, clinic_id):
    nia = user(a_user(clinic_id))
    token = make_token(nia, KEY, NOW)
    last = NOW + dt.timedelta(days=3)
    assert read_token(db.session, token, KEY, last - dt.timedelta(seconds=1)) is nia
    with pytest.raises(NotFound):
        read_token(db.session, token, KEY, last)


def test_a_link_of_another_installation_or_an_altered_one_opens_nothing(clinic_id):
    token = make_token(user(a_user(clinic_id)), KEY, NOW)
    altered = token[:5] + ("A" if token[5] != "A" else "B") + token[6:]
    for wrong in (altered, "", "x.y"):
        with pytest.raises(NotFound):
            read_token(db.session, wrong, KEY, NOW)
    with pytest.raises(NotFound):
        read_token(db.session, token, KEY + "other", NOW)


def test_a_closed_account_ends_its_sessions_at_once_and_comes_back(app, person, clinic_id):
    nurse = a_user(clinic_id)
    other = signed_in(app, nurse)
    assert other.client.get("/").status_code == 200
    assert post(person, f"{nurse.user_id}/deactivate").status_code == 302
    assert other.client.get("/").status_code == 302  # to the sign-in page
    post(person, f"{nurse.user_id}/reactivate")
    assert other.client.get("/").status_code == 302  # the old session stays ended
    assert other.sign_in().status_code == 302
    assert other.client.get("/").status_code == 200


def test_a_reset_ends_the_old_password_and_its_sessions(app, person, clinic_id):
    nurse = a_user(clinic_id)
    other = signed_in(app, nurse)
    answer = post(person, f"{nurse.user_id}/password")
    link = LINK.search(answer.get_data(as_text=True)).group(0)
    assert other.client.get("/").status_code == 302
    assert other.sign_in().status_code != 302
    Person(app).submit(link, password=NEW_PASSWORD, again=NEW_PASSWORD)
    assert other.sign_in(password=NEW_PASSWORD).status_code == 302


def test_a_locked_person_is_let_in_again(app, person, clinic_id):
    nurse = a_user(clinic_id)
    other = Person(app, email_of(db.session, nurse))
    for _ in range(5):
        other.sign_in(password="wrong wrong wrong")
    assert other.sign_in().status_code != 302
    assert "Locked" in person.read("/administration/people")
    post(person, f"{nurse.user_id}/unlock")
    assert other.sign_in().status_code == 302


def test_nobody_ends_their_own_role_as_administrator(person, ada):
    for step, fields in (("role", {"role": "nurse"}), ("end", {}), ("deactivate", {})):
        post(person, f"{ada.user_id}/{step}", **fields)
        assert user(ada).active
        assert [item.role for item in user(ada).memberships] == [Role.ADMINISTRATOR]


def test_the_last_administrator_who_can_sign_in_stays(clinic_id, ada):
    other = a_user(clinic_id, Role.ADMINISTRATOR, "Otto Other")
    with transaction() as session:
        people.deactivate(session, ada, other.user_id, NOW)
    with pytest.raises(Conflict), transaction() as session:
        people.set_role(session, other, ada.user_id, Role.NURSE, NOW)
    with transaction() as session:
        people.reactivate(session, ada, other.user_id, NOW)
    with transaction() as session:
        people.set_role(session, other, ada.user_id, Role.NURSE, NOW)
    assert [item.role for item in user(ada).memberships] == [Role.NURSE]


def test_a_role_is_changed_and_audited_with_before_and_after(person, clinic_id):
    nurse = a_user(clinic_id)
    assert post(person, f"{nurse.user_id}/role", role="manager").status_code == 302
    event = db.session.scalars(
        select(AuditEvent).where(AuditEvent.action == "user.role-changed")
    ).one()
    assert event.detail == {"before": "nurse", "after": "manager"}
    assert event.actor == "Ada Admin"


def test_the_account_of_somebody_who_also_works_elsewhere_is_not_touched(clinic_id, ada):
    nurse = a_user(clinic_id)
    elsewhere = a_user(a_clinic("second"), Role.ADMINISTRATOR, "Eve Elsewhere")
    with transaction() as session:
        made = people.invite(session, elsewhere, user(nurse).email, "Nia", Role.NURSE, NOW)
        assert not made.is_new
    for act in (people.deactivate, people.reset_password, people.unlock, people.reactivate):
        with pytest.raises(NotPermitted), transaction() as session:
            act(session, ada, nurse.user_id, NOW)
    with transaction() as session:
        people.end_role(session, ada, nurse.user_id, NOW)
    places = select(Membership.clinic_id).where(Membership.user_id == nurse.user_id)
    assert db.session.scalars(places).all() == [elsewhere.clinic_id]


def test_people_of_another_clinic_are_not_found(person):
    other = a_user(a_clinic("second"))
    assert person.client.get(f"/administration/people/{other.user_id}").status_code == 404
    assert post(person, f"{other.user_id}/deactivate").status_code == 404


def test_who_works_here_already_is_not_invited_again(person, clinic_id):
    nurse = a_user(clinic_id)
    answer = person.submit(
        "/administration/people/new", name="N", email=user(nurse).email.upper(), role="nurse"
    )
    assert answer.status_code == 422
    assert "works here already" in text_of(answer)


def test_the_digest_is_stopped_for_a_person(person, clinic_id):
    nurse = a_user(clinic_id)
    post(person, f"{nurse.user_id}/digest", wanted="no")
    assert not user(nurse).wants_digest


def test_a_manager_sees_the_people_and_changes_nobody(app, clinic_id):
    nurse = a_user(clinic_id)
    manager = signed_in(app, a_user(clinic_id, Role.MANAGER))
    assert user(nurse).email in manager.read("/administration/people")
    assert manager.client.get(f"/administration/people/{nurse.user_id}").status_code == 403
    assert post(manager, f"{nurse.user_id}/deactivate").status_code == 403
