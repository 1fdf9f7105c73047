"""One damage done to an image: a build step on top of an image that imports torch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

MINI = "/usr/local/lib/python3.11/site-packages"
REAL = "/app/.venv/lib/python3.11/site-packages"


@dataclass(frozen=True)
class Damage:
    """`run` is shell run by root in site-packages; `after` are lines of the Dockerfile behind it.

    The shell knows $S site-packages, $T torch, $L its libraries, $N nvidia's packages, $P the standard library,
    $U the system's libraries, $D the tools (see `tests.lab.damage_tools`), and $C the name of torch's extension.
    """

    name: str
    base: str
    run: str = ""
    after: Sequence[str] = ()
    before: Sequence[str] = ()
    """Lines ahead of it, where the image is not simply made from `base`."""

    def dockerfile(self, images: Mapping[str, str]) -> str:
        """Everything the engine needs to build it; `images` names the image of each base."""
        named = {f"{{{base}}}": image for base, image in images.items()}
        lines = [re.sub(r"\{\w+\}", lambda found: named.get(found[0], found[0]), line) for line in self.before]
        real = self.base == "real"
        if not lines:
            lines = [f"FROM {images[self.base]}", *(["USER root"] if real else [])]
        if self.run:
            lines.append(f"RUN {_variables(REAL if real else MINI)} && {self.run}")
        if real and not any(line.startswith("USER") for line in self.after):
            lines.append("USER ktrdr")
        return "\n".join([*lines, *self.after, ""])


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
    return f"set -e && {' '.join(f'{name}={value}' for name, value in values.items())} && cd {site}"


@dataclass
class Cases:
    """Collects the cases of one group, all on one base unless they say otherwise."""

    group: str
    base: str
    found: list[Damage] = field(default_factory=list)

    def __call__(self, name: str, run: str = "", *after: str, on: str = "", before: Sequence[str] = ()) -> None:
        """Add one."""
        self.found.append(Damage(f"{self.group}: {name}", on or self.base, run, after, before))

    def __iter__(self) -> Iterator[Damage]:
        return iter(self.found)
