"""The pages in Chromium, with axe-core's rules for accessibility; `make receivers` installs what this needs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.report import samples
from tests.report.html.test_page import PAGES, with_sizes

ROOT = Path(__file__).parents[3]
MODULES = ROOT / "build/receivers/node_modules"
CHROMIUM = shutil.which("chromium")
DRIVER = Path(__file__).with_name("browser.cjs")

pytestmark = [
    pytest.mark.receivers,
    pytest.mark.skipif(CHROMIUM is None or not MODULES.exists(), reason="`make receivers` installs what this needs"),
]


def looked_at(folder: Path, pages: dict[str, str]) -> dict[str, list[str]]:
    """What is wrong with each page, on 400 and 1280 pixels, light and dark."""
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    words = ["node", str(DRIVER), str(CHROMIUM), str(folder), *(str(folder / f"{name}.html") for name in pages)]
    done = subprocess.run(
        words, env={**os.environ, "NODE_PATH": str(MODULES)}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, list[str]] = json.loads(done.stdout)
    return {Path(path).stem: wrong for path, wrong in told.items()}


def test_no_page_breaks_a_rule_of_accessibility_or_its_own_policy(tmp_path: Path) -> None:
    pages = {
        f"{case}-{kind}": PAGES[kind](with_sizes(samples.CASES[case]()))
        for case in ("mixed", "hostile")
        for kind in ("check", "show", "audit")
    }
    assert looked_at(tmp_path, pages) == {name: [] for name in pages}
    assert len(list(tmp_path.glob("*.png"))) == 4 * len(pages)


def test_what_is_wrong_is_seen(tmp_path: Path) -> None:
    page = PAGES["check"](samples.CASES["mixed"]())
    bad = "<img src=https://example.invalid/x.png><div style='width: 999px'>x</div><script>x()</script>"
    wrong = looked_at(tmp_path, {"bad": page.replace("</main>", f"{bad}</main>"), "other": page.replace("; }", "; } ")})
    for sign in ("axe: image-alt", "violates the following", "console: "):
        assert any(sign in told for told in wrong["bad"]), wrong["bad"]
    assert any("has no style" in told for told in wrong["other"]), wrong["other"]
