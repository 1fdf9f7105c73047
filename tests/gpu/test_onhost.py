"""Predictions of a host's GPUs put together by cause."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inspector.gpu.compat import Compat
from inspector.gpu.hosts import Host
from inspector.gpu.image import Forced, ImageGpu
from inspector.gpu.onhost import MAX_REASONS, OnHost, on_host
from inspector.unknown import Unknown
from tests.effort import examples
from tests.gpu.test_cases import COMPAT_12_4, COMPAT_12_8, CU124, CU128, IMAGE_12_4, IMAGE_12_8, NOTE_13_1, image


def host(driver: str, *gpus: str, **more: str) -> Host:
    return Host(name="edge", driver=driver, gpus=gpus, **more)  # type: ignore[arg-type]


def stages(found: OnHost) -> list[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
    return [(each.verdict, each.stage, each.gpus, each.modes) for each in found.causes]


def test_alike_gpus_have_one_cause() -> None:
    found = on_host(image(), host("580.95.05", *["H100"] * 8))
    assert stages(found) == [("works", "works", ("H100",), ())]


def test_the_worst_gpu_counts_and_comes_first() -> None:
    found = on_host(image(), host("580.95.05", "A10", "V100", "Tesla P100"))
    assert found.verdict == "fails"
    assert stages(found) == [("fails", "code", ("V100", "Tesla P100"), ()), ("works", "works", ("A10",), ())]
    assert found.causes[0].reason.count("torch has no kernels") == 2
    assert found.causes[0].change == "install a torch that was built for it"


def test_of_gpus_that_differ_some_may_be_hidden() -> None:
    mixed = host("580.95.05", "A10", "V100")
    found = on_host(image(CUDA_VISIBLE_DEVICES="0"), mixed)
    assert stages(found) == [("unknown", "code", ("V100",), ()), ("works", "works", ("A10",), ())]
    assert on_host(image(CUDA_VISIBLE_DEVICES="0,1"), mixed).verdict == "fails"
    assert on_host(image(CUDA_VISIBLE_DEVICES="0"), host("580.95.05", "V100", "V100")).verdict == "fails"


def test_08_ways_of_injection_that_differ_are_both_told() -> None:
    based = image("12.4", CU124, COMPAT_12_4, env=IMAGE_12_4)
    found = on_host(based, host("545.23.08", "A10"))
    assert stages(found) == [("unknown", "injection", ("A10",), ())]
    assert "legacy: the start is refused" in found.causes[0].reason
    assert "cdi: CUDA 12.4 works on A10" in found.causes[0].reason
    assert found.causes[0].change.startswith("state `injection` in the profile of the host; use a newer driver")
    assert on_host(based, host("545.23.08", "A10", injection="cdi")).verdict == "works"


def test_23_ways_that_fail_differently_are_causes_of_their_own() -> None:
    based = image("12.8", CU128, COMPAT_12_8, env=IMAGE_12_8)
    found = on_host(based, host("535.183.01", "RTX 4050"))
    assert (found.verdict, [(each.stage, each.modes) for each in found.causes]) == (
        "fails",
        [("start", ("legacy",)), ("library", ("cdi",))],
    )


def test_many_models_are_told_as_some_and_a_number() -> None:
    old = ("GTX 750", "GTX 960", "P100", "P40", "V100", "TITAN V")
    (cause,) = on_host(image(), host("580.95.05", *old)).causes
    assert cause.reason.endswith(f"; and {len(old) - MAX_REASONS} more")
    assert cause.gpus == old


def test_a_host_without_gpus_is_unknown() -> None:
    assert on_host(image(), host("580.95.05")) == OnHost(host="edge", verdict="unknown", causes=())


TEXTS = st.sampled_from(
    ["", "0", "1", "all", "none", "void", "-1", "12.4", "13.0.1", "cu124", "\u0661", "9" * 40, "cuda>=99"]
)
VARIABLES = st.sampled_from(
    [
        *("NVIDIA_VISIBLE_DEVICES", "NVIDIA_REQUIRE_CUDA", "NVIDIA_REQUIRE_X", "NVIDIA_DRIVER_CAPABILITIES"),
        *("CUDA_VERSION", "CUDA_VISIBLE_DEVICES", "NVIDIA_DISABLE_REQUIRE", "PYTORCH_NVML_BASED_CUDA_CHECK"),
    ]
)
LIBRARIES = st.tuples(st.builds(Compat, st.just("/c/libcuda.so.1"), TEXTS, st.none() | st.just(NOTE_13_1)))
CODE = st.lists(st.sampled_from(["sm_80", "sm_90a", "compute_75", "gfx90a", "sm_", "\ud800"]), max_size=3).map(tuple)
IMAGES = st.builds(
    ImageGpu,
    build=st.sampled_from(["cuda", "cpu", "unknown", "npu"]) | st.just(Unknown("odd")),
    cuda=TEXTS | st.none() | st.just(Unknown("odd")),
    architectures=CODE | st.just(Unknown("odd")),
    linalg=CODE | st.none() | st.just(Unknown("odd")),
    compat=LIBRARIES | st.just(()),
    baked=st.sampled_from([(), ("/usr/lib/libcuda.so.590.1",), ("\n",)]),
    forced=st.none() | st.builds(Forced, st.just("/x"), TEXTS | st.none(), st.booleans()),
    environment=st.dictionaries(VARIABLES, TEXTS, max_size=4),
)
MACHINES = st.builds(
    Host,
    name=st.just("any"),
    driver=TEXTS | st.sampled_from(["470.1", "535.183.01", "580.95.05"]),
    gpus=st.lists(st.sampled_from(["T4", "RTX 4090", "RTX A6000", "V100", "Orin", "8.6", "?"]), max_size=3).map(tuple),
    injection=st.none() | st.sampled_from(["legacy", "cdi", "csv"]),
    toolkit=st.none() | TEXTS,
    flag=st.none() | st.sampled_from(["gpus", "runtime", "device", "none"]),
)


@examples(200)
@given(IMAGES, MACHINES)
def test_whatever_an_image_says_there_is_an_answer(read: ImageGpu, machine: Host) -> None:
    found = on_host(read, machine)
    assert set(found.causes and {gpu for cause in found.causes for gpu in cause.gpus}) == set(machine.gpus)
    assert found.verdict != "works" or all(cause.verdict == "works" for cause in found.causes)
    assert all(cause.reason for cause in found.causes)
    assert found.verdict != "works" or read.build == "cuda"
