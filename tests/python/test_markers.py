"""Markers in the forms that tools write, as `packaging` decides on them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import InvalidMarker, Marker

from inspector.python.markers import is_common, marker_holds
from inspector.python.requirements import marker_environment
from tests.python.asking import interpreter

TERMS = [
    *('python_version < "3.9"', "python_full_version>='3.11.9'", "os_name == 'posix'", "sys_platform != 'linux'"),
    *("extra == 'A_b'", "platform_machine=='x86_64'", "implementation_name == 'cpython'", "platform_release == ''"),
    *("'x' == extra", "python_version in '3.11'", "os_name == 'v1'", "python_version >= '3.9.*'"),
]
WORDS = st.sampled_from([*TERMS[:7], *TERMS, "and", "or", "(", ")", " ", "andos_name == 'nt'"])
TREES = st.recursive(
    st.sampled_from(TERMS[:7]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" and ", " or ", "\tand "]), inner).map("".join),
        inner.map(lambda text: f"( {text})"),
    ),
    max_leaves=8,
)


def _expected(marker: str, environment: dict[str, str]) -> bool | None:
    try:
        return Marker(marker).evaluate({**environment})
    except InvalidMarker:
        return None


@pytest.mark.parametrize("extra", ["", "a-b"])
@given(st.one_of(TREES, st.lists(WORDS, max_size=9).map("".join)))
def test_what_is_decided_is_what_packaging_says(extra: str, marker: str) -> None:
    environment = {**marker_environment(interpreter(version="3.11.9")), "extra": extra}
    holds = marker_holds(marker, environment)
    assert holds is None or holds == _expected(marker, environment)


@given(TREES)
def test_the_forms_that_tools_write_are_all_decided(marker: str) -> None:
    assert is_common(marker)


def test_a_version_that_is_no_plain_release_is_left_to_packaging() -> None:
    assert marker_holds("python_version < '3.9'", {"python_version": "3.9rc1"}) is None


def test_what_is_deep_is_read_without_recursion() -> None:
    assert marker_holds("(" * 5000 + "os_name == 'nt'" + ")" * 5000, {"os_name": "nt"}) is True
