"""Pictures of the terminal and of seconds, as SVG for a light and a dark page; no font or file is fetched by them."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME, TerminalTheme
from rich.text import Text

from fixtures.__main__ import write_all
from pages.seconds import bars

ROOT = Path(__file__).parents[1]
COLUMNS = 100
_ROLES = ("ktrdr-backend:prod", "ktrdr-backend:dev", "ktrdr-worker-cpu:test")
_WRONG = "inspector-lab/api-with-torch:1"
_LEFT_OUT = re.compile(r"@font-face \{.*?\}|<!--.*?-->", re.DOTALL)
"""What links fonts of a content network, and a comment."""
_CHANGED = {
    "Fira Code, monospace": "ui-monospace, monospace",
    "font-family: arial": "font-family: sans-serif",
    "rgba(255,255,255,0.35)": "rgba(128,128,128,0.5)",
}


class Look(NamedTuple):
    """Colours of one picture."""

    name: str
    theme: TerminalTheme
    text: str
    ours: str
    others: str


LOOKS = (
    Look("light", DEFAULT_TERMINAL_THEME, "#24292f", "#2f6fdb", "#b6bcc4"),
    Look("dark", SVG_EXPORT_THEME, "#e6edf3", "#6ea8fe", "#5b636d"),
)


def draw_all(folder: Path) -> Iterator[Path]:
    """Draw every picture into `folder`; the lab's images are taken where there is a lab, else the fixtures."""
    shots = dict(_shots())
    for look in LOOKS:
        for name, (command, printed) in shots.items():
            yield _write(folder / f"{name}-{look.name}.svg", terminal(command, printed, look))
        yield _write(folder / f"seconds-{look.name}.svg", chart(bars(folder / "bench.txt"), look))


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def _shots() -> Iterator[tuple[str, tuple[str, str]]]:
    """The name of each picture, the command that it shows, and what that prints."""
    with tempfile.TemporaryDirectory(prefix="inspector-pictures-") as made:
        folder = Path(made)
        lab = _lab_has(*_ROLES, _WRONG)
        if lab:
            shutil.copy(ROOT / "deploy" / "inspector.toml", folder)
            shown = worker = "ktrdr-worker-cpu:test"
            checks, wrong = list(_ROLES), ["--role", "backend", _WRONG]
        else:
            write_all(folder)
            (folder / "roles.toml").rename(folder / "inspector.toml")
            worker, shown = "worker-cpu.tar", "worker-cpu.tar"
            checks, wrong = [], ["wrong/worker-gpu-with-cpu.tar"]
        yield "check", (f"inspector check {' '.join(checks)}".strip(), printed(["check", *checks], folder))
        yield "fail", (f"inspector check {' '.join(wrong)}", printed(["check", *wrong], folder))
        yield "show", (f"inspector {shown}", printed(["show", worker], folder))


def _lab_has(*names: str) -> bool:
    if shutil.which("docker") is None:
        return False
    done = subprocess.run(["docker", "image", "inspect", *names], check=False, capture_output=True, timeout=30)
    return done.returncode == 0


def printed(arguments: list[str], folder: Path) -> str:
    """What the program prints to a terminal, with its colours."""
    more = {"FORCE_COLOR": "1", "COLUMNS": str(COLUMNS), "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | more
    words = [sys.executable, "-m", "inspector", *arguments]
    done = subprocess.run(words, cwd=folder, check=False, capture_output=True, text=True, timeout=300, env=environment)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


def terminal(command: str, output: str, look: Look) -> str:
    """The command and its output as rich draws a terminal, without the fonts that it links."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text(f"$ {command}", style="bold"))
    console.print(Text.from_ansi(output.rstrip()))
    console.print()  # rich clips the last line away
    svg = _LEFT_OUT.sub("", console.export_svg(title="", theme=look.theme, unique_id=f"i-{look.name}"))
    for theirs, ours in _CHANGED.items():
        svg = svg.replace(theirs, ours)
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


def chart(measured: Sequence[tuple[str, float]], look: Look) -> str:
    """A bar for each tool, as long as its seconds."""
    left, right, high, gap = 150, 640, 22, 12
    longest = max(seconds for _, seconds in measured)
    lines = []
    for at, (label, seconds) in enumerate(measured):
        top = 10 + at * (high + gap)
        width = max(2.0, (right - left) * seconds / longest)
        colour = look.ours if label.startswith("inspector") else look.others
        lines += [
            f'<text x="{left - 10}" y="{top + 16}" text-anchor="end">{label}</text>',
            f'<rect x="{left}" y="{top}" width="{width:.1f}" height="{high}" rx="3" fill="{colour}"/>',
            f'<text x="{left + width + 8:.1f}" y="{top + 16}">{seconds:.1f} s</text>',
        ]
    height = 10 + len(measured) * (high + gap)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right + 70} {height}" font-family="sans-serif"'
        f' font-size="14" fill="{look.text}">'
    )
    return "\n".join([head, *lines, "</svg>"]) + "\n"
