"""What README and docs must be beside correct: short, linked, and of one piece with the program."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.policy.load import load_policy
from tests.docs.blocks import PAGES, README, ROOT, blocks
from tests.docs.shell import check_syntax, ours

DOCS = ROOT / "docs"
_LINK = re.compile(r"\]\((?!https?://)([^)\s#]+)(?:#[^)]*)?\)|srcset=\"([^\"]+)\"| src=\"([^\"]+)\"")
_REMOTE = re.compile(r"(?:href|src|url\(|@import)[^>]{0,3}https?://")


def test_the_readme_is_read_in_two_minutes() -> None:
    assert README.stat().st_size <= 7_000


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for found in _LINK.findall(text):
        path = "".join(found)
        assert (page.parent / path).is_file(), f"{page.relative_to(ROOT)}: {path}"
        inside = DOCS in page.parents
        assert not inside or DOCS in (page.parent / path).resolve().parents, f"{path} is not on the site"


def test_every_page_is_in_the_navigation() -> None:
    named = set(re.findall(r'"([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text(encoding="utf-8")))
    assert named == {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}


@pytest.mark.parametrize("path", sorted((DOCS / "pictures").glob("*.svg")), ids=lambda path: path.name)
def test_pictures_are_small_and_fetch_nothing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text) < 40_000
    assert not _REMOTE.search(text)
    assert "font-face" not in text


def test_policies_shown_are_valid(tmp_path: Path) -> None:
    shown = [block for page in PAGES for block in blocks(page) if block.title == "inspector.toml"]
    assert len(shown) > 5
    for at, block in enumerate(shown):
        path = tmp_path / f"{at}.toml"
        path.write_text(block.text, encoding="utf-8")
        assert load_policy(path).roles, block.where


def test_commands_in_configurations_have_their_options() -> None:
    found = 0
    for block in (block for page in PAGES for block in blocks(page) if block.language in ("yaml", "text")):
        for line in re.findall(
            r"(?:run: |script: |- |sh ')((?:inspector|pipx install|pip install) [^'\n]+)", block.text
        ):
            if ours(line.split()):
                check_syntax(line)
                found += 1
    assert found >= 5


def _generated_apart() -> dict[Path, str]:
    """Generate the pages in a process of its own: other tests here add rules, kinds and formats."""
    code = (
        "import json; from pages.generated import generated as made; "
        "print(json.dumps({str(path): text for path, text in made().items()}))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    return {Path(path): text for path, text in json.loads(done.stdout).items()}


def test_generated_pages_are_what_the_program_says(request: pytest.FixtureRequest) -> None:
    expected = _generated_apart()
    if request.config.getoption("--update-golden"):
        for path, text in expected.items():
            path.write_text(text, encoding="utf-8", newline="\n")
    stale = [path.name for path, text in expected.items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run `make docs`"
