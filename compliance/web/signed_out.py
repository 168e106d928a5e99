"""What happens to a form that outlived its session: nothing typed is lost."""

from __future__ import annotations

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

# The library's own forms carry passwords, and a password is never shown again.
LIBRARY = ("security", None)


def held_answers() -> Response | None:
    """The form back with a way to sign in and send it again; None when nothing can be held.

    The answers go back to the browser that has just sent them and are stored nowhere. What comes
    from another site's page is not held: nobody may slip answers into a person's next click.
    """
    if request.method != "POST" or request.blueprint in LIBRARY or not _is_from_here():
        return None
    fields = [(name, value) for name, value in request.form.items(multi=True) if _is_answer(name)]
    if not fields or request.files:
        return None
    page = render_template("auth/held.html", address=request.path, fields=fields)
    return make_response(page, 401)


def _is_from_here() -> bool:
    sent_by = request.headers.get("Origin") or request.headers.get("Referer") or ""
    return f"{sent_by}/".startswith(request.host_url)


def _is_answer(name: str) -> bool:
    return name != "csrf_token"
