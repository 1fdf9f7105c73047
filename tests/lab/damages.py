"""Images with one thing damaged: what their own Python says of `import torch`, and what we say.

    python -m tests.lab.damages record [PATTERN]     runs them and writes what they said to damages.json
    python -m tests.lab.damages compare [PATTERN]    shows where our answers differ from what is written there

Cases lie in `tests.lab.damaged`. Everything is built on two kinds of images: the CPU worker, and the small torch of
`tests.lab.minitorch`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeVar
from unittest.mock import patch

import inspector
from inspector.imports.statements import read_statements
from inspector.layers.cache import IndexCache
from tests.lab import damage_tools, engine, minitorch
from tests.lab.damaged import ALL
from tests.lab.damaged.case import Damage

WORKER = "ktrdr-worker-cpu:test"
RECORDED = Path(__file__).with_name("damages.json")
QUESTION = "import torch; print(torch.__version__, torch.version.cuda)"
SIDE_BY_SIDE = 2
_PEX = (
    "PYTHONPATH=/tools python -m pex --no-pypi --find-links /wheels/torch torch --include-tools -o /app.pex"
    " && PEX_TOOLS=1 /app.pex venv --rm all /app && rm -rf /root/.cache /root/.pex"
)
_TWO = (
    "pip install --quiet --no-index --find-links /wheels/torch torch && python -m venv /opt/gpu"
    " && /opt/gpu/bin/pip install --quiet --no-index --find-links /wheels/cuda torch && mkdir /app"
    " && echo 'import torch; print(\"TORCH\", torch.__version__, torch.version.cuda)' > /app/main.py"
)
"""The small torch of the CPU, and that of CUDA in an environment of its own."""
T = TypeVar("T")
R = TypeVar("R")


class Truth(NamedTuple):
    """What a container said: whether the import worked, its exit code, and its last line."""

    imports: bool
    code: int
    last: str


class Answer(NamedTuple):
    """What we say: yes, no or unknown, and why; and which version it is."""

    importable: str
    reasons: tuple[str, ...]
    version: str = ""


class Judged(NamedTuple):
    """One damage, what its image said, and what we say of it; None where it was not asked."""

    damage: Damage
    truth: Truth | None
    answer: Answer | None


def recorded() -> dict[str, Truth]:
    """The truths that were recorded, by the name of the damage."""
    rows = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    return {name: Truth(row["imports"], row["code"], row["last"]) for name, row in rows.items()}


def record(truths: Mapping[str, Truth]) -> None:
    """Write them down, in the order of the cases."""
    rows = {name: truths[name]._asdict() for name in ALL if name in truths}
    RECORDED.write_text(json.dumps(rows, indent=1) + "\n")


@contextmanager
def bases(folder: Path, *wanted: str) -> Iterator[dict[str, str]]:
    """The images that are damaged, by the name that cases have for them; removed at the end."""
    tools = folder / "context/damage"
    tools.mkdir(parents=True)
    damage_tools.build(tools)
    names = {variant: f"{_prefix()}/{variant}:1" for variant in wanted}
    try:
        list(side_by_side(lambda variant: _build_base(folder, variant, names[variant]), names))
        yield names
    finally:
        subprocess.run(["docker", "rmi", "--force", *names.values()], check=False, capture_output=True)


def _prefix() -> str:
    return f"i-damage-{os.getpid()}"


def _build_base(folder: Path, variant: str, name: str) -> None:
    context = folder / f"context-{variant}"
    context.mkdir()
    subprocess.run(["cp", "-al", folder / "context/damage", context / "damage"], check=True)
    lines = [f"FROM {WORKER if variant == 'real' else 'python:3.11-slim'}", "COPY damage /damage"]
    if variant != "real":
        wheels = minitorch.build(context, "cpu" if variant in ("pex", "two") else variant)
        wheels.rename(context / "wheels/torch")
        lines.append("COPY wheels /wheels")
    if variant == "pex":
        found = importlib.util.find_spec("pex")
        assert found is not None
        assert found.submodule_search_locations
        shutil.copytree(found.submodule_search_locations[0], context / "tools/pex")
        lines += ["COPY tools /tools", f"RUN {_PEX} && rm -rf /wheels /tools"]
    elif variant == "two":
        minitorch.build(context, "cu124").rename(context / "wheels/cuda")
        lines += [f"RUN {_TWO} && rm -rf /wheels && useradd -m app", "WORKDIR /app"]
    elif variant != "real":
        lines.append("RUN pip install --quiet --no-index --find-links /wheels/torch torch && rm -r /wheels")
    (context / "Dockerfile").write_text("\n".join(lines) + "\n")
    engine.docker("build", "--quiet", "--network", "none", "--tag", name, str(context))


@contextmanager
def built(damage: Damage, images: Mapping[str, str]) -> Iterator[str]:
    """The image of one damage, removed at the end."""
    name = f"{_prefix()}/{re.sub('[^a-z0-9]+', '-', damage.name.lower()).strip('-')[:100]}:1"
    clean = ["--no-cache", "--force-rm"]  # a step in the cache may be removed, with another case, while it is used
    words = ["docker", "build", "--quiet", *clean, "--network", "none", "--tag", name, "-"]
    done = subprocess.run(words, check=False, capture_output=True, text=True, input=damage.dockerfile(images))
    if done.returncode:
        raise RuntimeError(f"{damage.name}: {done.stderr[-600:]} {done.stdout[-600:]}")
    try:
        yield name
    finally:
        subprocess.run(["docker", "rmi", "--force", name], check=False, capture_output=True)


def truth_of(image: str) -> Truth:
    """Run it."""
    words = ["docker", "run", "--rm", "--network", "none", image, "python", "-c", QUESTION]
    done = subprocess.run(words, check=False, capture_output=True, text=True, errors="replace")
    said = done.stdout if done.returncode == 0 else done.stderr
    lines = [line for line in said.splitlines() if line.strip() and "docker run --help" not in line]
    last = re.sub(r"0x[0-9a-f]{6,}|[0-9a-f]{64}", "…", lines[-1]) if lines else ""
    return Truth(done.returncode == 0, done.returncode, last)


def answer_of(image: str, layers: IndexCache) -> Answer:
    """What we say of it, read from the engine."""
    try:
        torch = inspector.inspect(f"docker:{image}", cache=layers, access="storage").torch
    except inspector.InspectorError as error:
        return Answer("unknown", (f"refused: {error}",))
    importable: str = torch.importable
    if importable == "yes" and not torch.installed:
        importable = "no"  # an empty namespace imports, and has no version
    return Answer(importable, tuple(str(reason) for reason in torch.reasons), torch.version or "")


@contextmanager
def prepared(damages: Sequence[Damage]) -> Iterator[dict[str, str]]:
    """The images that these are made from, as `bases` has them."""
    wanted = sorted({base for damage in damages for base in damage.bases})
    with tempfile.TemporaryDirectory(prefix="inspector-damages-") as folder, bases(Path(folder), *wanted) as images:
        yield images


def judge(damages: Sequence[Damage], images: Mapping[str, str], *, run: bool, ask: bool) -> Iterator[Judged]:
    """Build each, and run it, ask us of it, or both."""
    with tempfile.TemporaryDirectory(prefix="inspector-damages-") as folder, _each_source_parsed_once():
        layers = IndexCache(Path(folder) / "layers.sqlite")

        def one(damage: Damage) -> Judged:
            with built(damage, images) as image:
                return Judged(damage, truth_of(image) if run else None, answer_of(image, layers) if ask else None)

        yield from side_by_side(one, damages)
        layers.close()


@contextmanager
def _each_source_parsed_once() -> Iterator[None]:
    """Keep what is parsed of a text: hundreds of images have the same standard library, which takes a second each."""
    with patch("inspector.imports.modules.read_statements", cache(read_statements)):
        yield


def side_by_side(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Call it on all, two at a time."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield from pool.map(function, items)


def offenders(judged: Iterable[Judged], truths: Mapping[str, Truth]) -> dict[str, list[str]]:
    """Wrong answers by kind, each with its case, what the container said, and our reasons."""
    found: dict[str, list[str]] = {"false pass": [], "false fail": [], "unknown": []}
    for damage, _, answer in judged:
        assert answer is not None
        truth = truths[damage.name]
        if kind := _fault(truth.imports, answer.importable) or _wrong_build(truth, answer):
            found[kind].append(f"{damage.name} | {truth.last} | {answer.importable}: {'; '.join(answer.reasons)}")
    return found


def _wrong_build(truth: Truth, answer: Answer) -> str:
    """Call it a false pass where another torch is imported than we say."""
    said = re.fullmatch(r"(\d\S+) (?:None|\S+)", truth.last) if truth.imports else None
    return "false pass" if said and answer.version and answer.version != said[1] else ""


def _fault(imports: bool, importable: str) -> str:  # noqa: FBT001 - the two answers side by side
    if importable == "unknown":
        return "unknown"
    if imports == (importable == "yes"):
        return ""
    return "false fail" if imports else "false pass"


def main(command: str, pattern: str = "") -> int:
    """Record the truths of the cases whose name matches, or compare our answers with those recorded."""
    damages = [damage for damage in ALL.values() if re.search(pattern, damage.name)]
    with prepared(damages) as images:
        judged = list(judge(damages, images, run=command == "record", ask=command == "compare"))
    if command == "record":
        record({**recorded(), **{each.damage.name: each.truth for each in judged if each.truth}})
        return 0
    faults = offenders(judged, recorded())
    for kind, lines in faults.items():
        print(f"{kind}: {len(lines)} of {len(damages)}", *lines, sep="\n  ")  # noqa: T201
    return 1 if any(faults.values()) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
