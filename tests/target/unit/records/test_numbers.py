"""Which values a column of numbers accepts, and how they are converted."""

from __future__ import annotations

import contextlib
import math
from decimal import Decimal

import pytest

from support.target.values import refuses, value_of
from target_bigquery_softdelete.errors import NeedsBigNumericError
from target_bigquery_softdelete.records.numbers import without_noise
from target_bigquery_softdelete.schema.columns import Kind


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("7.0", 7),
        ("12e1", 120),
        ("70e-1", 7),
        ('"7"', 7),
    ],
)
def test_whole_numbers_are_integers(text: str, value: int) -> None:
    assert value_of(Kind.INT64, text) == value


@pytest.mark.parametrize(
    "text", ["9223372036854775808", "-9223372036854775809", "1.5", '"1.5"', "true", '""', '"7 "', "[]", "1e999999999"]
)
def test_a_value_that_is_not_a_64_bit_integer_is_refused(text: str) -> None:
    refuses(Kind.INT64, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("0.1", 0.1),
        ('"1e-3"', 0.001),
        ("1e-999999999", 0.0),
        ("-0", 0.0),
        ("-0.0", 0.0),
        ('"-0.0"', 0.0),
        ("5e-324", 5e-324),
    ],
)
def test_numbers_are_floats(text: str, value: float) -> None:
    assert value_of(Kind.FLOAT64, text) == value


@pytest.mark.parametrize(("text", "value"), [("NaN", math.nan), ("Infinity", math.inf), ("-Infinity", -math.inf)])
def test_only_floats_accept_nan_and_infinity(text: str, value: float) -> None:
    assert repr(value_of(Kind.FLOAT64, text)) == repr(value)
    for kind in set(Kind) - {Kind.FLOAT64, Kind.STRUCT}:
        refuses(kind, text)


@pytest.mark.parametrize("text", ["1e309", '"1e309"', '"NaN"', '"inf"', "true", '"1,5"', "1" * 400])
def test_a_value_that_is_not_a_finite_number_is_refused(text: str) -> None:
    refuses(Kind.FLOAT64, text)


@pytest.mark.parametrize(
    "text",
    [
        *("9" * 29 + "." + "9" * 9, "-" + "9" * 29 + "." + "9" * 9, "0." + "0" * 8 + "1", "1.10", "1e28", "1e-9", "0"),
        *("1." + "0" * 60, "0e-999999999", "0e999999999", "1" + "0" * 10 + "e-15", "12345678901234567890.123456789"),
    ],
)
def test_a_decimal_keeps_every_digit(text: str) -> None:
    value = value_of(Kind.NUMERIC, text)
    assert value == Decimal(text)
    assert value.as_tuple().exponent == -9  # what Arrow takes without rescaling


@pytest.mark.parametrize("text", ["1.10", "-0.000000001", "+1", ".5", "5.", "1e28"])
def test_a_decimal_may_be_a_string(text: str) -> None:
    assert value_of(Kind.NUMERIC, f'"{text}"') == Decimal(text)


@pytest.mark.parametrize("text", ["1" + "0" * 29, "-1e29", "0." + "0" * 9 + "1", "9" * 38 + "." + "9" * 38, "1e-38"])
def test_a_decimal_with_more_digits_needs_bignumeric(text: str) -> None:
    with pytest.raises(NeedsBigNumericError) as caught:
        value_of(Kind.NUMERIC, text)
    assert caught.value.place == "v"
    assert value_of(Kind.BIGNUMERIC, text) == Decimal(text)


@pytest.mark.parametrize("kind", [Kind.NUMERIC, Kind.BIGNUMERIC])
@pytest.mark.parametrize(
    "text", ["1e38", "1e-39", "1e999999999", "1e-999999999", "NaN", "true", '""', '"1,5"', '"NaN"', "1" * 4300, "{}"]
)
def test_a_decimal_that_bigquery_cannot_store_is_refused(kind: Kind, text: str) -> None:
    refuses(kind, text)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text", ["1e999999999999999999", "1e-999999999999999999", "1e99999999999999999999", "1" * 5000]
)
@pytest.mark.parametrize("kind", [Kind.INT64, Kind.FLOAT64, Kind.NUMERIC, Kind.BIGNUMERIC, Kind.STRING, Kind.JSON])
def test_a_number_of_any_size_is_handled_fast(kind: Kind, text: str) -> None:
    with contextlib.suppress(ValueError):  # refused, and at once
        value_of(kind, text)


@pytest.mark.parametrize(
    ("text", "decimals", "expected"),
    [
        ("19.990000000000002", 2, "19.99"),
        ("19.98999999999999844", 2, "19.99"),
        ("-0.30000000000000004", 1, "-0.3"),
        ("123456789012.34001", 2, "123456789012.34"),
        ("1e-20", 2, "1e-20"),  # few digits: somebody meant them
        ("19.991", 2, "19.991"),
        ("19.99000000000123", 2, "19.99000000000123"),  # more than a double's noise
        ("12345678901234567890.12", 2, "12345678901234567890.12"),
        ("0.00000000000000000123456789012345678", 2, "0.00000000000000000123456789012345678"),
        ("9" * 80 + ".123", 2, "9" * 80 + ".123"),
    ],
)
def test_the_noise_of_a_double_is_rounded_and_nothing_else(text: str, decimals: int, expected: str) -> None:
    assert str(without_noise(Decimal(text), decimals)) == str(Decimal(expected))
    assert Decimal(str(without_noise(text, decimals))) == Decimal(expected)


@pytest.mark.parametrize("value", [5, True, None, "abc", "NaN", [1], Decimal("Infinity"), 1.5])
def test_what_is_no_decimal_is_not_rounded(value: object) -> None:
    assert without_noise(value, 2) is value
