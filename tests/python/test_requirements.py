"""Requirements that hold on the image's platform, and what follows from them."""

from __future__ import annotations

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

from inspector.python.installed import Installed
from inspector.python.requirements import Requirements, marker_environment
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


def test_every_variable_is_the_image_s() -> None:
    assert set(marker_environment(interpreter())) == set(default_environment())


@pytest.mark.parametrize(
    "text", ["", ";", "b; " + "(" * 2000, "b; nonsense == '1'", "b >>> 1; x", "\ud800", "b[", "[b]"]
)
def test_what_is_no_requirement_requires_nothing(text: str) -> None:
    assert Requirements([], interpreter(), Budget()).of(dist("a", text)) == ()
