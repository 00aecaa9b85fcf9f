"""The end of the demonstration: what it names exists, and it fits a terminal of 80 columns."""

from __future__ import annotations

import re
from pathlib import Path

import demo
from dbt_package import STAGING

ROOT = Path(__file__).parents[2]


def test_the_next_steps_name_pages_and_a_mart_that_exist() -> None:
    pages = re.findall(r"docs/\S+\.md", demo.NEXT)
    assert {"docs/reference/dictionary/jpm.md", "docs/how-to/dbt.md", "docs/tutorial/README.md"} <= set(pages)
    assert [page for page in pages if not (ROOT / page).is_file()] == []
    (mart,) = re.findall(r"FROM (servicetitan__\w+)", demo.NEXT)
    assert (STAGING.parent / "marts" / f"{mart}.sql").is_file()


def test_the_next_steps_fit_80_columns() -> None:
    lines = demo.NEXT.replace(str(demo.REPORT), "output/demo.html").splitlines()
    assert [line for line in lines if len(line) > 80] == []
