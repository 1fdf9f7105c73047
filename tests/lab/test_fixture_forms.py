"""Whether real tools take the fixtures' forms for what they claim to be, and start or refuse the images in them."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.forms import FORMS, NAMELESS, ONE_IMAGE
from fixtures.roles import right_images
from fixtures.wrong import wrong_images
from inspector.testing.image import Image, Step
from inspector.testing.tree import Dir, Link

NAME = "fixture-form"
ENGINES_MAY_REFUSE = {"docker-24-zstd", "containerd-zstd", "containerd-mixed"}
"""Docker 20.10 has no zstd."""
SKOPEO_MAY_REFUSE = {
    "docker-24-gzip",  # 1.9 loses its place in a gzip archive, in one written by gzip(1) too
    "docker-25-dotted-gzip",
    "nix-layered",
    "docker-24-hardlinks",  # of a member that is a hardlink it reads nothing
    "oci-buildkit",  # of the names that BuildKit writes it knows the tag alone
    "oci-archive-buildkit",
    "oci-embedded",  # it looks for a blob all the same
    "oci-platforms-docker-types",  # it knows the OCI's own types only
    "oci-docker-types",
}


def image(number: int) -> Image:
    """Images that share layers, in part twice; tagged apart from anything that the lab holds."""
    base = Step("ADD rootfs.tar /", {"bin": Dir(), "bin/sh": b"sh", "bin/ash": Link("sh")})
    again = Step("COPY a /", {"a": b"1"})
    steps = [base, Step("ENV A=1"), again, again, Step(f"RUN step {number}", {f"file-{number}": b""})]
    return Image(steps=steps, tags=[f"{NAME}-{number}:one", f"{NAME}-{number}:two"], cmd=["sh"], env=["A=1"])


def images_for(form: str) -> list[Image]:
    return [image(1)] if form in ONE_IMAGE else [image(1), image(2)]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def _no_images() -> Iterator[None]:
    """Remove from the engine what a test has loaded."""
    yield
    listed = run("docker", "images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
    mine = [name for name in listed if name.removeprefix("localhost/").startswith(NAME)]
    run("docker", "rmi", "--force", image(1).image_id, image(2).image_id, *mine)


@pytest.mark.usefixtures("docker", "_no_images")
@pytest.mark.parametrize("form", [form for form in FORMS if not form.startswith(("oci", "dir"))])
def test_the_engine_loads_it(form: str, tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    images = images_for(form)
    FORMS[form](path, images)
    loaded = run("docker", "load", "--input", str(path))
    if form in ENGINES_MAY_REFUSE and loaded.returncode != 0:
        return
    assert loaded.returncode == 0, loaded.stderr
    names = [line.partition(": ")[2] for line in loaded.stdout.splitlines()]
    found = [json.loads(run("docker", "inspect", name).stdout)[0]["RootFS"]["Layers"] for name in names]
    expected = [one.diff_ids for one in images for _ in (["id"] if form in NAMELESS else one.tags)]
    assert sorted(found) == sorted([f"sha256:{digest}" for digest in digests] for digests in expected)


@pytest.mark.usefixtures("skopeo")
@pytest.mark.parametrize("form", FORMS)
def test_skopeo_reads_it(form: str, tmp_path: Path) -> None:
    images = images_for(form)
    reference = FORMS[form](tmp_path / "image", images)
    expected = images[-1]
    if form not in NAMELESS:
        reference += f":{_name(form, expected.tags[0], len(images))}"
    elif len(images) > 1:
        reference += ":@1"
    wanted = ["--override-os", expected.os, "--override-arch", expected.architecture]
    found = run("skopeo", *wanted, "inspect", "--config", "--raw", reference)
    if form in SKOPEO_MAY_REFUSE and found.returncode != 0:
        return
    assert found.returncode == 0, found.stderr
    assert found.stdout.encode() == expected.config


def _name(form: str, tag: str, images: int) -> str:
    """What skopeo must ask for: how the form spells the name."""
    if form == "podman":
        return f"localhost/{tag}"
    if form == "oci-full-names":
        return f"docker.io/library/{tag}"
    return tag.rpartition(":")[2] if form.startswith("oci") and images == 1 else tag


@pytest.mark.usefixtures("skopeo")
@pytest.mark.parametrize("form", ["oci-gzip", "oci-plain", "oci-archive", "dir-gzip", "dir-plain", "oci-zstd"])
def test_skopeo_copies_every_layer(form: str, tmp_path: Path) -> None:
    """Copying reads all blobs and checks their digests; into a docker-archive, it unpacks them too."""
    reference = FORMS[form](tmp_path / "image", [image(1)])
    name = "" if form in NAMELESS else ":one"
    target = "oci" if form == "oci-zstd" else "docker-archive"
    copied = run("skopeo", "copy", "--insecure-policy", reference + name, f"{target}:{tmp_path / 'copy'}:{NAME}:copy")
    assert copied.returncode == 0, copied.stderr


WRONG = wrong_images()
STARTS = {name: (described, True) for name, described in right_images().items()} | {
    name: (WRONG[name].image, name == "backend-without-python")
    for name in (
        "backend-cannot-start",
        "backend-with-dangling-python",
        "backend-without-python",
        "worker-cpu-other-machine",
    )
}


@pytest.mark.usefixtures("docker", "_no_images")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the role images are for x86-64")
@pytest.mark.parametrize("name", STARTS)
def test_containers_of_the_role_images_start_or_do_not(name: str, tmp_path: Path) -> None:
    described, starts = STARTS[name]
    tag = f"{NAME}-{name}:test"
    FORMS["docker-24"](tmp_path / "image.tar", [replace(described, tags=[tag])])
    assert run("docker", "load", "--input", str(tmp_path / "image.tar")).returncode == 0
    done = run("docker", "run", "--rm", "--network", "none", tag)
    assert (done.returncode == 0) is starts, done.stderr
