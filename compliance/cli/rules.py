"""Commands about the rules: assess case files, list the programmes."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from compliance.rules.cases import run_cases


@click.command("assess")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a question, one a line.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def assess(files: tuple[Path, ...], as_json: bool) -> None:
    """Answer case files. Exit 0: all agree, 1: some differ, 2: one cannot be read."""
    sys.exit(run_cases(list(files), as_json, click.echo))


COMMANDS = (assess,)
