"""Takes the picture for the README, with Chromium: what `make demo` ends with, the report and the mart.

Usage: tools/report_picture.py [REPORT [PICTURE]]

REPORT is output/demo.html unless given, as `make demo` has just written it; PICTURE is docs/report.png. The picture
ends before the charts, and names no folder of the machine. The figures of the mart are those that the demonstration has
checked.
"""

from __future__ import annotations

import re
import shutil
import sys
from html import escape
from pathlib import Path

from playwright.sync_api import sync_playwright

import demo
import demo_jobs

WIDTH = 1000
SCALE = 0.85
"""Pixels of the picture for each of the page: as wide as a README is shown, and under 150 kB."""
TEMPORARY = re.compile(r"/tmp/[\w.-]+/")  # noqa: S108 - it is removed from a text
END = "<h2>Charts</h2>"


def mart() -> str:
    """Return the mart's rows as a part of the report's page."""
    names = (name.replace("_", " ") for name in demo_jobs.Figures._fields)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(str(value))}</td>' for value in row)}</tr>" for row in demo_jobs.expected()
    )
    table = f'<table class="strips"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    about = f"From the dbt package: <code>{demo_jobs.MART}</code>, over the tables of both companies."
    return f'<h2>What it is for</h2><p class="faint">{about}</p><div class="scroll">{table}</div>'


def main() -> int:
    """Run the command and return its exit code."""
    given = [Path(word) for word in sys.argv[1:]]
    report, picture = [*given, *(demo.REPORT, demo.ROOT / "docs/report.png")[len(given) :]]
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not report.is_file() or not chromium:
        print(__doc__ if chromium else "report_picture: no Chromium here: apt-get install chromium", file=sys.stderr)
        return 2
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(
            viewport={"width": WIDTH, "height": 800}, color_scheme="light", device_scale_factor=SCALE
        )
        page.set_content(TEMPORARY.sub("", report.read_text("utf-8")).replace(END, mart() + END))
        end = page.get_by_role("heading", name="Charts").bounding_box()
        height = end["y"] if end else 800
        page.screenshot(path=picture, full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
        browser.close()
    print(f"{picture}: {picture.stat().st_size // 1000} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
