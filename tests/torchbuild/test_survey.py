"""The one walk that finds everything of torch."""

from __future__ import annotations

import pytest

from inspector.python.folders import Folders
from inspector.testing.tree import Link, Member
from inspector.torchbuild import survey as module
from inspector.torchbuild.survey import left_by_pip, survey
from tests.support import rootfs_of


def test_everything_is_met_once_and_links_are_not_followed() -> None:
    tree: dict[str, Member] = {
        "a/torch/version.py": b"",
        "a/torch/lib/libtorch_cpu.so": b"x",
        "a/torch-2.0.0.dist-info/METADATA": b"",
        "a/torch-1.0-py3.egg-info": b"",
        "a/~orch/x": b"",
        "a/~orch-2.0.0.dist-info/x": b"",
        "a/~other/x": b"",
        "link": Link("a"),
        "a/loop": Link("."),
        "b/torch": b"a file",
        "cache/torch-2.0.0+cu118-cp311-cp311-linux_x86_64.whl": b"x",
        "cache/torch-2.0.0.tar.gz": b"x",
        "cache/torchvision-0.15-cp311-cp311-linux_x86_64.whl": b"x",
        "pkgs/pytorch-2.5.1-py3.11_cuda12.4_cudnn9.1.0_0.conda": b"x",
        "pkgs/libtorch-2.5.1-cpu_mkl_h1_0.conda": b"x",
    }
    found = survey(Folders(rootfs_of(tree)))
    assert found.packages == ["/a/torch"]
    assert sorted(found.metadata) == ["/a/torch-1.0-py3.egg-info", "/a/torch-2.0.0.dist-info"]
    assert sorted(found.leftovers) == ["/a/~orch", "/a/~orch-2.0.0.dist-info"]
    assert sorted(path.rpartition("/")[2] for path in found.archives) == [
        "libtorch-2.5.1-cpu_mkl_h1_0.conda",
        "pytorch-2.5.1-py3.11_cuda12.4_cudnn9.1.0_0.conda",
        "torch-2.0.0+cu118-cp311-cp311-linux_x86_64.whl",
    ]
    assert found.libtorch == ["/a/torch/lib/libtorch_cpu.so"]


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("~orch", True),
        ("~-rch", True),
        ("~~rch", True),
        ("~orchgen", True),
        ("~unctorch", True),
        ("~orch-2.0.0+cu118.dist-info", True),
        ("~-rch-2.0.0.dist-info", True),
        ("~orchvision", False),
        ("~orchvision-0.1.dist-info", False),
        ("~", False),
        ("~pip", False),
        ("torch", False),
    ],
)
def test_names_that_pip_gives_while_it_uninstalls(name: str, *, left: bool) -> None:
    assert left_by_pip(name) is left


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FOUND", 3)
    found = survey(Folders(rootfs_of({f"{number}/torch/version.py": b"" for number in range(9)})))
    assert len(found.packages) == 3
