"""Torch for ROCm: its targets, and hosts with AMD's GPUs."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from fixtures.torches import torch_rocm
from inspector.gpu.find import find_gpu
from inspector.gpu.hosts import Host
from inspector.gpu.image import ImageGpu
from inspector.gpu.predict import predict
from inspector.gpu.prediction import Prediction
from inspector.gpu.rocm import MAX_TARGETS, targets_by_names
from inspector.gpu.serves import serves
from inspector.python.distributions import find_distributions
from inspector.python.interpreter import find_interpreter
from inspector.torchbuild import find_torch
from inspector.unknown import Unknown
from tests.support import config_of, rootfs_of
from tests.torchbuild.asking import ENV, SITE, slim

IMAGE = ImageGpu(build="rocm", hip="6.4.43482-0f2d60242", architectures=("gfx90a", "gfx942", "gfx1100"))


def one(image: ImageGpu = IMAGE, gpu: str = "gfx942", driver: str = "6.3", count: int = 1) -> Prediction:
    """What is predicted for one of the GPUs of a host."""
    found = predict(image, Host(name="host", driver=driver, gpus=(gpu,) * count))[0]
    (answer,) = set(found.by_mode.values())
    return answer


def with_variables(**variables: str) -> ImageGpu:
    return replace(IMAGE, environment=variables)


def test_a_target_that_torch_has_kernels_for_works() -> None:
    assert one() == Prediction("works", "works", "ROCm works on gfx942", available=True)


def test_a_target_that_it_has_none_for() -> None:
    found = one(gpu="gfx1030")
    assert (found.verdict, found.stage, found.available) == ("fails", "code", None)
    assert found.reason == "torch has no kernels for gfx1030, only gfx90a, gfx942, gfx1100"


@pytest.mark.parametrize(
    ("built", "gpu"),
    [(("gfx90a:xnack+",), "gfx90a"), (("gfx90a:xnack+",), "gfx90a:xnack-"), (("gfx11-generic",), "gfx1100")],
)
def test_features_and_generic_targets_may_run(built: tuple[str, ...], gpu: str) -> None:
    assert one(replace(IMAGE, architectures=built), gpu).verdict == "unknown"


@pytest.mark.parametrize(
    ("hip", "driver", "verdict"),
    [
        ("6.4.43482-0f2d60242", "6.2.4", "works"),
        ("6.4.43482-0f2d60242", "6.1", "unknown"),
        ("6.1.40091-a8dbc0c19", "5.7", "works"),
        ("6.0", "5.5", "unknown"),
        ("7.1.25424", "7.1", "works"),
        ("7.1.25424", "6.4", "unknown"),
        ("7.1.25424", "30.10", "unknown"),
        (None, "6.4", "unknown"),
        ("6.4", "unknown", "unknown"),
    ],
)
def test_drivers_of_near_releases(hip: str | None, driver: str, verdict: str) -> None:
    found = one(replace(IMAGE, hip=hip), driver=driver)
    assert (found.verdict, found.stage) == (verdict, "works" if verdict == "works" else "driver")


@pytest.mark.parametrize(
    ("variables", "verdict"),
    [
        ({"HIP_VISIBLE_DEVICES": ""}, "fails"),
        ({"HIP_VISIBLE_DEVICES": "-1"}, "fails"),
        ({"HIP_VISIBLE_DEVICES": "1"}, "works"),
        ({"HIP_VISIBLE_DEVICES": "2"}, "fails"),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, "fails"),
        ({"CUDA_VISIBLE_DEVICES": "-1", "HIP_VISIBLE_DEVICES": "0"}, "works"),
        ({"ROCR_VISIBLE_DEVICES": "1"}, "works"),
        ({"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "1"}, "fails"),
        ({"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "0,1"}, "fails"),
        ({"ROCR_VISIBLE_DEVICES": "GPU-4b2c1a9f46bb75e2"}, "unknown"),
        ({"HSA_OVERRIDE_GFX_VERSION": "10.3.0"}, "unknown"),
    ],
)
def test_variables_that_hide_or_pretend(variables: dict[str, str], verdict: str) -> None:
    assert one(with_variables(**variables), count=2).verdict == verdict


def test_other_builds_and_machines_fail_first() -> None:
    assert one(ImageGpu(build="cuda", cuda="13.0", architectures=("sm_90",))).stage == "build"
    assert one(replace(IMAGE, build=Unknown("not read"))).verdict == "unknown"
    assert one(replace(IMAGE, architectures=Unknown("not read"))).verdict == "unknown"
    assert one(replace(IMAGE, architecture="aarch64")).stage == "import"
    found = predict(IMAGE, Host(name="host", driver="580.95.05", gpus=("A10",), injection="cdi"))[0]
    assert found.by_mode["cdi"].stage == "build"


def rocm_image(*names: str, more: str = "") -> ImageGpu | None:
    """What is found in an image whose rocBLAS has these files."""
    tree = slim(torch_rocm()) | {f"{SITE}/torch/lib/rocblas/library/{name}": b"x" for name in names}
    fs, config = rootfs_of(tree), config_of(env=ENV | ({"HIP_VISIBLE_DEVICES": more} if more else {}))
    interpreter, _ = find_interpreter(fs, config)
    installed, _ = find_distributions(fs, interpreter)
    torch, _, _ = find_torch(fs, config, interpreter, installed)
    return find_gpu(fs, config, torch, ())


def test_targets_stand_in_the_names_of_files() -> None:
    names = ("TensileLibrary_lazy_gfx90a.dat", "Kernels.so-000-gfx90a-xnack+.hsaco", "Kernels.so-000-gfx1100.hsaco")
    found = rocm_image(*names, "TensileManifest.txt", more="0")
    assert found is not None
    assert (found.build, found.architectures) == ("rocm", ("gfx1100", "gfx90a"))
    assert found.hip is not None
    assert found.environment == {"HIP_VISIBLE_DEVICES": "0"}
    assert serves(found) == "ROCm 6.4: gfx1100, gfx90a"


def test_without_any_the_targets_are_not_known() -> None:
    found = rocm_image()
    assert found is not None
    assert isinstance(found.architectures, Unknown)
    assert "GPUs unknown" in str(serves(found))


def test_only_so_many_targets_are_kept() -> None:
    tree = {f"t/lib/rocblas/library/a_gfx{at:04x}.dat": b"" for at in range(200)}
    assert len(targets_by_names(rootfs_of(tree), "/t")) == MAX_TARGETS
