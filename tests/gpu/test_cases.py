"""Images and hosts whose answer is known, from public reports, the toolkit's sources and runs on real GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from inspector.gpu.compat import Compat, Note
from inspector.gpu.hosts import Flag, Host, Mode
from inspector.gpu.image import Forced, ImageGpu
from inspector.gpu.predict import predict
from inspector.gpu.prediction import Prediction

PYPI = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120")
"""What PyPI's torch 2.14.1+cu130 has code for."""
CU124 = ("sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90")
CU128 = ("sm_70", "sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120")
CU117 = ("sm_37", "sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86")
ARM = ("sm_80", "sm_90", "sm_100", "sm_110", "sm_120")

SERVERS = ("unknown", "grid", "tesla", "nvidia", "quadro", "quadrortx", "nvidiartx", "vapps", "vpc", "vcs", "vws")
ALL = ("tesla", "unknown", "nvidia", "nvidiartx", "geforce", "geforcertx", "quadro", "quadrortx", "titan", "titanrtx")


def official(cuda: str, brands: tuple[str, ...], branches: tuple[int, ...]) -> str:
    """Return the requirement of an official CUDA image: its own CUDA, or one of these brands and driver branches."""
    older = [f"brand={brand},driver>={n},driver<{n + 1}" for brand in brands for n in branches]
    return " ".join([f"cuda>={cuda}", *older])


IMAGE_12_4 = {"NVIDIA_REQUIRE_CUDA": official("12.4", ALL, (470, 525, 535)), "CUDA_VERSION": "12.4.1"}
IMAGE_12_8 = {"NVIDIA_REQUIRE_CUDA": official("12.8", SERVERS, (470, 525, 535, 550, 560, 565)), "CUDA_VERSION": "12.8"}
IMAGE_13_1 = {"NVIDIA_REQUIRE_CUDA": official("13.1", SERVERS, (535, 550, 570, 575, 580)), "CUDA_VERSION": "13.1.0"}
NOTE_13_1 = Note(cuda="13.1", driver=(535, 550, 570, 575, 580, 590), device=(1, 2, *range(7, 15)))
COMPAT_13_1 = (Compat("/usr/local/cuda/compat/libcuda.so.590.44.01", "590.44.01", NOTE_13_1),)
COMPAT_12_4 = (Compat("/usr/local/cuda/compat/libcuda.so.550.54.15", "550.54.15"),)
COMPAT_12_8 = (Compat("/usr/local/cuda/compat/libcuda.so.570.86.10", "570.86.10"),)


def image(  # noqa: PLR0913 - an image has many sides
    cuda: str = "13.0",
    code: tuple[str, ...] = PYPI,
    compat: tuple[Compat, ...] = (),
    *,
    build: str = "cuda",
    architecture: str = "x86_64",
    forced: Forced | None = None,
    baked: tuple[str, ...] = (),
    linalg: tuple[str, ...] | None = None,
    env: Mapping[str, str] = MappingProxyType({}),
    **more: str,
) -> ImageGpu:
    """Describe an image; without arguments, a slim one with PyPI's torch 2.14.1."""
    return ImageGpu(
        build=build,
        cuda=cuda if build == "cuda" else None,
        architectures=code,
        architecture=architecture,
        compat=compat,
        forced=forced,
        baked=baked,
        linalg=linalg,
        environment={**env, **more},
    )


def one(  # noqa: PLR0913 - a host has many sides
    what: ImageGpu,
    driver: str,
    gpu: str,
    mode: Mode | None = None,
    *,
    flag: Flag | None = None,
    toolkit: str | None = None,
    architecture: str = "x86_64",
    count: int = 1,
) -> Prediction:
    """Predict for one GPU of a host, where all ways of injection that are possible agree."""
    host = Host(
        name="host", driver=driver, gpus=(gpu,) * count, injection=mode, flag=flag, toolkit=toolkit,
        architecture=architecture,
    )  # fmt: skip
    found = predict(what, host)[0]
    answers = {(each.verdict, each.stage, each.available): each for each in found.by_mode.values()}
    assert len(answers) == 1, answers
    return next(iter(answers.values()))


def test_01_a_t4_with_the_own_driver_works() -> None:
    assert one(image(), "580.95.05", "T4", flag="gpus").verdict == "works"


def test_01_magma_has_a_list_of_its_own() -> None:
    linalg = ("sm_80", "sm_86", "sm_90", "sm_100", "sm_120")
    found = {gpu: one(image(linalg=linalg), "580.95.05", gpu).notes for gpu in ("T4", "A10")}
    assert (len(found["T4"]), found["A10"]) == (1, ())
    assert one(image(linalg=None), "580.95.05", "T4").notes == ()


def test_02_a_driver_of_another_major_version_is_too_old() -> None:
    found = one(image(), "570.86.15", "H100", "cdi")
    assert (found.verdict, found.stage, found.available) == ("fails", "driver", False)


def test_03_counting_by_nvml_does_not_make_it_work() -> None:
    found = one(image(PYTORCH_NVML_BASED_CUDA_CHECK="1"), "570.86.15", "H100", "cdi")
    assert (found.verdict, found.available, len(found.notes)) == ("fails", True, 1)


def test_04_a_compat_library_makes_up_for_an_older_driver() -> None:
    based = image(compat=COMPAT_13_1, env=IMAGE_13_1)
    assert one(based, "570.86.15", "H100", "cdi", toolkit="1.20.0").verdict == "works"


def test_05_a_driver_that_the_note_does_not_list_stays() -> None:
    based = image(compat=COMPAT_13_1, env=IMAGE_13_1)
    assert one(based, "565.57.01", "H100", "cdi", toolkit="1.20.0").stage == "driver"
    assert one(based, "565.57.01", "H100", "legacy").stage == "start"


@pytest.mark.parametrize("driver", ["570.86.15", "580.95.05"], ids=["06", "07"])
def test_geforce_is_refused_or_does_not_allow_the_compat_library(driver: str) -> None:
    based = image(compat=COMPAT_13_1, env=IMAGE_13_1)
    assert one(based, driver, "RTX 4090", "legacy").stage == "start"
    found = one(based, driver, "RTX 4090", "cdi", toolkit="1.20.0")
    assert (found.stage, found.available) == ("library", False)
    assert "804" in found.reason


def test_07_without_the_base_image_it_works() -> None:
    assert one(image(), "580.95.05", "RTX 4090").verdict == "works"


def test_08_a_branch_that_the_image_leaves_out() -> None:
    based = image("12.4", CU124, COMPAT_12_4, env=IMAGE_12_4)
    assert one(based, "545.23.08", "A10", "legacy").stage == "start"
    assert one(based, "545.23.08", "A10", "cdi").verdict == "works"


@pytest.mark.parametrize(("value", "stage"), [("1", "works"), ("true", "works"), ("yes", "start"), ("", "start")])
def test_08_requirements_can_be_turned_off(value: str, stage: str) -> None:
    based = image("12.4", CU124, COMPAT_12_4, env=IMAGE_12_4, NVIDIA_DISABLE_REQUIRE=value)
    assert one(based, "545.23.08", "A10", "legacy").stage == stage


def test_09_geforce_that_may_start_fails_by_the_compat_library() -> None:
    found = one(image("12.4", CU124, COMPAT_12_4, env=IMAGE_12_4), "535.183.01", "RTX 3090", "legacy")
    assert (found.stage, found.available) == ("library", False)


def test_10_the_runtime_gives_a_plain_image_no_gpu() -> None:
    found = one(image(), "580.95.05", "A10", flag="runtime")
    assert (found.stage, found.available) == ("injection", False)
    assert one(image(), "580.95.05", "A10", flag="gpus").verdict == "works"
    assert one(image(NVIDIA_VISIBLE_DEVICES="all"), "580.95.05", "A10", flag="runtime").verdict == "works"
    assert one(image(NVIDIA_VISIBLE_DEVICES="none"), "580.95.05", "A10", flag="runtime").stage == "injection"
    assert one(image(NVIDIA_VISIBLE_DEVICES="all,void"), "580.95.05", "A10", flag="runtime").stage == "injection"


def test_10_without_a_flag_there_is_no_gpu() -> None:
    for mode in ("legacy", "cdi"):
        found = one(image(env=IMAGE_13_1), "560.35.03", "A10", mode, flag="none")
        assert (found.stage, found.available) == ("injection", False)


def test_11_a_legacy_image_requires_its_cuda() -> None:
    legacy = image(CUDA_VERSION="13.0")
    assert one(legacy, "570.86.15", "A10", flag="runtime", toolkit="1.17.0").stage == "start"
    assert one(legacy, "570.86.15", "A10", flag="runtime", toolkit="1.20.0").stage == "driver"
    assert one(image(CUDA_VERSION="cu130"), "580.95.05", "A10", "legacy").stage == "start"


def test_12_capabilities_of_the_driver() -> None:
    utility = image(NVIDIA_DRIVER_CAPABILITIES="utility")
    assert one(utility, "580.95.05", "A10", "legacy").stage == "injection"
    assert one(utility, "580.95.05", "A10", "cdi").verdict == "works"
    assert one(image(NVIDIA_DRIVER_CAPABILITIES="compute,gpu"), "580.95.05", "A10", "legacy").stage == "start"


@pytest.mark.parametrize(
    ("value", "stage"), [("", "hidden"), ("-1", "hidden"), ("all", "hidden"), ("0,0", "hidden"), ("0,-1,1", "works")]
)
def test_13_devices_that_cuda_hides(value: str, stage: str) -> None:
    assert one(image(CUDA_VISIBLE_DEVICES=value), "580.95.05", "A10", count=2).stage == stage


def test_14_volta() -> None:
    assert one(image("12.8", CU128), "535.183.01", "V100").verdict == "works"
    found = one(image(), "580.95.05", "V100")
    assert (found.verdict, found.stage, found.available) == ("fails", "code", True)
    assert one(image(), "590.44.01", "V100").stage == "host"


def test_15_code_of_an_older_cuda_on_a_newer_gpu() -> None:
    assert one(image("12.4", CU124), "570.86.15", "RTX 5090").stage == "code"
    assert one(image("11.7", CU117), "535.183.01", "H100").stage == "code"
    assert one(image("11.7", CU117), "535.183.01", "L4").verdict == "works"


def test_16_newer_gpus_of_a_known_family() -> None:
    assert one(image(), "580.95.05", "B300").verdict == "works"
    arm = image(code=ARM, architecture="aarch64")
    assert one(arm, "580.95.05", "GB10", architecture="aarch64").verdict == "works"


def test_17_arm() -> None:
    arm = image(code=ARM, architecture="aarch64")
    assert one(arm, "580.95.05", "GH200", architecture="aarch64").verdict == "works"
    assert one(arm, "580.95.05", "T4G", architecture="aarch64").stage == "code"
    assert one(arm, "580.95.05", "Orin", architecture="aarch64").verdict == "unknown"
    assert one(arm, "580.95.05", "A10").stage == "import"


def test_18_stubs() -> None:
    found = one(image(forced=Forced("/usr/local/cuda/lib64/stubs/libcuda.so.1", stub=True)), "580.95.05", "A10")
    assert (found.stage, found.available) == ("library", False)
    assert "34" in found.reason


def test_19_an_older_library_before_the_hosts() -> None:
    """As on the H100 of the recorded answers: also within one major version."""
    found = one(image(forced=Forced("/usr/local/cuda/compat/libcuda.so.1", "580.95.05")), "580.159.04", "H100")
    assert (found.stage, found.available) == ("library", False)
    assert "803" in found.reason


BAKED = ("/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1", "/usr/bin/nvidia-smi")


def test_19_driver_files_in_the_image_may_clash() -> None:
    for mode, refused in (("legacy", True), ("cdi", False)):
        found = one(image(baked=BAKED), "580.95.05", "A10", mode)  # type: ignore[arg-type]
        assert (found.verdict, found.path, len(found.notes)) == ("works", BAKED[0], 1)
        assert ("file exists" in found.notes[0]) is refused


def test_19_a_newer_libcuda_in_the_image_may_be_taken() -> None:
    library = "/usr/lib/x86_64-linux-gnu/libcuda.so.590.44.01"
    found = one(image(baked=(library,)), "580.95.05", "A10")
    assert (found.verdict, found.stage, found.path) == ("unknown", "library", library)
    assert one(image(baked=(library,)), "595.58.03", "A10").verdict == "works"


def test_a_newer_library_by_the_search_path_is_as_a_compat_library() -> None:
    """Data-centre GPUs take it; GeForce doesn't, and of workstation GPUs some."""
    newer = image(forced=Forced("/usr/local/cuda/compat/libcuda.so.1", "590.44.01"))
    verdicts = {gpu: one(newer, "570.86.15", gpu).verdict for gpu in ("H100", "RTX 4090", "RTX A6000")}
    assert verdicts == {"H100": "works", "RTX 4090": "fails", "RTX A6000": "unknown"}


def test_workstations_by_the_note_of_the_compat_library() -> None:
    based = image(compat=COMPAT_13_1, env=IMAGE_13_1)
    assert one(based, "570.86.15", "RTX A6000", "cdi", toolkit="1.20.0").verdict == "works"
    plain = image(compat=(Compat(COMPAT_13_1[0].path, "590.44.01"),))
    assert one(plain, "570.86.15", "RTX A6000", "cdi", toolkit="1.20.0").verdict == "unknown"


def test_an_older_compat_library_that_is_mounted_all_the_same() -> None:
    older = image(compat=COMPAT_12_4)
    assert one(older, "580.95.05", "A10", "legacy", toolkit="1.16.2").verdict == "unknown"


def test_requirements_are_bounded() -> None:
    assert one(image(NVIDIA_REQUIRE_CUDA="cuda>=99 " * 2000), "580.95.05", "A10", "legacy").verdict == "unknown"


def test_22_a_cpu_build_may_be_refused_too() -> None:
    based = image(build="cpu", env=IMAGE_13_1)
    assert one(based, "560.35.03", "A10", "legacy").stage == "start"
    assert one(based, "560.35.03", "A10", "cdi").available is False


def test_a_build_that_is_not_known_is_unknown() -> None:
    assert one(image(build="unknown"), "580.95.05", "A10").verdict == "unknown"
    assert one(image(build="rocm"), "580.95.05", "A10").reason == "torch is built for ROCm, not CUDA"


def test_23_ways_that_fail_for_different_reasons_fail() -> None:
    based = image("12.8", CU128, COMPAT_12_8, env=IMAGE_12_8)
    (found,) = predict(based, Host(name="laptop", driver="535.183.01", gpus=("RTX 4050",)))
    assert found.verdict == "fails"
    assert {mode: each.stage for mode, each in found.by_mode.items()} == {"legacy": "start", "cdi": "library"}
