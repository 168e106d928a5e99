"""How terms and lists are written in a sentence for a person."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from compliance.rules.terms import Method

_METHODS = {
    Method.COMBINED_PILL: "the combined pill",
    Method.PATCH: "the patch",
    Method.RING: "the ring",
    Method.INJECTION: "the injection",
    Method.IMPLANT: "the implant",
    Method.IUS: "the hormonal IUD",
    Method.COPPER_IUD: "the copper IUD",
    Method.TUBAL_STERILISATION: "tubal sterilisation",
    Method.PARTNER_VASECTOMY: "the partner's vasectomy",
    Method.MALE_CONDOM: "condoms",
    Method.DIAPHRAGM: "the diaphragm",
    Method.CERVICAL_CAP: "the cervical cap",
    Method.SPONGE: "the sponge",
    Method.MINIPILL: "the minipill",
    Method.FEMALE_CONDOM: "female condoms",
    Method.SPERMICIDE: "spermicide",
    Method.WITHDRAWAL: "withdrawal",
    Method.FERTILITY_AWARENESS: "fertility awareness",
    Method.ABSTINENCE: "abstinence",
    Method.NONE: "no method",
}
_ORDER = {method: number for number, method in enumerate(Method)}


@lru_cache(maxsize=1024)
def join_methods(methods: frozenset[Method]) -> str:
    """The methods in a sentence, in a fixed order."""
    return join(_METHODS[method] for method in sorted(methods, key=_ORDER.__getitem__))


def join(words: Iterable[str]) -> str:
    """Words as `a, b and c`; nothing as `nothing`."""
    listed = list(words)
    if len(listed) < 2:
        return listed[0] if listed else "nothing"
    return f"{', '.join(listed[:-1])} and {listed[-1]}"


def sentence(text: str) -> str:
    """The text with a capital first letter; the rest stays as it is."""
    return text[:1].upper() + text[1:]
