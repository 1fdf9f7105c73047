"""The role images as a real engine saves and copies them, beside what they say of themselves when they run."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from inspector.facts import ImageFacts
from inspector.layers.cache import IndexCache
from inspector.python.model import Interpreter
from tests.lab import engine, ours, wrong
from tests.lab.conftest import ROLES

RUN = (*ROLES[:1], *ROLES[2:], *wrong.NAMES)
"""Images that are run to compare; the development image is the CPU worker with more on top."""


@pytest.fixture(scope="module")
def facts(saved: Path) -> dict[str, ImageFacts]:
    """The facts of every image in the engine's own archive."""
    return {name: ours.facts_of(f"docker-archive:{saved}:{name}") for name in (*ROLES, *wrong.NAMES)}


@pytest.mark.parametrize("image", RUN)
def test_torch_is_what_import_torch_says(image: str, facts: dict[str, ImageFacts]) -> None:
    torch, said = facts[image].torch, engine.run(image)
    if said["torch"] is None:
        assert said["error"] == "No module named 'torch'"
        assert (torch.installed, torch.importable) == (False, "no")
    else:
        assert (torch.installed, torch.importable) == (True, "yes")
        assert {name: getattr(torch, name) for name in said["torch"]} == said["torch"]


@pytest.mark.parametrize("image", RUN)
def test_python_is_what_the_container_runs(image: str, facts: dict[str, ImageFacts]) -> None:
    interpreter, said = facts[image].interpreter, engine.run(image)
    assert isinstance(interpreter, Interpreter)
    assert interpreter.runs == "yes"
    assert interpreter.version == said["version"]
    here = engine.inspect(image)["Config"]["WorkingDir"]
    assert list(interpreter.search_path) == [entry or here for entry in said["search_path"]]
    assert interpreter.path == said["executable"]
    assert interpreter.resolved == said["resolved"]


@pytest.mark.parametrize("image", RUN)
def test_distributions_are_what_pip_lists(image: str, facts: dict[str, ImageFacts]) -> None:
    distributions = facts[image].distributions
    assert isinstance(distributions, tuple)
    found = {canonicalize_name(item.name): item.version for item in distributions}
    listed = {canonicalize_name(item["name"]): item["version"] for item in engine.run(image)["distributions"]}
    assert found == listed


@pytest.mark.parametrize("image", [*ROLES, *wrong.NAMES])
def test_id_sizes_and_build_steps_are_the_engine_s(image: str, facts: dict[str, ImageFacts]) -> None:
    document = engine.inspect(image)
    assert facts[image].image_id == document["Id"]
    assert facts[image].size.uncompressed == document["Size"]
    assert str(facts[image].platform) == f"{document['Os']}/{document['Architecture']}"
    assert [layer.diff_id for layer in facts[image].layers] == document["RootFS"]["Layers"]
    attributed = [(layer.size, layer.created_by or "") for layer in facts[image].layers if layer.size]
    assert attributed == engine.steps(image)


def test_the_layer_that_brought_torch_is_the_one_that_installed_it(facts: dict[str, ImageFacts]) -> None:
    image = "ktrdr-worker-cpu:test"
    _, biggest = max(engine.steps(image))
    assert facts[image].torch.created_by == biggest


@pytest.mark.parametrize(
    "image", ["ktrdr-backend:prod", "ktrdr-worker-cpu:test", "inspector-lab/worker-without-torch:1"]
)
def test_the_merged_files_are_those_of_a_container(image: str, saved: Path) -> None:
    found = ours.listing(ours.merged(f"docker-archive:{saved}:{image}"))
    shown = engine.exported(image)
    assert len(found) > 5_000
    ours_, theirs = engine.comparable(found, found), engine.comparable(shown, found)
    assert ours_.keys() ^ theirs.keys() == set()
    assert {path: (ours_[path], theirs[path]) for path in ours_ if ours_[path] != theirs[path]} == {}


@pytest.mark.parametrize("form", ["oci", "oci-archive", "docker-archive", "dir"])
def test_every_copy_has_the_same_facts(form: str, copies: dict[str, str], facts: dict[str, ImageFacts]) -> None:
    copied = ours.facts_of(copies[form])
    assert comparable(copied) == comparable(facts["ktrdr-backend:prod"])
    if form != "docker-archive":  # where skopeo shows a manifest that it makes up
        manifest = json.loads(subprocess.check_output(["skopeo", "inspect", "--raw", copies[form]]))
        assert copied.image_id == manifest["config"]["digest"]


def test_a_worker_copied_to_a_layout_has_the_same_facts(worker_layout: str, facts: dict[str, ImageFacts]) -> None:
    copied = ours.facts_of(worker_layout)
    assert comparable(copied) == comparable(facts["ktrdr-worker-cpu:test"])
    assert copied.evidence.digests_verified
    assert copied.size.compressed is not None
    assert copied.size.compressed == copied.evidence.bytes_read


def test_reading_all_bytes_changes_nothing(saved: Path, facts: dict[str, ImageFacts]) -> None:
    verified = ours.facts_of(f"docker-archive:{saved}:ktrdr-backend:prod", verify=True)
    assert comparable(verified) == comparable(facts["ktrdr-backend:prod"])
    assert verified.evidence.digests_verified
    assert not facts["ktrdr-backend:prod"].evidence.digests_verified


def test_what_is_cached_answers_the_same_in_every_form(
    copies: dict[str, str], saved: Path, tmp_path: Path, facts: dict[str, ImageFacts]
) -> None:
    cache = IndexCache(tmp_path / "layers.sqlite")
    first = ours.facts_of(copies["oci"], cache)
    again = [ours.facts_of(copies[form], cache) for form in ("oci-archive", "docker-archive", "dir")]
    again.append(ours.facts_of(f"docker-archive:{saved}:ktrdr-backend:prod", cache))
    cache.close()
    assert first.evidence.layers_cached == 0
    for later in again:
        assert (later.evidence.layers_read, later.evidence.bytes_read) == (0, 0)
        assert later.evidence.digests_verified
        assert comparable(later) == comparable(facts["ktrdr-backend:prod"])
    assert cache.warnings == ()


def test_an_archive_changed_after_it_was_cached_is_read_again(saved: Path, tmp_path: Path) -> None:
    del saved
    archive = tmp_path / "debian.tar"
    engine.docker("save", "--output", str(archive), "debian:bookworm-slim")
    cache = IndexCache(tmp_path / "layers.sqlite")
    reference = f"docker-archive:{archive}"
    assert ours.facts_of(reference, cache).evidence.layers_read == 1
    assert ours.facts_of(reference, cache).evidence.layers_cached == 1
    other = tmp_path / "copy.tar"
    shutil.copyfile(archive, other)
    assert ours.facts_of(f"docker-archive:{other}", cache).evidence.layers_read == 1
    cache.close()


def comparable(facts: ImageFacts) -> dict[str, Any]:
    """What must be equal whatever medium the image came by; its id is not, since skopeo writes the config anew."""
    names = ("platform", "startup", "interpreter", "distributions", "torch", "torch_elsewhere", "warnings")
    same = {name: getattr(facts, name) for name in names}
    layers = [(layer.diff_id, layer.size, layer.created_by, layer.entries) for layer in facts.layers]
    return {**same, "layers": layers, "uncompressed": facts.size.uncompressed}
