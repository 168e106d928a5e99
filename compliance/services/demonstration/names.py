"""Made-up people: names from many places, taken from nobody, and addresses that go nowhere."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from random import Random

from compliance.models.patients import Discretion
from compliance.rules.dates import plus
from compliance.rules.terms import Sex
from compliance.services.patients import fold

# One line a heritage: given names (female), given names (male), family names.
_HERITAGES: tuple[tuple[str, str, str], ...] = (
    (
        "Hazel Ivy Josephine Maeve Nora Willa Tess Delphine",
        "Everett Silas Owen Jasper Calder Miles Rhys Theo",
        "Thistlewood Brightwater Hollowell Fernsby Marlowe Pennywhistle Ashgrove Larkspur",
    ),
    (
        "Lucía Marisol Inés Camila Ximena Valentina Noemí Belén",
        "Mateo Joaquín Andrés Tomás Iñaki Rafael Julián Nicolás",
        "Nuñez Cascabel Peñaloza Ibáñez Villaluz Montesol Quiñones Arroyoverde Zubirán",
    ),
    (
        "Amara Ngozi Zainab Adaeze Thandiwe Makeda Efua Imani",
        "Kwame Chidi Tendai Jabari Sekou Obinna Idris Kofi",
        "Okafor Adeyemi-Stone Mensah Nkosana Abebe Diallo Owusu Chukwuma Temba",
    ),
    (
        "Mei Hana Linh Soo-ah Xiu Yuna Thuy Sakura",
        "Kenji Wei Minh Joon Haru Tuan Ren Bo",
        "Tanemura Nguyễn Hwangbo Liangzhu Phạm Okabayashi Seo Zhangmin Trương",
    ),
    (
        "Anjali Priya Leila Shirin Noor Yasmin Meera Dilnoza",
        "Arjun Farid Rohan Samir Kiran Omid Vikram Tariq",
        "Raghunath Iyengarwala Farahani Qureshi Banerjoy Haddadi Suleimani Chaudhree Menonath",
    ),
    (
        "Zofia Małgorzata Ilse Saoirse Ørnulfa Çiğdem Zoé Siân",
        "Łukasz Bjørn Søren Émile Tadeáš Káre Oisín Jürgen",
        "Łukasiewicz Østergaard Dvořáček Åkerlind Müllerson Ó Faoláin Lefèvre Ştefanescu Björnsdal",
    ),
    (
        "Kaya Leilani Winona Noelani Aiyana Tallulah Moana Sequoia",
        "Keoni Chayton Koa Takoda Nahele Ahanu Kai Elan",
        "Kealohamoana Redcedar Kahananui Two-Rivers Makoa Standing-Elk Pualani Longmeadow",
    ),
)

# Spanish is asked for mostly, not only, by people of the second line.
_SPANISH = 1


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who does not exist."""

    given_name: str
    family_name: str
    born: dt.date
    sex: Sex | None
    pronouns: str
    email: str
    phone: str
    language: str
    discretion: Discretion
    reminders_wanted: bool


class People:
    """Gives out people, no name twice."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def person(self, rng: Random, sex: Sex, age: int, today: dt.date) -> Person:
        """A new person of an age in years today; the sex picks the name's list only."""
        heritage = rng.randrange(len(_HERITAGES))
        given, family = self._name(rng, heritage, sex)
        spanish = rng.random() < (0.75 if heritage == _SPANISH else 0.06)
        return Person(
            given_name=given,
            family_name=family,
            born=_born(rng, age, today),
            sex=sex,
            pronouns=_pronouns(rng, sex),
            email=_email(given, family) if rng.random() < 0.94 else "",
            phone=f"+1 {rng.choice((212, 646, 213, 310))} 555 01{rng.randrange(100):02d}",
            language="es" if spanish else "en",
            discretion=Discretion.DETAILED if rng.random() < 0.15 else Discretion.NEUTRAL,
            reminders_wanted=rng.random() < 0.95,
        )

    def _name(self, rng: Random, heritage: int, sex: Sex) -> tuple[str, str]:
        women, men, families = _HERITAGES[heritage]
        given_names = (women if sex is Sex.FEMALE else men).split()
        for _ in range(500):
            given, family = rng.choice(given_names), _family(rng, families)
            if _email(given, family) not in self._taken:
                self._taken.add(_email(given, family))
                return given, family
            women, men, families = rng.choice(_HERITAGES)
            given_names = (women if sex is Sex.FEMALE else men).split()
        raise RuntimeError("the lists of names are too short for so many people")


def _family(rng: Random, families: str) -> str:
    return rng.choice(families.replace("Ó Faoláin", "Ó_Faoláin").split()).replace("_", " ")


def _email(given: str, family: str) -> str:
    local = fold(f"{given}.{family}").replace(" ", "")
    return "".join(letter for letter in local if letter in _LETTERS) + "@example.org"


_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz.-")


def _born(rng: Random, age: int, today: dt.date) -> dt.date:
    this_year = dt.date(today.year - age, today.month, min(today.day, 28))
    return plus(this_year, -rng.randrange(5, 355))


def _pronouns(rng: Random, sex: Sex) -> str:
    if rng.random() < 0.05:
        return "they/them"
    if rng.random() < 0.4:
        return ""
    return "she/her" if sex is Sex.FEMALE else "he/him"
