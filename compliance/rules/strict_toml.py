"""A strict reader of reviewed TOML: a mistake names file, key, what was found and is allowed."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

_MISSING: Any = object()


class TerminologyError(ValueError):
    """A file that cannot be read: which file and key, what was found and what is allowed."""

    def __init__(self, file: str, key: str, found: object, allowed: str) -> None:
        super().__init__(f"{file}: {key}: found {found!r} (allowed: {allowed})")
        self.file = file
        self.key = key


class Table:
    """One TOML table that is read key by key; `done` refuses what nobody asked for."""

    def __init__(self, file: str, key: str, data: dict[str, Any]) -> None:
        self.file = file
        self._key = key
        self._data = data
        self._read: set[str] = set()

    @classmethod
    def load(cls, folder: Path, name: str) -> Table:
        """Read a file; decimals stay exact. Raises TerminologyError."""
        try:
            data = tomllib.loads((folder / name).read_text("utf-8"), parse_float=Decimal)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise TerminologyError(name, "(the file)", str(error), "a readable TOML file") from None
        return cls(name, "", data)

    def __iter__(self) -> Iterator[str]:
        self._read.update(self._data)
        return iter(self._data)

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def path(self, key: str) -> str:
        """The key with the names of the tables around it."""
        return f"{self._key}.{key}" if self._key else key

    def fault(self, key: str, found: object, allowed: str) -> TerminologyError:
        """The error for one key."""
        return TerminologyError(self.file, self.path(key), found, allowed)

    def done(self) -> None:
        """Refuse keys that nobody read."""
        for key in self._data:
            if key not in self._read:
                raise self.fault(key, key, ", ".join(sorted(self._read)))

    def skip(self, key: str) -> None:
        """A key that is read elsewhere."""
        self._read.add(key)

    def table(self, key: str) -> Table:
        """A table within this one."""
        return Table(self.file, self.path(key), self._typed(key, dict, "a table", _MISSING))

    def tables(self, key: str) -> list[Table]:
        """A list of tables."""
        items = self._typed(key, list, "a list of tables", _MISSING)
        if not all(isinstance(item, dict) for item in items):
            raise self.fault(key, items, "a list of tables")
        return [Table(self.file, f"{self.path(key)}[{at}]", item) for at, item in enumerate(items)]

    def text(self, key: str) -> str:
        """Text that is not empty."""
        found: str = self._typed(key, str, "text that is not empty", _MISSING)
        if not found.strip():
            raise self.fault(key, found, "text that is not empty")
        return found

    def texts(self, key: str, default: Any = _MISSING) -> dict[str, str]:
        """A table of texts."""
        found: dict[str, str] = self._typed(key, dict, "a table of texts", default)
        for name, value in found.items():
            if not isinstance(value, str):
                raise self.fault(f"{key}.{name}", value, "text")
        return found

    def listed(self, key: str, default: Any = _MISSING) -> tuple[str, ...]:
        """A list of texts without repetition."""
        found = self._typed(key, (list, tuple), "a list of texts", default)
        if not all(isinstance(item, str) and item for item in found) or len(set(found)) != len(
            found
        ):
            raise self.fault(key, found, "a list of texts, each once")
        return tuple(found)

    def words(self, key: str, default: Any = _MISSING) -> tuple[str, ...]:
        """A list of words as they are compared: in small letters."""
        return tuple(word.casefold() for word in self.listed(key, default))

    def truth(self, key: str, default: bool | None) -> bool | None:
        """True or false."""
        found: bool | None = self._typed(key, bool, "true or false", default)
        return found

    def number(self, key: str) -> Fraction | None:
        """An exact number, or None when the key is left out."""
        if key not in self._data:
            return None
        return self.needed_number(key)

    def needed_number(self, key: str) -> Fraction:
        """An exact number that must be there."""
        found = self._typed(key, (int, Decimal), "a number", _MISSING)
        if isinstance(found, bool) or not Decimal(found).is_finite():
            raise self.fault(key, found, "a number")
        return Fraction(found)

    def exact(self, key: str, text: str) -> Fraction:
        """Text that is an exact decimal or fraction above 0."""
        try:
            value = Fraction(text)
        except (ValueError, ZeroDivisionError):
            value = Fraction(0)
        if value <= 0:
            raise self.fault(
                key, text, 'a decimal or fraction above 0, such as "0.0112939" or "1/60"'
            )
        return value

    def checked(self, key: str, value: str, allowed: Sequence[str]) -> str:
        """The value, when it is one of those allowed."""
        if value not in allowed:
            raise self.fault(key, value, ", ".join(allowed))
        return value

    def _typed(self, key: str, kind: Any, allowed: str, default: Any) -> Any:
        self._read.add(key)
        if key not in self._data:
            if default is _MISSING:
                raise self.fault(key, "nothing", allowed)
            return default
        if not isinstance(self._data[key], kind):
            raise self.fault(key, self._data[key], allowed)
        return self._data[key]
