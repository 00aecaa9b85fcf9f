"""The texts in records: a few hundred people, places and sentences, and texts that break careless software."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from faker import Faker

AWKWARD_TEXTS = (
    "",
    " ",
    'He said "call back", twice',
    "O'Brien & Sons \\ HVAC",
    "first line\nsecond line\r\nthird line",
    "tab\tseparated\tvalues",
    "naïve café, Zürich, Łódź",
    "北京暖通空调",
    "مرحبا بالعالم",
    "👩‍🔧 fixed the A/C 🧊",
    "e\u0301 is not é",
    "line\u2028separator, zero\u200bwidth, no\u00a0break",
    "null",
    "NaN",
    "0123",
    "1e5",
    "2024-02-30",
    "<p>Bring <b>two</b> ladders &amp; a lamp</p>",
    "'; DROP TABLE technicians; --",
    "{{ 7 * 7 }} ${HOME} %s \\u0041",
    "x" * 2000,
)
"""Legal values that must arrive unchanged."""

PEOPLE = 509
"""How many people there are: a prime, see :mod:`servicetitan_sandbox.servicetitan.data.generator`."""

_WORDS = 300


@dataclass(frozen=True, slots=True)
class Person:
    """A person whose names, email address and login belong together."""

    first: str
    last: str
    email: str
    login: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The texts by kind, a few hundred of each."""

    people: tuple[Person, ...]
    phones: tuple[str, ...]
    streets: tuple[str, ...]
    cities: tuple[str, ...]
    zips: tuple[str, ...]
    companies: tuple[str, ...]
    labels: tuple[str, ...]
    sentences: tuple[str, ...]


@cache
def vocabulary() -> Vocabulary:
    """Return the texts. They are always the same; tenants differ in how they are combined."""
    fake = Faker("en_US")
    fake.seed_instance(20_240_229)
    words = range(_WORDS)
    return Vocabulary(
        people=tuple(_person(fake, number) for number in range(PEOPLE)),
        phones=tuple(fake.numerify("(%##) %##-####") for _ in words),
        streets=tuple(fake.street_address() for _ in words),
        cities=tuple(fake.city() for _ in words),
        zips=tuple(fake.postcode() for _ in words),
        companies=tuple(fake.company() for _ in words),
        labels=tuple(f"{fake.word().title()} {fake.word()}" for _ in words),
        sentences=tuple(fake.sentence(12) for _ in words),
    )


def _person(fake: Faker, number: int) -> Person:
    first, last = fake.first_name(), fake.last_name()
    login = f"{first}.{last}{number}".lower()
    return Person(first, last, f"{login}@{fake.safe_domain_name()}", login)
