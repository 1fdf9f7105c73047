"""From `sif:PATH` to an image: the header, what stands in it, and what is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from fixtures.squash import Object, environment_scripts, sif, squashfs
from inspector.errors import (
    InspectorError,
    LimitExceeded,
    Malformed,
    NoImage,
    NotFound,
    PlatformMissing,
    Unsupported,
    UsageError,
)
from inspector.oci import Platform
from inspector.sources.image import Image
from inspector.sources.sif.starting import CALLER, HOME
from inspector.testing.tree import File, Link, Tree
from tests.sources.samples import opened

ARM = Platform("linux", "arm64")
TREE: Tree = {**environment_scripts(["PATH=/opt/bin:/usr/bin", "A=b c"]), "bin/sh": File(b"#!", 0o755), "srv/x": b"1"}
SQUASH = squashfs(TREE)
OVERLAY = Object(SQUASH, part=4)
SIGNATURE = Object(b"-----BEGIN PGP", kind=0x4005)


def written(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return f"sif:{path}"


def test_the_primary_partition_is_the_image(tmp_path: Path) -> None:
    other = Object(squashfs({"other": b""}), part=1, architecture=b"04\0")
    data = Object(squashfs({"data": b""}), part=3)
    definition = Object(b"Bootstrap: docker\n", kind=0x4001)
    reference = written(tmp_path / "a.sif", sif([definition, other, Object(SQUASH), data, SIGNATURE]))
    (image,) = opened(reference, Platform("linux", "amd64"))
    assert (image.source, image.reference, image.platform) == ("sif", reference, Platform("linux", "amd64"))
    (layer,) = image.layers
    index = layer.blob.scan("", None, verify=False, meter=lambda _: None).index
    assert "srv/x" in {entry.path for entry in index.entries}
    assert (layer.stored_size, layer.compressed, layer.walked, layer.literal) == (len(SQUASH), True, True, True)


@pytest.mark.parametrize("name", ["a.sif", "a.simg", "image", "a.sqsh"])
def test_a_path_alone_is_enough(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    contents = {"a.simg": b"#!/usr/bin/env run-singularity\n" + SQUASH, "a.sqsh": SQUASH}
    Path(name).write_bytes(contents.get(name, sif([Object(SQUASH)])))
    (image,) = opened(name)
    assert (image.source, image.reference) == ("sif", name)


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"", Malformed, "neither a SIF file nor a squashfs"),
        (b"text", Malformed, "neither a SIF file nor a squashfs"),
        (sif([Object(SQUASH)])[:100], Malformed, "cut within its header"),
        (sif([Object(SQUASH)])[:5000], Malformed, "table of 48 objects is not wholly there"),
        (sif([Object(SQUASH)])[:-1], Malformed, "is cut: an object"),
        (sif([Object(SQUASH)], version=b"02\0"), Unsupported, "version '02'"),
        (sif([]), NoImage, "no system partition"),
        (sif([SIGNATURE]), NoImage, "no system partition"),
        (sif([Object(SQUASH, part=1)]), NoImage, "1 system partitions, none of which is the primary one"),
        (sif([Object(SQUASH), Object(SQUASH)]), Malformed, "2 primary partitions"),
        (sif([Object(SQUASH, file_system=2)]), Unsupported, "ext3.*apptainer build --sandbox"),
        (sif([Object(SQUASH, file_system=5)]), Unsupported, "an encrypted squashfs.*apptainer build --sandbox"),
        (sif([Object(SQUASH, file_system=9)]), Unsupported, "of type 9"),
        (sif([Object(SQUASH), OVERLAY]), Unsupported, "has an overlay"),
        (sif([Object(b"{}", kind=0x400A), Object(b"", kind=0x400B)]), Unsupported, "an OCI-SIF"),
        (sif([Object(b"hsqs")]), Malformed, "no squashfs"),
        (sif([Object(squashfs(TREE, "xz")[:-50])]), Malformed, "is cut: its squashfs"),
    ],
)
def test_what_is_refused_says_why_and_what_to_do(
    content: bytes, error: type[InspectorError], says: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=says) as raised:
        opened(written(tmp_path / "a.sif", content))
    assert str(raised.value).startswith(f"{tmp_path / 'a.sif'}: ")


def test_a_table_is_bounded(tmp_path: Path) -> None:
    content = bytearray(sif([Object(SQUASH)]))
    for total, error in ((1 << 40, LimitExceeded), (-1, LimitExceeded), (1000, Malformed)):
        struct.pack_into("<q", content, 88, total)
        with pytest.raises(error):
            opened(written(tmp_path / "a.sif", bytes(content)))


def test_places_that_are_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="write it to a file"):
        opened("sif:-")
    with pytest.raises(NotFound, match=f"write rootfs:{tmp_path}"):
        opened(f"sif:{tmp_path}")
    with pytest.raises(NotFound, match="can't be read"):
        opened(f"sif:{tmp_path}/nothing.sif")


def test_the_platform_is_the_partitions_own(tmp_path: Path) -> None:
    reference = written(tmp_path / "a.sif", sif([Object(SQUASH, architecture=b"04\0")]))
    (image,) = opened(reference)
    assert image.platform == ARM
    with pytest.raises(PlatformMissing):
        opened(reference, Platform("linux", "amd64"))


def of(tree: Tree, path: Path) -> Image:
    (image,) = opened(written(path / "a.sif", sif([Object(squashfs(tree))])))
    return image


def test_what_a_container_gets(tmp_path: Path) -> None:
    image = of(TREE, tmp_path)
    assert image.config.env == {"PATH": "/opt/bin:/usr/bin", "A": "b c", "HOME": HOME}
    assert (image.config.entrypoint, image.config.cmd, image.config.run.user) == ((), ("/bin/sh",), CALLER)
    (warning,) = image.warnings
    assert "PYTHONPATH" in warning
    assert "~/.local" in warning


def test_lines_that_take_no_shell_are_done_here(tmp_path: Path) -> None:
    text = 'unset A\nexport B=1\nexport C="${C:-}"\nexport B="${B:-"2"}"\n  # nothing\nexport D="x y"\n'
    image = of({**TREE, SCRIPT: text.encode()}, tmp_path)
    assert image.config.entrypoint == ()
    assert image.config.env == {"PATH": "/opt/bin:/usr/bin", "B": "1", "C": "", "D": "x y", "HOME": HOME}


SCRIPT = ".singularity.d/env/90-environment.sh"
RUN = ".singularity.d/runscript"


def test_scripts_that_take_a_shell_are_followed_as_an_entrypoint(tmp_path: Path) -> None:
    tree = {**TREE, SCRIPT: b"export PATH=/opt/conda/bin:$PATH\n", RUN: File(b"#!/bin/sh\nexec x\n", 0o755)}
    image = of(tree, tmp_path)
    assert image.config.entrypoint[:2] == ("/bin/sh", "-c")
    assert image.config.entrypoint[2].endswith(f'. /{SCRIPT}; exec "$@"')
    assert image.config.cmd == ("/.singularity.d/runscript",)


def test_long_scripts_are_read_to_their_end(tmp_path: Path) -> None:
    """Of other programs no more than the head is kept."""
    text = "#!/bin/sh\n" + "# long\n" * 2000
    assert of({**TREE, SCRIPT: f"{text}export A=1\n".encode()}, tmp_path).config.env["A"] == "1"
    assert of({**TREE, SCRIPT: text.encode() * 6}, tmp_path).config.entrypoint


def test_names_of_scripts_are_quoted_and_few(tmp_path: Path) -> None:
    odd: Tree = {
        ".singularity.d/env/10 $(x).sh": b"conda activate\n",
        ".singularity.d/env/.hidden.sh": b"",
        "e": Link("/"),
    }
    (_, _, text, _) = of({**TREE, **odd}, tmp_path).config.entrypoint
    assert ". '/.singularity.d/env/10 $(x).sh';" in text
    assert ".hidden" not in text
    many = {f".singularity.d/env/{number:03}.sh": b"conda activate\n" for number in range(200)}
    (_, _, text, _) = of({**TREE, **many}, tmp_path).config.entrypoint
    assert len(text) < 100


@pytest.mark.parametrize(
    ("script", "left"),
    [
        ("export PYTHONNOUSERSITE=1", "PYTHONPATH"),
        ('export PYTHONPATH="/srv"', "~/.local"),
        ('export PYTHONPATH="${PYTHONPATH:-"/srv"}"\nexport PYTHONNOUSERSITE="1"', "PYTHONPATH"),
        ('export PYTHONNOUSERSITE=0\nexport PYTHONPATH=""', "~/.local"),
        ('export PYTHONPATH="/srv"\nexport PYTHONNOUSERSITE="1"', ""),
    ],
)
def test_what_the_host_may_change_is_told_as_far_as_the_image_leaves_it_open(
    script: str, left: str, tmp_path: Path
) -> None:
    told = "; ".join(of({**TREE, SCRIPT: script.encode()}, tmp_path).warnings)
    assert [name for name in ("PYTHONPATH is", "~/.local") if name in told] == (
        [{"PYTHONPATH": "PYTHONPATH is"}.get(left, left)] if left else []
    )


def test_a_script_that_is_not_known_to_be_harmless_hides_nothing(tmp_path: Path) -> None:
    """One that begins as Apptainer's own, and goes on."""
    text = b'if test -n "${SINGULARITY_APPNAME:-}"; then\n:\nfi\nPATH=/evil:$PATH\n'
    assert of({**TREE, ".singularity.d/env/95-apps.sh": text}, tmp_path).config.entrypoint
    assert of({**TREE, ".singularity.d/env/95-apps.sh": Link("/nowhere")}, tmp_path).config.entrypoint == ()
