"""Requirements that hold on the image's platform, and what follows from them."""

from __future__ import annotations

import sys
from importlib.metadata import distributions

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

from inspector.python.installed import Installed
from inspector.python.metadata import canonical
from inspector.python.requirements import Requirements, marker_environment, satisfies
from inspector.work import Budget
from tests.python.asking import interpreter


def dist(name: str, *requires: str) -> Installed:
    return Installed(name=name, version="1", path="/x", site="/", layer=0, requires=requires)


def closure(*dists: Installed, machine: str = "x86_64", version: str = "3.11.9") -> set[str]:
    graph = Requirements(dists, interpreter(machine=machine, version=version), Budget())
    return set(graph.closure(dists[:1]))


def test_the_closure_follows_what_is_installed_and_names_what_is_not() -> None:
    assert closure(dist("a", "B.b>=1", "gone"), dist("b_b", "c (==1)"), dist("c", "a"), dist("z")) == {
        *("a", "b-b", "c", "gone"),
    }


def test_markers_are_those_of_the_image_not_of_this_machine() -> None:
    assert closure(dist("a", 'b; platform_machine == "x86_64"', 'c; platform_machine == "aarch64"')) == {"b"}
    assert closure(dist("a", 'b; platform_machine == "x86_64"'), machine="aarch64") == set()
    assert closure(dist("a", 'b; python_version < "3.9"', 'c; python_full_version >= "3.8.1"'), version="3.8.18") == {
        *("b", "c"),
    }
    assert closure(dist("a", 'b; sys_platform == "win32"', 'c; platform_system == "Linux"', "d; os_name=='nt'")) == {
        "c"
    }


def test_extras_count_only_where_asked_for() -> None:
    toolkit = dist("toolkit", "lib; extra == 'cublas'", "rt; (os_name == 'posix') and extra == 'cudart'", "base")
    assert closure(dist("a", "toolkit"), toolkit) == {"toolkit", "base"}
    assert closure(dist("a", "toolkit[cudart,CuBLAS]"), toolkit) == {"toolkit", "base", "lib", "rt"}


@pytest.mark.parametrize(
    "text",
    [
        "b",
        "b>=1,<2",
        "b (>=1)",
        "b; extra == 'x'",
        "b; extra == 'x' or os_name == 'posix'",
        "b; os_name == 'nt' and extra == 'x' or os_name == 'posix'",
        "b; os_name == 'posix' or os_name == 'nt' and extra == 'x'",
        "b; (os_name == 'posix' or os_name == 'nt') and extra == 'x'",
        "b; os_name == 'nt' and extra == 'x'",
        "b; (extra == 'x')",
        "b; extra != 'x'",
        'b[c]; extra == "x"',
        "b; 'x' == extra",
        "b @ https://example.org/b.whl",
        "b; python_version >= '3.0' and (extra == 'x')",
        "b; (python_version >= '3.0' and extra == 'x')",
        "b; extra == 'X'",
    ],
)
@pytest.mark.parametrize("extra", ["", "x"])
def test_short_cuts_decide_as_the_whole_parser_does(text: str, extra: str) -> None:
    python = interpreter()
    graph = Requirements([], python, Budget())
    requirement = Requirement(text)
    holds = requirement.marker is None or requirement.marker.evaluate({**marker_environment(python), "extra": extra})
    expected = ["b"] if holds and not (extra and requirement.marker is None) else []
    assert [name for name, _ in graph.of(dist("a", text), extra)] == expected


REAL = sorted({text for found in distributions() for text in found.requires or ()})
"""What the distributions that these tests run with require: hundreds of lines, by many tools."""
TORCH = (
    'cuda-toolkit[cublas,cudart, nvtx]==13.0.3; platform_system == "Linux"',
    (
        "nvidia-cublas==13.1.1.3.*; (sys_platform == 'linux' and platform_machine == 'aarch64' "
        "or sys_platform == 'linux' and platform_machine == 'x86_64' or sys_platform == 'win32') and extra == 'cublas'"
    ),
    'triton==3.7.1; platform_system == "Linux" and python_version < "3.15"',
    "typing-extensions (>=4.8)",
    'pytorch-triton-rocm (==2.1.0) ; platform_system == "Linux" and (python_version != "3.9")',
)


@pytest.mark.parametrize("version", ["3.8.18", "3.11.9", "3.13.1"])
def test_common_forms_are_decided_on_as_packaging_does(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    python = interpreter(version=version)
    environment = marker_environment(python)
    expected: dict[tuple[str, str], tuple[tuple[str, frozenset[str]], ...]] = {}
    for text in (*REAL, *TORCH):
        requirement = Requirement(text)
        extra = text.partition("extra == ")[2].strip("'\") ").strip('"')
        holds = requirement.marker is None or requirement.marker.evaluate({**environment, "extra": extra})
        extras = frozenset(canonical(each) for each in requirement.extras)
        asked = holds and (not extra or requirement.marker)
        expected[text, canonical(extra)] = ((canonical(requirement.name), extras),) if asked else ()
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    left = 0
    for (text, extra), known in expected.items():
        try:
            assert Requirements([], python, Budget()).of(dist("a", text), extra) == known, text
        except ImportError:
            assert text not in TORCH
            left += 1
    assert left < len(REAL) / 10


@pytest.mark.parametrize("version", ["1.2.3", "3.7.1", "4.8", "13.1.1.3", "2.0+cu118", "4.8rc1", "none"])
def test_a_version_satisfies_what_packaging_says(version: str) -> None:
    wrong = ("b ==1; nonsense == '1'", "b >=1; (os_name == 'nt'", "b >=1,", "b >=1; os_name == 'nt' and", "b[ ]>=1; )")
    for text in (*TORCH, "b", "b ~=3.0", "b >=1; extra == 'x'", *wrong):
        try:
            fits = Requirement(text).specifier.contains(version, prereleases=True)
        except ValueError:
            fits = False
        assert satisfies(version, text) == fits, text


def test_every_variable_is_the_image_s() -> None:
    assert set(marker_environment(interpreter())) == set(default_environment())


@pytest.mark.parametrize(
    "text", ["", ";", "b; " + "(" * 2000, "b; nonsense == '1'", "b >>> 1; x", "\ud800", "b[", "[b]"]
)
def test_what_is_no_requirement_requires_nothing(text: str) -> None:
    assert Requirements([], interpreter(), Budget()).of(dist("a", text)) == ()
