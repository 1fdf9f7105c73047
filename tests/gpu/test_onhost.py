"""Predictions of a host's GPUs put together by cause."""

from __future__ import annotations

from inspector.gpu.hosts import Host
from inspector.gpu.onhost import MAX_REASONS, OnHost, on_host
from tests.gpu.test_cases import COMPAT_12_4, COMPAT_12_8, CU124, CU128, IMAGE_12_4, IMAGE_12_8, image


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
