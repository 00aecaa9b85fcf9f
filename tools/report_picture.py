"""Takes the picture of the fleet's report for the README, with Chromium.

Usage: tools/report_picture.py REPORT [PICTURE]

REPORT is what `make fleet` has in `output/` while the faults last. PICTURE is docs/report.png unless given. It ends
before the section of the last runs, and names no folder of the machine.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 1000
SCALE = 0.85
"""Pixels of the picture for each of the page: as wide as a README is shown, and under 150 kB."""
TEMPORARY = re.compile(r"/tmp/[\w.-]+/")  # noqa: S108 - it is removed from a text


def main() -> int:
    """Run the command and return its exit code."""
    report, *rest = sys.argv[1:] or [""]
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not report or not chromium:
        print(__doc__ if chromium else "report_picture: no Chromium here: apt-get install chromium", file=sys.stderr)
        return 2
    picture = Path(rest[0]) if rest else ROOT / "docs" / "report.png"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(
            viewport={"width": WIDTH, "height": 800}, color_scheme="light", device_scale_factor=SCALE
        )
        page.set_content(TEMPORARY.sub("", Path(report).read_text("utf-8")))
        end = page.get_by_role("heading", name="Last runs").bounding_box()
        height = end["y"] if end else 800
        page.screenshot(path=picture, full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
        browser.close()
    print(f"{picture}: {picture.stat().st_size // 1000} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
