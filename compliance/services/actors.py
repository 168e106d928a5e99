"""Who acts: a person at a clinic, or a named system task; there is no anonymous write."""

from __future__ import annotations

from dataclasses import dataclass

from compliance.models import Role


@dataclass(frozen=True, slots=True)
class Actor:
    """A person with a role at a clinic, or a system task (then `user_id` is None)."""

    name: str
    user_id: int | None = None
    clinic_id: int | None = None
    role: Role | None = None


def system(task: str) -> Actor:
    """The actor of a named system task, such as `system: sweep`."""
    return Actor(name=f"system: {task}")
