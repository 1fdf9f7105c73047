"""The engine room on real engines: Docker with overlay2, Docker with containerd's store, Podman."""

from __future__ import annotations

import os
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.forms import FORMS
from inspector.engine.client import Engine
from inspector.engine.containers import created, this_owner
from inspector.engine.endpoint import Endpoint
from inspector.engine.model import Stat
from inspector.errors import NotFound, Refused, Unsupported
from inspector.rootfs import Kind
from inspector.testing.engine import FakeEngine
from inspector.testing.image import Image
from inspector.testing.store import Kind as Store
from tests.engine.images import KINDS, PATHS, SMALL
from tests.lab.others import Other

STORES: dict[str, Store] = {"docker": "graph", "containerd": "containerd", "podman": "podman"}
NAME = f"inspector-lab-engine-{os.getpid()}"
LOADED = (replace(KINDS, tags=[f"{NAME}/kinds:1"]), replace(SMALL, tags=[f"{NAME}/small:1", f"{NAME}/small:also"]))


@pytest.fixture(scope="module")
def loaded(any_engine: Other, space: Path) -> Iterator[tuple[Image, Image]]:
    """The image with all kinds of files, and a small one with two names, in each engine in turn."""
    path = space / "kinds.tar"
    FORMS["docker-24"](path, LOADED)
    any_engine.docker("load", "--input", str(path))
    yield LOADED
    any_engine.docker("rmi", "--force", *(tag for image in LOADED for tag in image.tags))


@pytest.fixture(scope="module")
def engine(any_engine: Other) -> Iterator[Engine]:
    """Ours, connected to each engine in turn."""
    with Engine(Endpoint(f"unix://{any_engine.socket}", "lab")) as engine:
        yield engine


def test_what_it_is(any_engine: Other, engine: Engine) -> None:
    assert engine.kind == any_engine.scheme
    assert engine.info.store == {"docker": "graph", "containerd": "containerd", "podman": "other"}[any_engine.name]
    assert engine.info.root_dir == any_engine.root
    assert (engine.info.os, "runc" in engine.info.runtimes) == ("linux", True)


def test_inspect_agrees_with_the_engines_own_command(
    any_engine: Other, engine: Engine, loaded: tuple[Image, Image]
) -> None:
    image = loaded[1]
    said, truth = engine.inspect(image.tags[0]), any_engine.inspect(image.tags[0])
    assert said.id == truth["Id"]
    assert said.diff_ids == tuple(truth["RootFS"]["Layers"]) == tuple(f"sha256:{d}" for d in image.diff_ids)
    assert {tag.removeprefix("localhost/") for tag in said.tags} == set(image.tags)
    assert said.described
    assert (said.config.env, said.config.cmd, said.config.entrypoint) == (
        {"A": "1", "PATH": "/bin"},
        ("python", "main.py"),
        ("/bin/sh",),
    )
    assert (said.config.working_dir, said.config.run.user) == ("/app", "1000")
    assert said.config_digest == (None if any_engine.name == "containerd" else image.image_id)
    assert engine.inspect(said.id).id == said.id


def test_history_is_oldest_first(engine: Engine, loaded: tuple[Image, Image]) -> None:
    said = [step.created_by for step in engine.history(loaded[1].tags[0])]
    assert said == [step.created_by for step in loaded[1].steps]


def test_the_list_names_it(engine: Engine, loaded: tuple[Image, Image]) -> None:
    wanted = engine.inspect(loaded[1].tags[0])
    (found,) = [image for image in engine.images() if image.id == wanted.id and set(image.tags) >= set(wanted.tags)]
    assert {engine.inspect(name).id for name in found.digests} <= {wanted.id}


@pytest.mark.parametrize("name", ["nosuch:tag", "sha256:" + "0" * 64, "nosuch@sha256:" + "0" * 64])
def test_what_it_lacks_is_not_found(engine: Engine, name: str) -> None:
    for ask in (engine.inspect, engine.history, _saved, _created_of(engine)):
        with pytest.raises(NotFound, match="not at the engine"):
            ask(engine, name) if ask is _saved else ask(name)  # type: ignore[operator]


def _saved(engine: Engine, name: str) -> int:
    with engine.save(name) as stream:
        return len(stream.read())


def _created_of(engine: Engine) -> object:
    def create(name: str) -> None:
        engine.remove(engine.create({"Image": name, "Cmd": ["x"]}))

    return create


@pytest.mark.parametrize("name", ["UPPER:x", "a:b:c"])
def test_what_is_no_name_is_told(engine: Engine, name: str) -> None:
    with pytest.raises((Refused, NotFound), match=r"invalid reference format|must be lowercase|not at the engine"):
        engine.inspect(name)


def test_all_kinds_of_files_as_its_own_export_has_them(
    any_engine: Other, engine: Engine, loaded: tuple[Image, Image]
) -> None:
    with created(engine, loaded[0].tags[0]) as container:
        truths = sorted(_exported(any_engine, container).items())
        for path, truth in truths[:: 1 if any_engine.scheme == "docker" else 4]:  # Podman takes 0.1 s to answer
            if any("\udc80" <= letter <= "\udcff" for letter in path + truth[3]) and not _tells_bytes(engine, truth[3]):
                with pytest.raises(Unsupported):
                    engine.stat(container, path)
                continue
            said = engine.stat(container, path)
            assert said is not None, path
            kind, mode, size, _ = truth
            assert (said.kind, said.size) == (kind, size), path
            assert said.mode == mode or path in _MADE, path


def _tells_bytes(engine: Engine, target: str) -> bool:
    """Whether it can be asked for names that are no UTF-8; where links lead is told as text alone."""
    return not target and engine.kind == "docker"


_MADE = {"/dev", "/proc", "/sys", "/etc", "/run", "/.dockerenv", "/dev/console", "/dev/pts", "/dev/shm"}


def _exported(any_engine: Other, container: str) -> dict[str, tuple[Kind, int, int, str]]:
    kinds = {tarfile.DIRTYPE: Kind.DIRECTORY, tarfile.SYMTYPE: Kind.SYMLINK}
    command = ["docker", "--host", f"unix://{any_engine.socket}", "export", container]
    found: dict[str, tuple[Kind, int, int, str]] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE) as export:
        assert export.stdout is not None
        with tarfile.open(fileobj=export.stdout, mode="r|", encoding="utf-8", errors="surrogateescape") as tar:
            for member in tar:
                path = "/" + member.name.removeprefix("./").strip("/")
                if member.type == tarfile.LNKTYPE:
                    found[path] = found["/" + member.linkname.removeprefix("./").strip("/")]
                else:
                    kind = kinds.get(member.type, Kind.FILE)
                    mode = 0o777 if kind is Kind.SYMLINK else member.mode & 0o7777
                    found[path] = (kind, mode, member.size if kind is Kind.FILE else 0, member.linkname)
    found.pop("/", None)
    return found


def test_the_fake_engine_answers_as_the_real_one(
    any_engine: Other, engine: Engine, loaded: tuple[Image, Image]
) -> None:
    with FakeEngine(STORES[any_engine.name], LOADED) as fake, Engine(Endpoint(fake.address, "test")) as other:
        name = loaded[0].tags[0]
        with created(engine, name) as container, created(other, name) as feigned:
            for path in PATHS[:: 1 if any_engine.scheme == "docker" else 2]:
                said, told = engine.stat(container, path), other.stat(feigned, path)
                assert said == told or path in {"/", "/etc"}, path
        assert [step.created_by for step in other.history(name)] == [step.created_by for step in engine.history(name)]
        assert other.inspect(name).diff_ids == engine.inspect(name).diff_ids
        assert other.inspect(name).config.run.cmd == engine.inspect(name).config.run.cmd


@pytest.mark.parametrize("path", ["/etc", "/folder/sub", "/folder/sub/file", "/"])
def test_an_archive_is_that_of_the_fake_engine(
    any_engine: Other, engine: Engine, loaded: tuple[Image, Image], path: str
) -> None:
    name = loaded[0].tags[0]
    with (
        FakeEngine(STORES[any_engine.name], LOADED) as fake,
        Engine(Endpoint(fake.address, "test")) as other,
        created(engine, name) as container,
        created(other, name) as feigned,
    ):
        said, told = _names(engine, container, path), _names(other, feigned, path)
    assert {n for n in said if not _made(n)} == {n for n in told if not _made(n)}


def _made(name: str) -> bool:
    return "/" + name.strip("/") in _MADE or name.rpartition("/")[2] in {"hosts", "hostname", "resolv.conf", "mtab"}


def _names(engine: Engine, container: str, path: str) -> set[str]:
    with (
        engine.archive(container, path) as stream,
        tarfile.open(fileobj=stream, mode="r|", encoding="utf-8", errors="surrogateescape") as tar,
    ):
        return {member.name for member in tar}


def test_a_container_is_made_as_asked_and_gone_after(
    any_engine: Other, engine: Engine, loaded: tuple[Image, Image]
) -> None:
    image = engine.inspect(loaded[1].tags[0])
    with any_engine.untouched(), created(engine, image.id) as container:
        shown = engine.container(container)
        assert (shown["State"]["Status"], shown["HostConfig"]["NetworkMode"]) == ("created", "none")
        (mine,) = [item for item in engine.containers("created") if item.id == container]
        assert mine.name.startswith(f"inspector-{this_owner()}-")
        assert abs(mine.age) < 60
    assert not engine.remove(container)


def test_many_threads_ask_of_one_container(engine: Engine, loaded: tuple[Image, Image]) -> None:
    with created(engine, loaded[0].tags[0]) as container, ThreadPoolExecutor(4) as pool:
        said = set(pool.map(lambda _: engine.stat(container, "/hard"), range(8)))
    assert said == {Stat(4, Kind.FILE, 0o644)}


def _left_early(engine: Engine, container: str) -> None:
    with engine.archive(container, "/") as stream:
        stream.read(10)


def test_an_archive_left_early_frees_the_container(engine: Engine, loaded: tuple[Image, Image]) -> None:
    with created(engine, loaded[0].tags[0]) as container:
        _left_early(engine, container)
        asked = threading.Thread(target=engine.stat, args=(container, "/hard"), daemon=True)
        asked.start()
        asked.join(10)
        assert not asked.is_alive()


def test_a_saved_image_comes_whole(engine: Engine, loaded: tuple[Image, Image]) -> None:
    with engine.save(loaded[1].tags[0]) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        assert "manifest.json" in {member.name for member in tar}


def test_a_run_from_start_to_end(any_engine: Other, engine: Engine) -> None:
    body = {"Entrypoint": ["/bin/false"]}
    with any_engine.untouched(), created(engine, "ktrdr-backend:prod", body=body, starts=True) as container:
        engine.start(container)
        assert engine.wait(container, 30) != 0
        assert engine.output(container, 100) == b""
        engine.kill(container)
