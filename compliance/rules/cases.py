"""Case files answered: what the rules say to each question, and whether that was expected."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from compliance.rules.assess import assess
from compliance.rules.case_answers import answer, describe, differences
from compliance.rules.case_reader import Ask, Case, CaseError, read_case
from compliance.rules.programme import load_programme

__all__ = ["CaseError", "find_cases", "read_case", "run_cases"]


def find_cases(paths: Iterable[Path]) -> Iterable[Path]:
    """The files named, and every *.toml below the folders named."""
    for path in paths:
        if path.is_dir():
            yield from sorted(path.rglob("*.toml"))
        else:
            yield path


def _complain(text: str) -> None:
    print(text, file=sys.stderr)


def run_cases(
    paths: Sequence[Path],
    as_json: bool,
    write: Callable[[str], Any],
    complain: Callable[[str], Any] = _complain,
) -> int:
    """Answer every question of every case; 0: all agree, 1: some differ, 2: one is unreadable."""
    run = _Run(as_json, write, complain)
    for path in find_cases(paths):
        run.one(path)
    return run.finish()


class _Run:
    """Counts what agreed while the cases are answered one by one."""

    def __init__(
        self, as_json: bool, write: Callable[[str], Any], complain: Callable[[str], Any]
    ) -> None:
        self.as_json = as_json
        self.write = write
        self.complain = complain
        self.seen: dict[str, Path] = {}
        self.asked = self.expected = self.agreed = self.unread = 0

    def one(self, path: Path) -> None:
        try:
            case = read_case(path)
            if case.id in self.seen:
                also = self.seen[case.id]
                raise CaseError(str(path), "id", f"{case.id!r} is also the id of {also}")
        except CaseError as error:
            self.unread += 1
            self.complain(str(error))
            return
        self.seen[case.id] = path
        if not self.as_json:
            self.write(f"{case.id}  {case.title}")
        for ask in case.asks:
            self.ask(case, ask)

    def ask(self, case: Case, ask: Ask) -> None:
        programme = load_programme(case.programme)
        found = assess(case.record, programme, case.terms, ask.question)
        differ = None if ask.expect is None else differences(found, ask.expect)
        self.asked += 1
        if differ is not None:
            self.expected += 1
            self.agreed += not differ
        if self.as_json:
            self.write(
                json.dumps(answer(case.id, ask.written_at, found, differ), ensure_ascii=False)
            )
        else:
            self.write(describe(programme, found, differ, case.terms.time_zone))

    def finish(self) -> int:
        if not self.as_json:
            unread = f", {self.unread} files could not be read" if self.unread else ""
            self.write(f"{self.agreed} of {self.expected} questions agree{unread}.")
        if self.unread or not self.asked:
            return 2
        return 0 if self.agreed == self.expected else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: `python -m compliance.rules.cases [--json] FILE...`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", dest="as_json")
    parser.add_argument("files", nargs="+", type=Path)
    chosen = parser.parse_args(arguments)
    return run_cases(chosen.files, chosen.as_json, print)


if __name__ == "__main__":
    sys.exit(main())
