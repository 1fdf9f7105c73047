"""Attributes and whiteouts by which a layer changes what lies below it, without a file to show for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.testing.tree import tar_of
from tests.hostile.raw import BASE, END, SITE, Raw, docker_archive, file, header, judged, pax, torch_tree

TORCH = tar_of(torch_tree())
ASIDE = tar_of(torch_tree("opt/aside"))


def attribute(name: str, value: str | bytes) -> bytes:
    """An extended header with one attribute, for the member behind it."""
    return pax((f"SCHILY.xattr.trusted.overlay.{name}", value))


def folder(path: str) -> bytes:
    return header(f"{path}/", 0, b"5")


@pytest.mark.parametrize("flag", ["y", "x"])
def test_an_opaque_directory_hides_what_lies_below(flag: str, tmp_path: Path) -> None:
    """`y` hides it for Docker and Podman; `x` marks a directory with whiteouts as attributes, for newer kernels."""
    layer = attribute("opaque", flag) + folder(f"{SITE}/torch") + END
    path = docker_archive(tmp_path / "t.tar", Raw([BASE, TORCH, layer]))
    assert judged(path, folder=tmp_path, torch=True, cuda=False) in ((1, 3) if flag == "y" else (0, 1, 3))


def test_an_opaque_parent_hides_all_packages(tmp_path: Path) -> None:
    layer = attribute("opaque", "y") + folder(SITE) + END
    path = docker_archive(tmp_path / "t.tar", Raw([BASE, TORCH, layer]))
    assert judged(path, folder=tmp_path, torch=True, cuda=False) in (1, 3)


@pytest.mark.parametrize("target", ["/opt/aside/torch", "../../../../../../opt/aside/torch", "aside"])
def test_a_redirect_brings_torch_from_elsewhere(target: str, tmp_path: Path) -> None:
    """Followed as the kernel does, or refused: where it leads, torch is importable."""
    layer = attribute("redirect", target) + folder(f"{SITE}/torch") + END
    path = docker_archive(tmp_path / "t.tar", Raw([BASE, ASIDE, layer]))
    assert judged(path, folder=tmp_path) in (1, 3)


def test_a_redirect_of_site_packages(tmp_path: Path) -> None:
    layer = attribute("redirect", "/opt/aside") + folder(SITE) + END
    path = docker_archive(tmp_path / "t.tar", Raw([BASE, ASIDE, layer]))
    assert judged(path, folder=tmp_path) in (1, 3)


@pytest.mark.parametrize("name", ["metacopy", "redirect"])
def test_a_file_whose_data_lie_below(name: str, tmp_path: Path) -> None:
    """What version.py says there is not what this layer holds of it."""
    path = f"{SITE}/torch/version.py"
    bytes_above = b"__version__ = '2.13.0+cpu'\ncuda = None\nhip = None\nxpu = None\n"
    layer = attribute(name, b"" if name == "metacopy" else b"/opt/version.py") + file(path, bytes_above) + END
    cuda = tar_of(torch_tree(cuda=True))
    image = docker_archive(tmp_path / "t.tar", Raw([BASE, cuda, layer]))
    assert judged(image, folder=tmp_path, torch=True, cuda=False) in (1, 3)


def test_a_whiteout_as_an_attribute(tmp_path: Path) -> None:
    """With the parent's mark `x`, an empty file with this attribute is a whiteout; alone it hides what it names."""
    layer = (
        attribute("opaque", "x")
        + folder(f"{SITE}/torch")
        + attribute("whiteout", "")
        + file(f"{SITE}/torch/__init__.py")
        + END
    )
    path = docker_archive(tmp_path / "t.tar", Raw([BASE, TORCH, layer]))
    assert judged(path, folder=tmp_path, torch=True, cuda=False) in (1, 3)


@pytest.mark.parametrize("name", [f"{SITE}/.wh.torch/", f"{SITE}/.wh.torch/x", f"{SITE}/torch/.wh..wh..opq/"])
def test_directories_named_as_whiteouts(name: str, tmp_path: Path) -> None:
    layer = (folder(name.rstrip("/")) if name.endswith("/") else file(name, b"x")) + END
    path = docker_archive(tmp_path / "t.tar", Raw([BASE, TORCH, layer]))
    assert judged(path, folder=tmp_path, torch=True, cuda=False) in (0, 1, 3)
    assert judged(path, folder=tmp_path) in (0, 1, 3)


def test_a_character_device_in_a_tar_is_no_whiteout_of_images(tmp_path: Path) -> None:
    """Docker unpacks it, and the kernel then takes the device 0:0 for a whiteout."""
    layer = header(f"{SITE}/torch", 0, b"3") + END
    path = docker_archive(tmp_path / "t.tar", Raw([BASE, TORCH, layer]))
    assert judged(path, folder=tmp_path, torch=True, cuda=False) in (1, 3)
