"""What people call an engine's images by: tags, ids, digests, globs; images pulled, and of another platform."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import pytest

from fixtures.forms import FORMS
from fixtures.roles import right_images
from inspector.facts import ImageFacts
from inspector.names import canonical, familiar
from inspector.sources.access import ACCESS_METHODS
from inspector.testing.image import Image
from tests.lab import ours
from tests.lab.agree import differences
from tests.lab.asked import ask
from tests.lab.others import DOCKER, Other

REPOSITORY = f"inspector-lab-names-{os.getpid()}"
TAGS = (f"{REPOSITORY}:a", f"{REPOSITORY}:b", f"{REPOSITORY}/deeper:a")
FOREIGN = f"{REPOSITORY}-foreign:1"
REGISTRY = f"127.0.0.1:5000/{REPOSITORY}"


def worker(mark: str, *tags: str, architecture: str = "amd64") -> Image:
    """The CPU worker, every layer with a file that no other worker has."""
    image = right_images()["worker-cpu"]
    steps = [
        step if step.tree is None else replace(step, tree={**step.tree, f"{mark}-{place}": b""})
        for place, step in enumerate(image.steps)
    ]
    return replace(image, steps=steps, tags=tags, architecture=architecture)


def facts_in(archive: Path, name: str) -> ImageFacts:
    return ours.facts_of(f"docker-archive:{archive}:{name}")


@pytest.fixture(scope="module")
def archive(space: Path) -> Path:
    """A worker under three names, and one for a platform that is nobody's."""
    path = space / "names.tar"
    FORMS["docker-24"](path, [worker("names", *TAGS), worker("names", FOREIGN, architecture="s390x")])
    return path


@pytest.fixture(scope="module")
def engine(any_engine: Other, archive: Path) -> Iterator[Other]:
    """Each engine in turn, with what is in the archive."""
    any_engine.docker("load", "--input", str(archive))
    yield any_engine
    any_engine.docker("rmi", "--force", *TAGS)
    with suppress(CalledProcessError):
        any_engine.docker("rmi", "--force", FOREIGN)


@pytest.mark.parametrize(
    "prefix",
    ["", "docker.io/", "index.docker.io/library/", "docker.io/library/deeper/", "registry-1.docker.io/", "localhost/"],
)
def test_an_engine_lists_names_in_their_familiar_form(engine: Other, prefix: str) -> None:
    """Podman lists every name in full."""
    name = f"{prefix}{REPOSITORY}:named"
    before = set(engine.inspect(TAGS[0])["RepoTags"])
    engine.docker("tag", TAGS[0], name)
    try:
        (listed,) = set(engine.inspect(TAGS[0])["RepoTags"]) - before
    finally:
        engine.docker("rmi", name)
    assert canonical(listed) == canonical(name)
    assert familiar(listed) == familiar(name)
    if prefix != "localhost/" and engine.name == "docker":
        assert familiar(name) == listed


@pytest.fixture(scope="module")
def pulled(any_engine: Other, space: Path) -> Iterator[tuple[str, ImageFacts]]:
    """An image that the engine has from a registry, with gzip layers: its name with digest, and its facts."""
    name, path = f"{REGISTRY}/{any_engine.name}:1", space / f"pulled-{any_engine.name}.tar"
    FORMS["docker-24"](path, [worker(any_engine.name, name)])
    _push(path, name)
    _pull(any_engine, name)
    digests = any_engine.inspect(name)["RepoDigests"]
    yield next(digest for digest in digests if digest.startswith(REGISTRY)), facts_in(path, name)
    any_engine.docker("rmi", "--force", name)


def _push(archive: Path, name: str) -> None:
    DOCKER.docker("load", "--input", str(archive))
    DOCKER.docker("push", "--quiet", name)
    DOCKER.docker("rmi", "--force", name)


def _pull(engine: Other, name: str) -> None:
    if engine.scheme == "docker":
        engine.docker("pull", "--quiet", name)
    else:  # its compatible API can't be told that a registry speaks plain HTTP
        engine.podman("pull", "--quiet", "--tls-verify=false", name)


def shown(engine: Other, *words: str, hidden: bool = False) -> list[dict[str, Any]]:
    said = ask(engine, "show", "--no-cache", *words, hidden=hidden)
    assert said.code == 0, said.errors
    return said.facts


def refused(engine: Other, *words: str) -> str:
    """The one sentence on standard error of a run that could not tell."""
    said = ask(engine, "show", "--no-cache", *words)
    assert said.code == 3, said
    assert "Traceback" not in said.errors
    (sentence,) = said.errors.strip().splitlines()
    return sentence


def plain(tag: str) -> str:
    """A tag without what Podman and containerd put before it."""
    return tag.removeprefix("localhost/").removeprefix("docker.io/library/").removeprefix("docker.io/")


def test_an_image_is_the_same_by_every_name_and_all_are_told(engine: Other, archive: Path) -> None:
    identifier = str(engine.inspect(TAGS[0])["Id"])
    short = identifier.removeprefix("sha256:")[:12]
    asked = [f"{engine.scheme}:{name}" for name in (*TAGS, identifier, short)]
    found = shown(engine, *asked)
    expected = facts_in(archive, TAGS[0])
    assert [facts["reference"] for facts in found] == asked
    for facts in found:
        assert {plain(tag) for tag in facts["tags"]} >= set(TAGS)
        assert differences(facts, expected) == []


def test_a_bare_name_is_asked_of_whichever_engine_is_there(engine: Other) -> None:
    (facts,) = shown(engine, TAGS[0])
    assert facts["source"] == engine.scheme


def test_a_glob_and_all_tags_name_several_images(engine: Other) -> None:
    by_glob = shown(engine, f"{engine.scheme}:{REPOSITORY}:*")
    by_repository = shown(engine, "--all-tags", f"{engine.scheme}:{REPOSITORY}")
    deeper = shown(engine, f"{engine.scheme}:{REPOSITORY}/*")
    for found, names in ((by_glob, TAGS[:2]), (by_repository, TAGS[:2]), (deeper, TAGS[2:])):
        assert [plain(facts["reference"].partition(":")[2]) for facts in found] == list(names)


def test_names_of_nothing_are_refused_by_name(engine: Other) -> None:
    names = ("inspector-lab-nothing:1", "inspector-lab-nothing:*", f"sha256:{'0' * 64}")
    said = ask(engine, "show", *(f"{engine.scheme}:{name}" for name in names))
    assert said.code == 3
    assert "Traceback" not in said.errors
    for name in names:
        assert f"{engine.scheme}:{name}" in said.errors


def test_an_image_of_another_platform_is_never_taken_for_one_of_this(engine: Other) -> None:
    assert "s390x" in refused(engine, "--platform=linux/amd64", f"{engine.scheme}:{FOREIGN}")
    assert "arm64" in refused(engine, "--platform=linux/arm64", f"{engine.scheme}:{TAGS[0]}")


@pytest.mark.parametrize("access", ACCESS_METHODS)
def test_an_image_of_another_platform_is_told_as_such(access: str, engine: Other, archive: Path) -> None:
    said = ask(engine, "show", "--no-cache", f"--access={access}", "--platform=all", f"{engine.scheme}:{FOREIGN}")
    if engine.name == "containerd" and said.code == 3:  # which says nothing of images for other platforms
        assert "platform" in said.errors
        return
    assert said.code == 0, said.errors
    assert said.facts[0]["platform"] == {"os": "linux", "architecture": "s390x"}
    assert differences(said.facts[0], facts_in(archive, FOREIGN)) == []


@pytest.mark.parametrize("access", [None, *ACCESS_METHODS])
def test_a_pulled_image_is_the_same_by_its_digest(
    access: str | None, any_engine: Other, pulled: tuple[str, ImageFacts]
) -> None:
    by_digest, expected = pulled
    (facts,) = shown(any_engine, *([f"--access={access}"] if access else []), f"{any_engine.scheme}:{by_digest}")
    assert facts["evidence"]["access"] == (access or "storage")
    assert differences(facts, expected) == []


@pytest.fixture
def hollow(containerd: Other, space: Path) -> Iterator[tuple[str, ImageFacts]]:
    """An image that the engine says nothing of and saves without its layers: its name, and its facts.

    A pull passes over layers that were loaded in another form (moby#49473).
    """
    name, path = f"{REGISTRY}/hollow:1", space / "hollow.tar"
    FORMS["docker-24"](path, [worker("hollow", name)])
    _push(path, name)
    containerd.docker("load", "--input", str(path))
    containerd.docker("tag", name, f"{REPOSITORY}-hollow:1")
    containerd.docker("rmi", name)
    _pull(containerd, name)
    assert containerd.inspect(name)["RootFS"] == {}, "this engine has learnt better"
    yield name, facts_in(path, name)
    containerd.docker("rmi", "--force", name, f"{REPOSITORY}-hollow:1")


@pytest.mark.parametrize("hidden", [False, True], ids=["storage", "no-storage"])
def test_an_image_that_the_engine_describes_no_more_is_itself_or_refused(
    *, hidden: bool, containerd: Other, hollow: tuple[str, ImageFacts]
) -> None:
    name, expected = hollow
    for access in ((), *((f"--access={access}",) for access in ACCESS_METHODS)):
        said = ask(containerd, "show", "--no-cache", *access, f"docker:{name}", hidden=hidden)
        if said.code == 0:
            assert differences(said.facts[0], expected) == []
        else:
            (sentence,) = said.errors.strip().splitlines()
            assert (said.code, name in sentence) == (3, True)
