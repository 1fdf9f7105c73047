"""What is left in an engine: nothing, whatever ends a run; and what runs side by side do to each other."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.forms import FORMS
from fixtures.roles import right_images
from inspector.engine.containers import Owner, this_owner
from inspector.errors import InspectorError
from inspector.pipeline.access import FactsReader
from inspector.pipeline.model import Options, Question
from inspector.reference import parse_reference
from inspector.sources import open_images
from inspector.sources.access import ACCESS_METHODS, AccessMethod
from inspector.sources.media import Media
from inspector.testing.image import Image, Step
from tests.cli.program import ROOT
from tests.lab.asked import ask
from tests.lab.others import NEVER, Other

NAME = f"inspector-lab-leftovers-{os.getpid()}:1"

HALT = """
import os, signal, sys
from inspector.engine.client import connect
from inspector.sources.engine.container import container_files
engine = connect(sys.argv[1])
found = engine.inspect(sys.argv[2])
with container_files(engine, found.id, found.config):
    print("made by", os.getpid(), flush=True)
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


def ours_in(engine: Other) -> set[str]:
    """The names of all containers of our name form."""
    return set(engine.docker("ps", "--all", "--format", "{{.Names}}", "--filter", "name=inspector-").split())


def dead_name() -> str:
    """The name that a process of this host gave a container before it was killed."""
    return f"inspector-{Owner(this_owner().host, 2**22 + 5, 1)}-{secrets.token_hex(8)}"


@pytest.mark.parametrize("how", [("exit",), ("signal", str(int(signal.SIGINT)))], ids=["error", "interrupt"])
def test_nothing_is_left_when_a_run_ends_early(how: tuple[str, ...], any_engine: Other, image: str) -> None:
    with any_engine.untouched():
        ended = halted(any_engine, image, *how)
        assert (ended.stdout[:7], ended.returncode != 0) == ("made by", True)


def test_what_a_killed_run_left_is_removed_by_the_next(any_engine: Other, image: str) -> None:
    with any_engine.untouched():
        left: list[str] = []
        for _ in range(5):  # other tests' runs remove it too
            ended = halted(any_engine, image, "signal", str(int(signal.SIGKILL)))
            assert ended.returncode == -signal.SIGKILL
            left = [name for name in ours_in(any_engine) if f"-{ended.stdout.split()[-1]}-" in name]
            if left:
                break
        assert len(left) == 1
        assert ask(any_engine, "show", "--no-cache", "--access=files", f"{any_engine.scheme}:{image}").code == 0
        assert left[0] not in ours_in(any_engine)


def test_only_the_way_that_makes_a_container_removes_one(any_engine: Other, image: str) -> None:
    names = [dead_name() for _ in range(5)]  # other tests' runs make containers, and remove what is there then
    for name in names:
        any_engine.docker("create", "--name", name, "--entrypoint", NEVER, image)
        assert ask(any_engine, "show", "--no-cache", "--access=save", f"{any_engine.scheme}:{image}").code == 0
        if name in ours_in(any_engine):
            any_engine.docker("rm", "--volumes", name)
            break
    else:
        pytest.fail(f"each of {names} was removed")


@pytest.fixture
def theirs(any_engine: Other, tmp_path: Path) -> Iterator[str]:
    """An image with the labels and the command of a container of ours, as `docker commit` of one makes it."""
    name = f"inspector-lab-theirs-{os.getpid()}:1"
    (tmp_path / "stays.c").write_text("#include <unistd.h>\nint main(void) { for (;;) pause(); }\n")
    subprocess.run(["gcc", "-static", "-o", tmp_path / "stays", tmp_path / "stays.c"], check=True)
    dead = Owner(this_owner().host, 2**22 + 5, 1)
    dockerfile = (
        f'FROM scratch\nCOPY stays {NEVER}\nVOLUME /data\nENTRYPOINT ["{NEVER}"]\n'
        f"LABEL io.inspector.owner={dead.host}/{dead.process}/{dead.start} io.inspector.purpose=files\n"
    )
    (tmp_path / "Dockerfile").write_text(dockerfile)
    any_engine.docker("build", "--quiet", "--tag", name, str(tmp_path))
    yield name
    any_engine.docker("rmi", "--force", name)


def test_nothing_of_anybody_elses_is_touched(any_engine: Other, image: str, theirs: str) -> None:
    """Whatever their image sets and whatever state they are in: containers, running processes and volumes stay."""
    engine = any_engine
    made = {
        "running": engine.docker("run", "--detach", "--name", f"theirs-{os.getpid()}", theirs).strip(),
        "running-by-our-name": engine.docker("run", "--detach", "--name", dead_name(), theirs).strip(),
        "created": engine.docker("create", theirs).strip(),
        "stopped": engine.docker("run", "--detach", "--name", dead_name(), theirs).strip(),
    }
    engine.docker("kill", made["stopped"])
    committed = f"inspector-lab-committed-{os.getpid()}:1"
    with created_by(engine, theirs) as ours:
        (engine.podman if engine.scheme == "podman" else engine.docker)("commit", ours, committed)
    made["committed"] = engine.docker("create", committed).strip()
    made["committed-running"] = engine.docker("run", "--detach", committed).strip()
    try:
        states = {which: state_of(engine, container) for which, container in made.items()}
        for access in (*ACCESS_METHODS, None):
            words = (f"--access={access}",) if access else ()
            for name in (image, theirs):
                ask(engine, "show", "--no-cache", *words, f"{engine.scheme}:{name}")
        assert {which: state_of(engine, container) for which, container in made.items()} == states
    finally:
        engine.docker("rm", "--force", "--volumes", *made.values())
        engine.docker("rmi", "--force", committed)


@contextmanager
def created_by(engine: Other, image: str) -> Iterator[str]:
    """A container exactly as the program makes it, by its owner's name."""
    name = f"inspector-{this_owner()}-{secrets.token_hex(8)}"
    engine.docker("create", "--name", name, "--network", "none", "--entrypoint", NEVER, image)
    yield name
    engine.docker("rm", "--volumes", name)


def state_of(engine: Other, container: str) -> tuple[object, ...]:
    """What must not change: the state, since when, and the volumes, which are there."""
    (document,) = json.loads(engine.docker("inspect", "--type", "container", container))
    state = document["State"]
    volumes = sorted(mount["Name"] for mount in document["Mounts"] if mount["Type"] == "volume")
    if volumes:
        engine.docker("volume", "inspect", *volumes)
    return state["Status"], state["StartedAt"], state["FinishedAt"], state.get("Pid", 0), tuple(volumes)


@pytest.mark.parametrize("access", ACCESS_METHODS)
def test_a_volume_is_no_hindrance_and_not_left(access: str, any_engine: Other, image: str) -> None:
    with any_engine.untouched():
        said = ask(any_engine, "show", "--no-cache", f"--access={access}", f"{any_engine.scheme}:{image}")
    assert said.code == 0, said.errors
    assert said.facts[0]["torch"]["build"] == "cpu"


def test_runs_side_by_side_leave_each_other_alone(any_engine: Other, image: str, tmp_path: Path) -> None:
    """Each removes leftovers when it starts, and must not take a container that another still needs."""
    words = ("--no-cache", "--access=files", f"{any_engine.scheme}:{image}", f"{any_engine.scheme}:{NAME}")
    cached = (f"--cache-dir={tmp_path}", *words[2:])
    with any_engine.untouched(), ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda asked: ask(any_engine, "show", *asked), [words, cached] * 2))
    assert [(run.code, run.errors) for run in runs if run.code] == []
    assert {facts["torch"]["build"] for run in runs for facts in run.facts} == {"cpu"}


@pytest.mark.parametrize("access", ACCESS_METHODS)
def test_an_image_deleted_between_two_questions_is_told_in_one_sentence(
    access: AccessMethod, any_engine: Other, space: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"inspector-lab-deleted-{os.getpid()}:1"
    only = Step("COPY only /", {"only": f"{any_engine.name} {access}".encode()})
    FORMS["docker-24"](space / "deleted.tar", [Image(steps=[only], cmd=["sh"], tags=[name])])
    any_engine.docker("load", "--input", str(space / "deleted.tar"))
    for variable, value in any_engine.environment.items():
        monkeypatch.setenv(variable, value)
    with any_engine.untouched():
        (image,) = open_images(parse_reference(f"{any_engine.scheme}:{name}"), media=Media())
        any_engine.docker("rmi", "--force", name)
        assert image.access is not None
        facts = FactsReader(Options(), lambda _: None, ())
        with pytest.raises(InspectorError) as refused:
            facts.read(image, Question(access=access))
    assert refused.value.exit_code == 3
    assert "\n" not in str(refused.value)
