"""What a difference tells of packages, of torch's build, and of the conditions under which it fails."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from inspector.facts import ImageFacts, Size
from inspector.gpu.compat import Compat
from inspector.gpu.image import ImageGpu
from inspector.report.conditions import judged, outcome_of, parse_condition
from inspector.report.diff import render_diff
from inspector.report.diff_markdown import render_diff as render_markdown
from inspector.report.difference import difference
from inspector.unknown import Unknown
from tests.factories import digest, distribution
from tests.report import samples

CPU, GPU = (samples.facts_of(samples.four_roles())[at] for at in (1, 3))


def with_packages(facts: ImageFacts, *packages: tuple[str, str, int | None, int]) -> ImageFacts:
    """The image with these distributions: name, version, size and layer."""
    return replace(facts, distributions=tuple(distribution(*each) for each in packages))


def changes(before: ImageFacts, after: ImageFacts) -> dict[str, str]:
    """What of each package differs."""
    return {each.name: each.change for each in difference(before, after).packages}


def test_packages_of_equal_version_are_told_where_their_size_differs() -> None:
    before = with_packages(CPU, ("numpy", "2.4.2", 1_000, 3), ("pandas", "3.0.1", 500, 3), ("Foo.Bar", "1", 1, 3))
    after = with_packages(CPU, ("numpy", "2.4.2", 1_400, 3), ("pandas", "3.0.1", 500, 3), ("foo-bar", "2", 1, 3))
    assert changes(before, after) == {"foo-bar": "version", "numpy": "size"}
    assert "numpy    2.4.2, 1.00 kB → 1.40 kB  +400 B" in render_diff(difference(before, after), width=100)


def test_packages_in_another_layer_are_told_in_one_line() -> None:
    layers = (*CPU.layers[:3], replace(CPU.layers[3], diff_id=digest(0xABC)), CPU.layers[4])
    found = difference(CPU, replace(CPU, layers=layers))
    assert {each.change for each in found.packages} == {"layer"}
    assert (found.packages[0].layer_before, found.packages[0].layer_after) == (digest(4), digest(0xABC))
    for text in (render_diff(found, width=100), render_markdown(found)):
        assert "of equal version and size, in another layer: fastapi, numpy, pandas, torch" in text


@pytest.mark.parametrize("sizes", [(None, 5), (5, None), (None, None)])
def test_a_size_that_is_not_known_is_no_change(sizes: tuple[int | None, int | None]) -> None:
    before, after = (with_packages(CPU, ("numpy", "2.4.2", size, 3)) for size in sizes)
    assert changes(before, after) == {}


def test_the_build_is_one_line() -> None:
    found = difference(CPU, GPU)
    assert "torch.build        CPU         →  CUDA 13.0  +4.10 GB" in render_diff(found, width=100)
    assert "| torch.build | CPU | CUDA 13.0 | +4.10 GB |" in render_markdown(found)
    assert "torch.cuda" in {each.field for each in found.changed}, "documents have each field"


@pytest.mark.parametrize(
    ("condition", "before", "after", "outcome"),
    [
        ("growth", CPU, CPU, "pass"),
        ("growth", CPU, GPU, "fail"),
        ("growth=500%", CPU, GPU, "fail"),  # torch's stack, by 559 %
        ("growth=560%", CPU, GPU, "pass"),
        ("growth=5 GB", CPU, GPU, "pass"),
        ("growth=1 GB", CPU, GPU, "fail"),
        ("growth", GPU, CPU, "pass"),
        ("growth", replace(CPU, size=Size(None, None)), CPU, "unknown"),
        ("growth", replace(CPU, size=Size(0, None)), CPU, "fail"),
        ("build", CPU, GPU, "fail"),
        ("build", GPU, replace(GPU, torch=replace(GPU.torch, cuda="12.6")), "fail"),
        ("build", GPU, replace(GPU, torch=replace(GPU.torch, build="unknown")), "unknown"),
        ("python", CPU, replace(CPU, interpreter=samples.interpreter(version="3.11.9")), "pass"),
        ("python", CPU, replace(CPU, interpreter=samples.interpreter(version="3.12.1")), "fail"),
        ("python", CPU, replace(CPU, interpreter=Unknown("a script")), "unknown"),
        ("python", CPU, replace(samples.no_python(), torch=CPU.torch), "fail"),
        ("added", CPU, with_packages(CPU, ("numpy", "2.4.2", 1, 3)), "pass"),
        ("added", with_packages(CPU, ("numpy", "2.4.2", 1, 3)), CPU, "fail"),
        ("removed", CPU, with_packages(CPU, ("numpy", "2.4.2", 1, 3)), "fail"),
        ("version", CPU, GPU, "fail"),
        ("added", CPU, replace(CPU, distributions=Unknown("single files")), "unknown"),
        ("any", CPU, CPU, "pass"),
        ("any", CPU, GPU, "fail"),
        ("any", CPU, replace(CPU, torch_elsewhere=Unknown("single files")), "unknown"),
    ],
)
def test_conditions(condition: str, before: ImageFacts, after: ImageFacts, outcome: str) -> None:
    found = judged(difference(before, after), [parse_condition(condition)])
    assert outcome_of(found) == outcome, found.findings


def test_a_difference_of_which_nothing_is_asked_passes() -> None:
    assert outcome_of(judged(difference(CPU, GPU), [])) == "pass"


def test_little_growth_of_a_small_image_is_none() -> None:
    small, larger = (replace(CPU, size=Size(size, None)) for size in (10_000, 900_000))
    assert outcome_of(judged(difference(small, larger), [parse_condition("growth")])) == "pass"


@pytest.mark.parametrize("text", ["", "grow", "growth=", "growth=5", "growth=-1%", "build=5%", "growth=5 parsecs"])
def test_no_condition(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a condition|no growth"):
        parse_condition(text)


CU130 = ImageGpu(build="cuda", cuda="13.0", architectures=("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"))
SINCE_MAXWELL = ("sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90")
CU124 = ImageGpu(build="cuda", cuda="12.4", architectures=SINCE_MAXWELL)


def test_gpus_and_drivers_that_are_gained_and_lost() -> None:
    compat = Compat("/usr/local/cuda/compat/libcuda.so.590.44.01", "590.44.01")
    found = difference(replace(GPU, gpu=CU124), replace(GPU, gpu=replace(CU130, compat=(compat,))))
    assert found.gpus_gained == ("B200", "B300", "RTX 50", "GB10")
    assert found.gpus_lost == ("GTX 750", "M60", "P100", "GTX 10", "V100")
    fields = {each.field: (each.before, each.after) for each in found.changed}
    assert fields == {"gpu.driver": ("525.60.13", "580.65.06"), "gpu.compat": (None, "590.44.01")}
    for text in (render_diff(found, width=120), render_markdown(found)):
        assert "lost GTX 750, M60, P100, GTX 10, V100" in text
        assert "gained B200, B300, RTX 50, GB10" in text
    kinds = [(row["name"], row["before"]) for row in found.records() if row["kind"] == "gpu"]
    assert (len(kinds), kinds[0], kinds[-1]) == (9, ("B200", None), ("V100", "there"))


def test_a_build_without_cuda_has_no_gpus() -> None:
    found = difference(CPU, replace(GPU, gpu=CU130))
    assert (len(found.gpus_gained), found.gpus_lost) == (9, ())
    assert difference(CPU, CPU).equal


def test_code_alone_may_differ() -> None:
    found = difference(replace(GPU, gpu=CU130), replace(GPU, gpu=replace(CU130, architectures=("sm_90",))))
    assert (found.equal, found.changed, found.gpus_lost[0]) == (False, (), "T4")
    assert "lost T4" in render_diff(found, width=120)
    assert "lost T4" in render_markdown(found)


@pytest.mark.parametrize("field", ["build", "cuda", "architectures"])
def test_gpus_that_are_not_known_are_not_compared(field: str) -> None:
    found = difference(replace(GPU, gpu=CU130), replace(GPU, gpu=replace(CU130, **{field: Unknown("odd")})))
    assert "gpus" in found.not_compared
    assert not found.equal
