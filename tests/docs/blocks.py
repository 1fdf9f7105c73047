"""The fenced blocks of README and docs, in order, with what a comment before them says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = (README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[\w-]+) *(?:title=\"(?P<title>[^\"]+)\")?.*$")
_NOT_RUN = re.compile(r"<!-- not run: (.+) -->")
_PAGE_NOT_RUN = re.compile(r"<!-- page not run: (.+) -->")


@dataclass(frozen=True)
class Block:
    """One block: `title` is the file that it holds, `not_run` is why its commands can't run in a test."""

    page: Path
    line: int
    language: str
    title: str
    not_run: str
    text: str

    @property
    def where(self) -> str:
        """The page and line, as an editor opens them."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command of a console block, the lines that follow it, and the exit code that the page promises."""

    where: str
    text: str
    output: str
    exit_code: int


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page; an indented one loses its indent."""
    text = page.read_text(encoding="utf-8")
    of_page = _PAGE_NOT_RUN.search(text)
    lines, at, before = text.split("\n"), 0, ""
    while at < len(lines):
        opened = _FENCE.match(lines[at])
        if opened is None:
            before = lines[at] if lines[at].strip() else before
            at += 1
            continue
        indent = opened["indent"]
        end = next(n for n in range(at + 1, len(lines)) if lines[n].rstrip() == f"{indent}```")
        content = "\n".join(line.removeprefix(indent) for line in lines[at + 1 : end])
        reason = _NOT_RUN.search(before) or of_page
        yield Block(page, at + 1, opened["language"], opened["title"] or "", reason[1] if reason else "", content)
        at, before = end + 1, ""


def commands(block: Block) -> Iterator[Command]:
    """Yield the commands of a console block; `# exits with 1` behind one states its exit code."""
    for each in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        typed, _, output = re.sub(r" *\\\n *", " ", each).partition("\n")
        text, _, comment = typed.partition("  #")
        promised = re.search(r"exits with (\d+)", comment)
        yield Command(block.where, text.strip(), output.rstrip(), int(promised[1]) if promised else 0)
