"""Draws values for the properties of a schema: plausible for the name, legal for the type, and sometimes awkward."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from servicetitan_sandbox.servicetitan.data import ticks
from servicetitan_sandbox.servicetitan.data.vocabulary import AWKWARD_TEXTS, vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

    from servicetitan_sandbox.servicetitan.data.vocabulary import Person

    Json = dict[str, Any]

NULLS = 0.08
"""Share of the values that are null."""

AWKWARD = 0.06
"""Share of the values that are awkward."""

PERSON_FIELDS = ("name", "firstName", "lastName", "email", "loginName")
"""Properties that describe the same person, in entities of people."""

UNSET_TIME = "0001-01-01T00:00:00"
"""How .NET writes a time that was never set."""

_FIRST_EXACT_LIMIT = 2**53
_LONGEST_ARRAY = 3
_TIMES = (ticks.from_text("2019-01-01"), ticks.from_text("2025-12-31"))


@dataclass(frozen=True, slots=True)
class Sampler:
    """Draws values of properties.

    Attributes:
        random: The source of randomness.
        references: Existing ids, by the name of the property that refers to them.
    """

    random: Random
    references: Mapping[str, Sequence[int]]

    def value(self, name: str, schema: Json, person: Person | None = None, *, always: bool = False) -> object:
        """Return a value of a property.

        Args:
            name: The property.
            schema: Its JSON Schema.
            person: The person that the record describes, if it does.
            always: Whether null is not allowed.
        """
        if not always and self.random.random() < NULLS:
            return None
        if person and name in PERSON_FIELDS:
            return _person_value(name, person)
        return _MAKERS[_type(schema)](self, name, schema)

    def text(self, name: str, schema: Json) -> str:
        """Return a text: one of the known values if the schema lists them."""
        if "examples" in schema:
            return str(self.random.choice(schema["examples"]))
        if make_time := _BY_FORMAT.get(schema.get("format", "")):
            return make_time(self)
        make = next(make for pattern, make in _TEXTS if pattern.search(name))
        if make is _free_text and self.random.random() < AWKWARD:
            return self.random.choice(AWKWARD_TEXTS)
        return make(self.random)

    def integer(self, name: str, schema: Json) -> int:
        """Return an existing id if the name refers to one, otherwise any number."""
        if "examples" in schema:
            return int(self.random.choice(schema["examples"]))
        if name in self.references:
            return self.random.choice(self.references[name])
        if name.endswith(("Id", "Ids", "id")) and self.random.random() < AWKWARD:
            return _FIRST_EXACT_LIMIT + self.random.randrange(1, 2**40, 2)
        return self.random.randrange(1, 10**8)

    def number(self, name: str, schema: Json) -> Decimal | float:
        """Return an exact amount with two to four decimals, or a coordinate as a float."""
        if schema.get("format") != "decimal":
            return round(self.random.uniform(25, 49) if name == "latitude" else self.random.uniform(-124, -67), 7)
        if self.random.random() < AWKWARD:
            # Too long for a float, negative, and with zeros that a float would drop.
            return self.random.choice((Decimal("90071992547409.9301"), Decimal("-0.10"), Decimal("1234.5000")))
        places = self.random.choice((2, 2, 2, 3, 4))
        return Decimal(self.random.randrange(10**6)).scaleb(-places)

    def boolean(self, name: str, schema: Json) -> bool:  # noqa: ARG002 - the signature of all makers
        """Return True or False."""
        return self.random.random() < 0.5  # noqa: PLR2004 - a coin

    def array(self, name: str, schema: Json) -> list[object]:
        """Return up to three items, none of them null."""
        items = schema["items"]
        maker = _MAKERS[_type(items)]
        return [maker(self, name, items) for _ in range(self.random.randint(0, _LONGEST_ARRAY))]

    def structure(self, name: str, schema: Json) -> Json:  # noqa: ARG002 - the signature of all makers
        """Return an object with every property of the schema."""
        return {
            inner: self.value(inner, field, always=inner == "name")
            for inner, field in schema.get("properties", {}).items()
        }

    def anything(self, name: str, schema: Json) -> object:  # noqa: ARG002 - the signature of all makers
        """Return a value of any type, for a property without a type."""
        return self.random.choice((self.random.randrange(100), "text", True, {"key": ["value", 1]}))

    def time(self) -> str:
        """Return a date-time with up to seven fractional digits, sometimes never set or without a zone."""
        if self.random.random() < AWKWARD:
            return UNSET_TIME
        moment = self.random.randrange(*_TIMES)
        seconds, tenths, all_digits = moment // ticks.SECOND * ticks.SECOND, moment // 10**6 * 10**6, moment
        text = ticks.to_text(self.random.choice((seconds, seconds, tenths, all_digits)))
        return text.removesuffix("Z") if self.random.random() < AWKWARD else text


def _type(schema: Json) -> str:
    declared = schema.get("type", "anything")
    return declared if isinstance(declared, str) else next(name for name in declared if name != "null")


def _person_value(name: str, person: Person) -> str:
    return {
        "name": f"{person.first} {person.last}",
        "firstName": person.first,
        "lastName": person.last,
        "email": person.email,
        "loginName": person.login,
    }[name]


def _free_text(random: Random) -> str:
    return random.choice(vocabulary().sentences)


def _duration(random: Random) -> str:
    days = random.choice(("", "", "", "1."))
    return f"{days}{random.randrange(24):02d}:{random.randrange(60):02d}:00"


def _uuid(random: Random) -> str:
    digits = f"{random.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


_BY_FORMAT: dict[str, Callable[[Sampler], str]] = {
    "date": lambda sampler: sampler.time()[:10],
    "date-time": Sampler.time,
    "duration": lambda sampler: _duration(sampler.random),
    "guid": lambda sampler: _uuid(sampler.random),
}
"""Makers of texts, by the format of the property."""

_MAKERS: dict[str, Callable[[Sampler, str, Json], object]] = {
    "anything": Sampler.anything,
    "array": Sampler.array,
    "boolean": Sampler.boolean,
    "integer": Sampler.integer,
    "number": Sampler.number,
    "object": Sampler.structure,
    "string": Sampler.text,
}

_TEXTS: tuple[tuple[re.Pattern[str], Callable[[Random], str]], ...] = tuple(
    (re.compile(pattern), make)
    for pattern, make in (
        (r"[eE]mail$", lambda random: random.choice(vocabulary().people).email),
        (r"(?i)phone|callerId", lambda random: random.choice(vocabulary().phones)),
        (r"^street", lambda random: random.choice(vocabulary().streets)),
        (r"^unit$", lambda random: f"Apt {random.randrange(1, 900)}"),
        (r"^city$", lambda random: random.choice(vocabulary().cities)),
        (r"^state$", lambda random: random.choice(("AZ", "CA", "NY", "TX", "WA"))),
        (r"^zip$", lambda random: random.choice(vocabulary().zips)),
        (r"^country$", lambda random: random.choice(("USA", "Canada"))),
        (r"^currency$", lambda random: random.choice(("USD", "CAD"))),
        (r"^officialName$", lambda random: random.choice(vocabulary().companies)),
        (r"^shift|[dD]uration$", _duration),
        (r"[uU]serId$|[gG]uid$", _uuid),
        (r"(Id|Code|Number|Sku|Class|^key)$", lambda random: f"{random.randrange(36**6):06X}"),
        (r"(?i)header|message|paragraph|memo|bio|summary|value", _free_text),
        (r"", lambda random: random.choice(vocabulary().labels)),
    )
)
"""Makers of texts. The first pattern that matches the property's name counts."""
