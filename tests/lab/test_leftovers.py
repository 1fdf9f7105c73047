"""What is left in an engine: nothing, whatever ends a run; and what runs side by side do to each other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.forms import FORMS
from fixtures.image import Image, Step
from fixtures.roles import right_images
from inspector.audit.lanes import LaneReader, Question
from inspector.errors import InspectorError
from inspector.reference import parse_reference
from inspector.sources import open_images
from inspector.sources.lanes import LANES, Lane
from inspector.sources.media import Media
from tests.cli.program import ROOT
from tests.lab import ours
from tests.lab.asked import ask
from tests.lab.others import Other

NAME = f"inspector-lab-leftovers-{os.getpid()}:1"
LABEL = "label=io.inspector.owner"

HALT = """
import os, signal, sys
from inspector.engine.client import connect
from inspector.engine.containers import created
engine = connect(sys.argv[1])
with created(engine, sys.argv[2], purpose="test"):
    print("made", flush=True)
    if sys.argv[3] == "signal":
        os.kill(os.getpid(), int(sys.argv[4]))
        signal.pause()
    sys.exit("as it should be")
"""


@pytest.fixture(scope="module")
def image(any_engine: Other, space: Path) -> Iterator[str]:
    """A worker with a volume that holds files, which a container of it copies."""
    path = space / "leftovers.tar"
    FORMS["docker-24"](path, [replace(right_images()["worker-cpu"], tags=[NAME])])
    any_engine.docker("load", "--input", str(path))
    dockerfile = f"FROM {NAME}\nVOLUME /app\n".encode()
    any_engine.docker("build", "--quiet", "--tag", f"{NAME}-with-volume", "-", stdin=dockerfile)
    yield f"{NAME}-with-volume"
    any_engine.docker("rmi", "--force", f"{NAME}-with-volume", NAME)


def halted(engine: Other, image: str, *how: str) -> subprocess.CompletedProcess[str]:
    """A process that makes a container and ends in the midst of it."""
    environment = {**os.environ, **engine.environment, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HALT, engine.scheme, image, *how]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)


def labelled(engine: Other) -> set[str]:
    return set(engine.docker("ps", "--all", "--quiet", "--no-trunc", "--filter", LABEL).split())


@pytest.mark.parametrize("how", [("exit",), ("signal", str(int(signal.SIGINT)))], ids=["error", "interrupt"])
def test_nothing_is_left_when_a_run_ends_early(how: tuple[str, ...], any_engine: Other, image: str) -> None:
    with any_engine.untouched():
        ended = halted(any_engine, image, *how)
        assert (ended.stdout, ended.returncode != 0) == ("made\n", True)


def test_what_a_killed_run_left_is_removed_by_the_next(any_engine: Other, image: str) -> None:
    with any_engine.untouched():
        before = labelled(any_engine)
        assert halted(any_engine, image, "signal", str(int(signal.SIGKILL))).returncode == -signal.SIGKILL
        (left,) = labelled(any_engine) - before
        assert ask(any_engine, "show", "--no-cache", f"{any_engine.scheme}:{image}").code == 0
        assert left not in labelled(any_engine)


@pytest.mark.parametrize("lane", LANES)
def test_a_volume_is_no_hindrance_and_not_left(lane: str, any_engine: Other, image: str) -> None:
    with any_engine.untouched():
        said = ask(any_engine, "show", "--no-cache", f"--lane={lane}", f"{any_engine.scheme}:{image}")
    assert said.code == 0, said.errors
    assert said.facts[0]["torch"]["build"] == "cpu"


def test_runs_side_by_side_leave_each_other_alone(any_engine: Other, image: str, tmp_path: Path) -> None:
    """Each removes leftovers when it starts, and must not take a container that another still needs."""
    words = ("--no-cache", "--lane=archive", f"{any_engine.scheme}:{image}", f"{any_engine.scheme}:{NAME}")
    cached = (f"--cache-dir={tmp_path}", *words[2:])
    with any_engine.untouched(), ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda asked: ask(any_engine, "show", *asked), [words, cached] * 2))
    assert [(run.code, run.errors) for run in runs if run.code] == []
    assert {facts["torch"]["build"] for run in runs for facts in run.facts} == {"cpu"}


@pytest.mark.parametrize("lane", LANES)
def test_an_image_deleted_between_two_questions_is_told_in_one_sentence(
    lane: Lane, any_engine: Other, space: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"inspector-lab-deleted-{os.getpid()}:1"
    only = Step("COPY only /", {"only": f"{any_engine.name} {lane}".encode()})
    FORMS["docker-24"](space / "deleted.tar", [Image(steps=[only], cmd=["sh"], tags=[name])])
    any_engine.docker("load", "--input", str(space / "deleted.tar"))
    for variable, value in any_engine.environment.items():
        monkeypatch.setenv(variable, value)
    with any_engine.untouched():
        (image,) = open_images(parse_reference(f"{any_engine.scheme}:{name}"), media=Media())
        any_engine.docker("rmi", "--force", name)
        assert image.lanes is not None
        reader = LaneReader(ours.indexer(), None, verify=False, meter=lambda _: None)
        with pytest.raises(InspectorError) as refused:
            reader.read(image, image.lanes, Question(lane=lane))
    assert refused.value.exit_code == 3
    assert "\n" not in str(refused.value)
