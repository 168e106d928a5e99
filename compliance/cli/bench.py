"""Measurements, each beside its floor in the same run, so that ratios hold on any machine."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click

from compliance.cli.bench_intake import measure_intake
from compliance.cli.bench_pages import measure_pages
from compliance.cli.bench_reminders import measure_reminders
from compliance.cli.bench_rules import measure_rules


@click.group("bench")
def bench() -> None:
    """Measure, and print what was found as a table and as one line of JSON."""


@bench.command("pages")
@click.option("--requests", default=60, show_default=True, type=click.IntRange(5), help="Per page.")
def pages(requests: int) -> None:
    """The worklist and the patient page on demonstration data, through the whole application."""
    with tempfile.TemporaryDirectory() as folder:
        _show(measure_pages(Path(folder), requests))


@bench.command("rules")
@click.option("--patients", default=100_000, show_default=True, type=click.IntRange(100))
@click.option("--seed", default=1, show_default=True, type=int)
def rules(patients: int, seed: int) -> None:
    """Generated patients of about 14 facts through the rules, one after another."""
    with tempfile.TemporaryDirectory() as folder:
        _show(measure_rules(Path(folder) / "facts.db", patients, seed))


@bench.command("intake")
@click.option("--patients", default=1000, show_default=True, type=click.IntRange(1))
@click.option("--messages", default=2000, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=1, show_default=True, type=int)
def intake(patients: int, messages: int, seed: int) -> None:
    """Generated messages of 8 results, from their bytes to evidence, audit and answers."""
    with tempfile.TemporaryDirectory() as folder:
        _show(measure_intake(Path(folder), patients, messages, seed))


@bench.command("reminders")
@click.option("--obligations", default=1_000_000, show_default=True, type=click.IntRange(2000))
@click.option("--due", default=1000, show_default=True, type=click.IntRange(10))
def reminders(obligations: int, due: int) -> None:
    """Reminders on the books: swept with nothing due, scanned, planned, and sent to a sink.

    The defaults take about two minutes; --due 100000 takes half an hour and more.
    """
    with tempfile.TemporaryDirectory() as folder:
        _show(measure_reminders(Path(folder), obligations, due))


def _show(found: dict[str, Any]) -> None:
    rows = [(name, *figures.values()) for name, figures in found["figures"].items()]
    heads = ["", *(key.replace("_", " ") for key in next(iter(found["figures"].values())))]
    widths = [max(len(str(row[n])) for row in (heads, *rows)) for n in range(len(heads))]
    for row in (heads, *rows):
        cells = [str(cell).rjust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join([cells[0].ljust(widths[0]), *cells[1:]]))
    click.echo(json.dumps(found, ensure_ascii=False))


COMMANDS = (bench,)
