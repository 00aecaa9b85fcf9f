"""The tutorial shows what its page says, and draws the picture that is on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import tutorial
from support.servicetitan import new_number

if TYPE_CHECKING:
    from servicetitan_sandbox.client.bigquery_project import Project
    from servicetitan_sandbox.client.processes import ServiceTitan

PAGE = Path(__file__).parents[2] / "docs/tutorial/README.md"


def test_the_tutorial_shows_what_its_page_says(servicetitan: ServiceTitan, project: Project, tmp_path: Path) -> None:
    picture = tmp_path / "output" / "hours.svg"
    tenant = tutorial.new_tenant(str(new_number()))

    texts = list(tutorial.run(servicetitan, tenant, project, picture))

    page = PAGE.read_text("utf-8")
    first, _, happened, _, hours = texts
    assert [text for text in (first, happened, hours) if f"```text\n{text}\n```" not in page] == []
    assert f"```sql\n{tutorial.WHAT_HAPPENED}\n```" in page
    assert f"```sql\n{tutorial.HOURS.format(models=tutorial.MODELS)}\n```" in page
    assert picture.read_text("utf-8") == PAGE.with_name("hours.svg").read_text("utf-8")


def test_a_chart_has_a_bar_for_each_kind_of_hours() -> None:
    svg = tutorial.chart([{"technician_name": "Ann", "work_hours": 3.0, "drive_hours": 1.0}])
    width = tutorial.WIDTH - tutorial.LEFT - 20
    assert f'width="{width * 3 / 4:.1f}"' in svg
    assert f'width="{width / 4:.1f}"' in svg
