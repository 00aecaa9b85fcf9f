"""A picture of tables: narrow, with a line from each reference to its table, and no two lines on top of each other."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

import dictionary
from table_picture import COLOURS, RIGHT, Box, Reference, draw
from tap_servicetitan.specs.registry import STREAMS

SVG = "{http://www.w3.org/2000/svg}"
AREAS = sorted({spec.area for spec in STREAMS})
BOXES = [
    Box("jobs", references=[Reference("customer_id", ["customers"]), Reference("sold_by_id", ["employees", "people"])]),
    Box("notes", references=[Reference("job_id", ["jobs"])]),
    *(Box(name, note="Elsewhere") for name in ("customers", "employees", "people")),
]


def test_each_reference_has_a_line_to_its_table() -> None:
    picture = draw("a <title>", BOXES)
    root = ET.fromstring(picture)  # noqa: S314 - our own text
    assert root.findtext(f"{SVG}title") == "a <title>"
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts[:5] == ["jobs", "customer_id", "→ customers", "sold_by_id", "→ employees or people"]
    assert len(list(root.iter(f"{SVG}circle"))) == 4  # a dot for each target of a reference
    lines = [(path.get("class"), path.get("d") or "") for path in root.iter(f"{SVG}path")]
    assert sum("several" in (kind or "") for kind, _ in lines) == 2
    # The arrows point to the middle of the names' heights.
    tops = [float(rect.get("y") or 0) for rect in root.iter(f"{SVG}rect") if rect.get("class") != "ground"]
    arrows = {float(y) for _, d in lines if (y := "".join(re.findall(r"^M353 ([\d.]+)l", d)))}
    assert arrows == {top + 11 for top, box in zip(tops, BOXES, strict=True) if box.name != "notes"}


def test_a_table_may_refer_to_itself_and_one_without_references_has_no_line() -> None:
    assert "<circle" in draw("t", [Box("calls", references=[Reference("parent_id", ["calls"])])])
    assert "<path" not in draw("t", [Box("alone")])


def test_a_picture_is_the_same_each_time() -> None:
    assert draw("t", BOXES) == draw("t", BOXES)


@pytest.mark.parametrize("area", AREAS)
def test_no_two_vertical_lines_meet_and_the_tables_fit_a_phone(area: str) -> None:
    root = ET.fromstring(dictionary.picture(area))  # noqa: S314 - our own text
    upright: dict[float, list[tuple[float, float]]] = {}
    for path in root.iter(f"{SVG}path"):
        if found := re.match(r"M([\d.]+) ([\d.]+)V([\d.]+)M", path.get("d") or ""):
            x, first, last = map(float, found.groups())
            upright.setdefault(x, []).append((first, last))
    for spans in upright.values():
        assert all(before[1] < after[0] for before, after in pairwise(sorted(spans)))
    assert all(x > RIGHT for x in upright)
    assert float(root.get("width") or 0) < 600
    assert RIGHT < 358  # what a phone of 390 pixels leaves


def test_lines_can_be_seen_in_light_and_in_dark() -> None:
    for light, dark in COLOURS:
        assert contrast(light, "#ffffff") >= 4.5
        assert contrast(dark, "#1b1f27") >= 4.5


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours, as https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio defines it."""
    low, high = sorted(map(luminance, (first, second)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
