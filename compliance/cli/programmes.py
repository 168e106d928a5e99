"""Commands about the programmes: which there are, and what an edition changed."""

from __future__ import annotations

import click

from compliance.rules.dates import show
from compliance.rules.differences import (
    Difference,
    UnknownEditionError,
    differences,
    find_edition,
)
from compliance.rules.findings import Citation
from compliance.rules.programme import Edition, Programme, load_programme, programme_ids


@click.group("programmes", invoke_without_command=True)
@click.pass_context
def programmes(context: click.Context) -> None:
    """List the programmes with their editions; `diff A B` shows what an edition changed."""
    if context.invoked_subcommand is None:
        for programme_id in programme_ids():
            _describe(load_programme(programme_id))


def _describe(programme: Programme) -> None:
    click.echo(f"{programme.id}  {programme.name} ({programme.authority})")
    for edition in programme.editions:
        click.echo(f"  {programme.id}/{edition.id}  {_since(edition)}. {edition.summary}")
        click.echo(f"    {_cited(edition.citation)}")
    open_ = sum(_unverified(programme, edition) for edition in programme.editions[-1:])
    values = len(programme.provisions_of(programme.editions[-1].id))
    click.echo(f"  {values} values in the newest edition, {open_} of them not verified yet.\n")


def _since(edition: Edition) -> str:
    if edition.confirmed:
        return f"in force from {show(edition.in_force_from)}"
    return (
        f"announced for {show(edition.in_force_from)}, not confirmed: by the clinic's adoption only"
    )


def _unverified(programme: Programme, edition: Edition) -> int:
    provisions = programme.provisions_of(edition.id).values()
    return sum(not item.citation.verified for item in provisions)


def _cited(citation: Citation) -> str:
    checked = "" if citation.verified else " [not verified]"
    parts = (citation.title, citation.published_on, citation.locator, citation.href)
    return f"By: {'; '.join(part for part in parts if part)}{checked}"


@programmes.command("diff")
@click.argument("before")
@click.argument("after")
def diff(before: str, after: str) -> None:
    """What AFTER asks otherwise than BEFORE, such as uk-ppp/2025-10 and uk-ppp/2026-01."""
    ids = programme_ids()
    try:
        old, new = find_edition(before, ids), find_edition(after, ids)
    except UnknownEditionError as error:
        raise click.BadParameter(str(error)) from None
    found = differences(old, new)
    click.echo(f"From {_titled(*old)} to {_titled(*new)}:")
    for item in found:
        _print(item)
    click.echo(f"{len(found)} differences." if found else "Nothing differs.")


def _titled(programme: Programme, edition: Edition) -> str:
    return f"{programme.name}, edition {edition.id} ({_since(edition)})"


def _print(item: Difference) -> None:
    click.echo(f"  {item.requirement.value}: {item.meaning}")
    click.echo(f"    before: {item.before}")
    click.echo(f"    now:    {item.after}")
    if item.citation is not None:
        click.echo(f"    {_cited(item.citation)}")


COMMANDS = (programmes,)
