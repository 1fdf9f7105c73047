"""One damage done to an image: a build step on top of an image that imports torch; and how they are written.

Each file `*.txt` beside this one is a group. `base NAME` names the image that its cases are made from, `== TITLE` or
`== TITLE [NAME]` begins a case, and `# ` a remark. A case's lines with a keyword in capitals are lines of the
Dockerfile; the others are shell, run by root in site-packages before those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MINI = "/usr/local/lib/python3.11/site-packages"
REAL = "/app/.venv/lib/python3.11/site-packages"
_KEYWORD = re.compile(r"(FROM|COPY|RUN|ENV|USER|WORKDIR|ENTRYPOINT|CMD) ")
_WRITE = """w() { f=$1; shift; mkdir -p "$(dirname "$f")"; printf '%s\\n' "$@" > "$f"; chmod 755 "$f"; }"""
"""The shell function `w FILE LINE…`, which writes a program of these lines."""
_TITLE = re.compile(r"== (.*?)(?: \[(\w+)\])?")
_BASE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Damage:
    """`steps` is shell; it knows $S site-packages, $T torch, $L its libraries, $N nvidia's packages, $P the standard
    library, $U the system's libraries, $D the tools (see `tests.lab.damage_tools`), $C torch's extension, and
    `w`, which writes a program.

    `lines` are those of the Dockerfile; they know $S, and {NAME} for the image of a base.
    """

    name: str
    base: str
    steps: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether the lines say what it is made from."""
        return any(line.startswith("FROM ") for line in self.lines)

    @property
    def bases(self) -> set[str]:
        """The bases that it is made from."""
        return set(_BASE.findall(" ".join(self.lines))) if self.whole else {self.base}

    def dockerfile(self, images: Mapping[str, str]) -> str:
        """Everything that the engine needs to build it; `images` names the image of each base."""
        site = REAL if self.base == "real" else MINI
        lines = [_BASE.sub(lambda found: images[found[1]], line).replace("$S", site) for line in self.lines]
        if not self.whole:
            step = " && ".join([_variables(site), f"cd {site}", *self.steps])
            root = ["USER root"] if self.base == "real" else []
            lines = [f"FROM {images[self.base]}", *root, *([f"RUN {step}"] if self.steps else []), *lines]
        if self.base == "real" and not any(line.startswith("USER ") for line in self.lines):
            lines.append("USER ktrdr")
        return "\n".join([*lines, ""])


def _variables(site: str) -> str:
    values = {
        "S": site,
        "T": f"{site}/torch",
        "L": f"{site}/torch/lib",
        "N": f"{site}/nvidia",
        "P": "/usr/local/lib/python3.11",
        "U": "/usr/lib/x86_64-linux-gnu",
        "D": "/damage",
        "C": "_C.cpython-311-x86_64-linux-gnu.so",
    }
    return f"set -e && {' '.join(f'{name}={value}' for name, value in values.items())} && {_WRITE}"


def group(path: Path) -> Iterator[Damage]:
    """The cases of one file."""
    head, *parts = re.split(r"^(?=== )", path.read_text(), flags=re.MULTILINE)
    (base,) = re.findall(r"^base (\w+)$", head, flags=re.MULTILINE)
    for part in parts:
        title, *rest = (line for line in part.splitlines() if line and not line.startswith("# "))
        found = _TITLE.fullmatch(title)
        assert found is not None, title
        steps = tuple(line for line in rest if not _KEYWORD.match(line))
        lines = tuple(line for line in rest if _KEYWORD.match(line))
        yield Damage(f"{path.stem}: {found[1]}", found[2] or base, steps, lines)
