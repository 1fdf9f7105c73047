"""Every form of `fixtures.forms` gives the same images, asked for by its scheme, by its bare path and by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.forms import FORMS, NAMELESS, ONE_IMAGE, docker
from inspector.errors import NotFound
from inspector.oci import Platform
from inspector.sources.platforms import same
from inspector.testing.image import Image
from tests.sources.samples import API, WORKER, archive, opened, read

LINUX = Platform("linux", "amd64")
INCOMPLETE = {"docker-25-no-layers", "docker-25-wrong-size", "docker-25-by-digest"}
"""Hybrids whose index.json can't be used."""


def written(form: str, path: Path) -> tuple[str, list[Image]]:
    images = [WORKER] if form in ONE_IMAGE else [API, WORKER]
    return FORMS[form](path, images), images


@pytest.mark.parametrize("form", FORMS)
def test_all_images_of_a_form(form: str, tmp_path: Path) -> None:
    reference, images = written(form, tmp_path / "it")
    found = opened(reference, LINUX)
    assert [image.image_id for image in found] == [image.image_id for image in images]
    for image, expected in zip(found, images, strict=True):
        assert [layer.diff_id for layer in image.layers] == [f"sha256:{diff_id}" for diff_id in expected.diff_ids]
        assert [layer.created_by for layer in image.layers] == [
            step.created_by for step in expected.steps if step.tree is not None
        ]
        assert read(image) == [list(step.tree) for step in expected.steps if step.tree is not None]
        assert same(image.platform, LINUX)
        assert image.source == reference.partition(":")[0]
        assert bool(image.tags) is (form not in NAMELESS)


@pytest.mark.parametrize("form", FORMS)
def test_a_bare_path_is_told_by_what_it_holds(form: str, tmp_path: Path) -> None:
    reference, images = written(form, tmp_path / "it")
    found = opened(tmp_path / "it", LINUX)
    assert [image.image_id for image in found] == [image.image_id for image in images]
    source = reference.partition(":")[0]
    if form.startswith(("docker-25", "containerd", "buildkit")) and form not in INCOMPLETE:
        source = "oci-archive"
    assert {image.source for image in found} == {source}
    told = ["in place of index.json" in " ".join(image.warnings) for image in found]
    assert told == [form in INCOMPLETE] * len(found)


@pytest.mark.parametrize("form", [form for form in FORMS if form not in NAMELESS])
def test_one_image_by_name_or_id(form: str, tmp_path: Path) -> None:
    reference, _ = written(form, tmp_path / "it")
    for selector in (":worker:1", ":docker.io/library/worker:1", f"@{WORKER.image_id}"):
        (image,) = opened(reference + selector, LINUX)
        assert image.image_id == WORKER.image_id
        assert image.reference == reference + selector


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ONE_IMAGE])
def test_the_reference_of_each_image_asks_for_it_alone(form: str, tmp_path: Path) -> None:
    reference, _ = written(form, tmp_path / "it")
    for image in opened(reference, LINUX):
        (again,) = opened(image.reference, LINUX)
        assert again.image_id == image.image_id


@pytest.mark.parametrize("form", FORMS)
def test_every_platform_is_there_for_all(form: str, tmp_path: Path) -> None:
    reference, images = written(form, tmp_path / "it")
    found = opened(reference, "all")
    assert {image.image_id for image in images} <= {image.image_id for image in found}
    several = {"oci-platforms", "oci-platforms-docker-types", "oci-nested", "oci-archive-platforms"}
    assert {str(image.platform) for image in found} == (
        {"linux/amd64", "linux/arm64"} if form in several else {"linux/amd64"}
    )


def test_an_index_beside_a_docker_archive_that_is_no_layout_says_nothing(tmp_path: Path) -> None:
    """As apko writes it: no oci-layout, and manifests that lie beside index.json."""
    path = tmp_path / "image.tar"
    FORMS["apko"](path, [API])
    (image,) = opened(path)
    assert (image.source, image.image_id, image.warnings) == ("docker-archive", API.image_id, ())


def test_a_manifest_that_kaniko_left_empty_is_named_so(tmp_path: Path) -> None:
    tree = dict(docker.go_containerregistry([API]))
    with pytest.raises(NotFound, match=r"kaniko.*--destination"):
        opened(archive(tmp_path / "image.tar", {**tree, "manifest.json": b"null"}))
