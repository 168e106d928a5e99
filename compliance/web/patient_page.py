"""The patient's own page: opened by a link and the birth date, for a telephone, without scripts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask import Blueprint, abort, g, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response

from compliance.db import db, transaction
from compliance.models import PatientLink, StatementKind
from compliance.rules.questions import questions_of
from compliance.rules.terms import Method, TestResult
from compliance.services import audit, patient_statements
from compliance.services.errors import Conflict, DomainError, Invalid
from compliance.services.evidence import local_date
from compliance.services.patient_links import by_link, find_link, is_live, open_link
from compliance.services.photos import read_photo
from compliance.web import patient_page_content as content
from compliance.web.clock import now
from compliance.web.patient_page_forms import (
    REPORTS,
    birth_date_in,
    home_test_in,
    methods_in,
    report_in,
    symptom_in,
)
from compliance.web.patient_session import (
    PageClosed,
    admit,
    check_form,
    close_page,
    form_token,
    keep_open,
    open_page,
)
from compliance.web.patient_words import page_languages, words_for
from compliance.web.security import public
from compliance.web.throttle import Throttle

patient_page = Blueprint("patient_page", __name__, url_prefix="/p")

V = TypeVar("V", bound=Callable[..., Any])
Page = str | Response | tuple[str, int]
Record = Callable[[Any, PatientLink], None]

WRONG = Throttle(most=20)


def opened(view: V) -> V:
    """Only behind the birth date."""
    view.access_rule = admit  # type: ignore[attr-defined]
    return view


@patient_page.record_once
def _own_token(state: Any) -> None:
    # The usual token would need the staff's session cookie; these forms carry one of their own.
    state.app.extensions["csrf"].exempt(patient_page)


@patient_page.after_request
def _headers(answer: Response) -> Response:
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["X-Robots-Tag"] = "noindex, nofollow"
    return keep_open(answer)


def _words() -> Mapping[str, Any]:
    wanted = g.get("page_language") or request.accept_languages.best_match(page_languages()) or ""
    return words_for(wanted)


def _render(template: str, **said: Any) -> str:
    return render_template(f"patient_page/{template}.html", w=_words(), **said)


@patient_page.errorhandler(PageClosed)
def _closed(_error: PageClosed) -> Page:
    return _render("left"), 403


@patient_page.errorhandler(RequestEntityTooLarge)
def _too_large(_error: RequestEntityTooLarge) -> Page:
    return _render("sorry", said=_words()["too_large"]), 413


@patient_page.errorhandler(DomainError)
def _refused(error: DomainError) -> Page:
    return _render("sorry", said=_words()["flood"]), error.status


@patient_page.errorhandler(HTTPException)
def _other(error: HTTPException) -> Page:
    return _render("left"), error.code or 400


# ————— the door —————


def _gone(link: PatientLink | None) -> Page:
    """One page for every link that does not work; a token that never was one names no clinic."""
    if link is None:
        WRONG.miss(request.remote_addr or "", now())
    clinic = link.patient.clinic if link else None
    g.page_language = link.patient.language if link else ""
    return _render("gone", clinic=clinic), 404


def _working(token: str) -> PatientLink | None:
    """The link of a token, when it works; who guesses has to wait, who has a link never does."""
    link = find_link(db.session(), token)
    if link is None and WRONG.is_shut(request.remote_addr or "", now()):
        abort(429)
    if link is None or not is_live(link, now()):
        return None
    g.page_language = link.patient.language
    return link


@patient_page.route("/<token>", methods=["GET", "POST"])
@public
def enter(token: str) -> Page:
    """Ask for the birth date; nothing is shown before it fits."""
    if _working(token) is None:
        return _gone(find_link(db.session(), token))
    if request.method == "GET":
        return _render("enter", fault="")
    born = birth_date_in(request.form)
    if born is None:
        return _render("enter", fault=_words()["errors"]["born"]), 422
    with transaction() as session:
        link = find_link(session, token)
        opens = link.id if link and open_link(session, link, born, now()) else None
    if opens is None:
        return _not_opened(token)
    answer = redirect(url_for("patient_page.home"))
    open_page(answer, opens)
    return answer


def _not_opened(token: str) -> Page:
    if _working(token) is None:
        return _gone(find_link(db.session(), token))
    return _render("enter", fault=_words()["wrong_born"]), 422


@patient_page.route("/<token>/stop", methods=["GET", "POST"])
@public
def stop(token: str) -> Page:
    """End the reminders by mail: by a person here, or with one click of a mail program."""
    if _working(token) is None:
        return _gone(find_link(db.session(), token))
    if request.method == "GET":
        return _render("stop", done=False)
    with transaction() as session:
        link = find_link(session, token)
        if link is not None:
            patient_statements.stop_mail(session, link, now())
    return _render("stop", done=True)


# ————— behind it —————


def _seen(page: str) -> PatientLink:
    """The link of the open page; the look is written down before anything is shown."""
    with transaction() as session:
        link: PatientLink = session.get_one(PatientLink, g.page_link_id)
        audit.log_access(session, by_link(link.patient), link.patient, f"own page: {page}", now())
    return db.session.get_one(PatientLink, g.page_link_id)


def _frame(link: PatientLink) -> dict[str, Any]:
    patient = link.patient
    return {
        "place": content.place_of(patient.clinic, _words()),
        "token": form_token(),
        "today": local_date(patient.clinic, now()),
        "offer": content.offer_to(db.session(), patient, local_date(patient.clinic, now())),
        "hold": content.holds(db.session(), patient),
    }


@patient_page.get("/")
@opened
def home() -> Page:
    """What is next, and what the patient may do."""
    link = _seen("home")
    owed = content.duties(db.session(), link.patient, _words(), now())
    wanted = link.patient.reminders_wanted
    return _render("home", duties=owed, mail_wanted=wanted, **_frame(link))


def _form(page: str) -> Callable[[Record], Callable[[], Page]]:
    """A page with a form: shown, or read, recorded in one transaction and answered."""

    def around(record: Record) -> Callable[[], Page]:
        @functools.wraps(record)
        def view() -> Page:
            faults: dict[str, str] = {}
            if request.method == "POST":
                check_form(request.form)
                faults = _recorded(record)
                if not faults:
                    return redirect(url_for("patient_page.done"))
            link = _seen(page)
            shown = _render(page, faults=faults, **_frame(link), **_choices(link))
            return (shown, 422) if faults else shown

        return view

    return around


def _recorded(record: Record) -> dict[str, str]:
    """Nothing when it was recorded; else a sentence for each field, in the patient's language."""
    words = _words()["errors"]
    try:
        with transaction() as session:
            record(session, session.get_one(PatientLink, g.page_link_id))
    except Invalid as error:
        return {name: words.get(name, words["answer"]) for name in error.fields}
    return {}


def _choices(link: PatientLink) -> dict[str, Any]:
    return {
        "methods": [method.value for method in Method],
        "reports": [kind.value for kind in _reports(link)],
        "results": [result.value for result in TestResult],
        "questions": questions_of(local_date(link.patient.clinic, now())),
        "sent": request.form,
    }


def _reports(link: PatientLink) -> tuple[StatementKind, ...]:
    today = local_date(link.patient.clinic, now())
    if content.offer_to(db.session(), link.patient, today).pregnancy:
        return REPORTS
    return (StatementKind.SYMPTOM,)


@patient_page.route("/month", methods=["GET", "POST"])
@opened
@_form("month")
def month(session: Any, link: PatientLink) -> None:
    """State the methods of this month."""
    patient_statements.state_methods(session, link, methods_in(request.form), now())


@patient_page.route("/questions", methods=["GET", "POST"])
@opened
@_form("questions")
def questions(session: Any, link: PatientLink) -> None:
    """Answer the questions of this month."""
    today = local_date(link.patient.clinic, now())
    if not content.offer_to(session, link.patient, today).questions_open:
        raise Conflict("The prescriber's entry comes first.")
    patient_statements.answer_questions(session, link, request.form, now())


@patient_page.route("/report", methods=["GET", "POST"])
@opened
@_form("report")
def report(session: Any, link: PatientLink) -> None:
    """Report a missed pill, a possible pregnancy or a symptom."""
    fields = request.form
    patient_statements.report(
        session,
        link,
        report_in(fields, _reports(link)),
        now(),
        text=fields.get("text", ""),
        symptom=symptom_in(fields, _words()["symptoms"]),
    )


@patient_page.route("/photo", methods=["GET", "POST"])
@opened
@_form("photo")
def photo(session: Any, link: PatientLink) -> None:
    """Send the photo of a home test."""
    test = home_test_in(request.form, link.patient.clinic.time_zone)
    sent = request.files.get("photo")
    image = read_photo(sent.read() if sent else b"")
    patient_statements.send_home_test(session, link, image, test, now())


@patient_page.route("/mail", methods=["GET", "POST"])
@opened
@_form("mail")
def mail(session: Any, link: PatientLink) -> None:
    """End the reminders by mail."""
    patient_statements.stop_mail(session, link, now())


@patient_page.get("/done")
@opened
def done() -> Page:
    """What was recorded, and whom to call now."""
    link = _seen("done")
    said = content.last_statement(db.session(), link.id)
    if said is None:
        return redirect(url_for("patient_page.home"))
    compared = content.comparison(db.session(), link.patient, _words())
    return _render("done", said=said, compared=compared, **_frame(link))


@patient_page.post("/leave")
@opened
def leave() -> Page:
    """Close the page on this telephone."""
    check_form(request.form)
    g.page_left = True
    answer = make_response(_render("left"))
    close_page(answer)
    return answer
