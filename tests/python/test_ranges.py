"""Plain versions against plain ranges, as `packaging` decides on them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from inspector.python.ranges import is_plain, is_range, plain_release, plainly_within

NUMBERS = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
PARTS = st.tuples(st.sampled_from([">=", "<=", "==", "!=", "<", ">", "~="]), st.sampled_from(["", " "]), NUMBERS)
RANGES = st.lists(PARTS.map("".join), min_size=1, max_size=3).map(",".join)
VERSIONS = st.tuples(NUMBERS, st.sampled_from(["", "+cu124", "+cpu.1", "rc1", ".post1", ".dev0"])).map("".join)


@given(VERSIONS, RANGES)
def test_what_is_decided_is_what_packaging_says(version: str, wanted: str) -> None:
    found = plainly_within(version, wanted)
    if found is None:
        assert "~=" in wanted or not version.partition("+")[0].replace(".", "").isdigit()
    else:
        assert found == SpecifierSet(wanted).contains(version, prereleases=True)


@given(VERSIONS)
def test_a_plain_release_is_the_public_version(version: str) -> None:
    release = plain_release(version)
    assert release is None or release == Version(version).public


def test_what_is_not_plain_is_left_to_packaging() -> None:
    for version in ("", "2", "2.06", "1!2", "v2", "2.0.0.0.0.0.0", "2+CU124", "\u0662", "2\n", "2" * 10):
        release = plain_release(version)
        assert release is None or release == Version(version).public
    for wanted in ("", ">=2,", "==2.*", "~=2.1", ">=2rc1", "===2", "=>2", ">=2;", ">=v2", ">=2\n<3"):
        assert not is_plain(wanted)


@given(RANGES, st.sampled_from(["", ".*", ".0", "rc1", " "]), st.sampled_from(["", ",", ",>=1", ",~=2.1", ",~=2"]))
def test_what_is_taken_for_a_range_is_one(wanted: str, end: str, more: str) -> None:
    text = f"{wanted}{end}{more}"
    if is_range(text):
        SpecifierSet(text)
    else:
        assert "rc1" in text or text.endswith(",") or "~=" in text or ".*" in text
