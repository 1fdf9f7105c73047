"""The choice among platforms."""

from __future__ import annotations

import pytest

from inspector.errors import PlatformMissing
from inspector.oci import Platform
from inspector.sources import platforms
from inspector.sources.platforms import Wanted, choose, foreign, own_platform, same

AMD64 = Platform("linux", "amd64")
ARM64 = Platform("linux", "arm64", "v8")
ARMV6 = Platform("linux", "arm", "v6")
WINDOWS = Platform("windows", "amd64", os_version="10.0.1")


@pytest.fixture
def on_amd64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platforms, "_machine", lambda: "x86_64")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x86_64", "linux/amd64"),
        ("AMD64", "linux/amd64"),
        ("aarch64", "linux/arm64"),
        ("arm64", "linux/arm64"),
        ("armv7l", "linux/arm/v7"),
        ("i686", "linux/386"),
        ("s390x", "linux/s390x"),
    ],
)
def test_own_platform(name: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platforms, "_machine", lambda: name)
    assert str(own_platform()) == expected


def test_an_index_may_spell_a_platform_otherwise() -> None:
    assert same(ARM64, Platform("linux", "arm64"))
    assert same(Platform("linux", "x86_64"), AMD64)
    assert same(WINDOWS, Platform("windows", "amd64"))
    assert not same(AMD64, Platform("linux", "amd64", "v3"))


@pytest.mark.usefixtures("on_amd64")
@pytest.mark.parametrize(
    ("there", "wanted", "chosen"),
    [
        ([AMD64, ARM64], AMD64, [0]),
        ([AMD64, ARM64], ARM64, [1]),
        ([AMD64, ARM64], "all", [0, 1]),
        ([AMD64, ARM64], None, [0]),
        ([ARM64], None, [0]),
        ([ARM64, ARM64], None, [0, 1]),
        ([WINDOWS, AMD64], None, [1]),
    ],
)
def test_choice(there: list[Platform], wanted: Wanted, chosen: list[int]) -> None:
    assert choose([(platform, at) for at, platform in enumerate(there)], wanted, "here") == chosen


@pytest.mark.usefixtures("on_amd64")
@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        ([ARM64], AMD64),
        ([ARM64, ARMV6], None),
        ([ARMV6], Platform("linux", "arm", "v7")),  # which could run it, but is not it
        ([Platform("linux", "amd64", "v3")], AMD64),
        ([WINDOWS], AMD64),
    ],
)
def test_no_other_platform_is_taken_instead(there: list[Platform], wanted: Wanted) -> None:
    with pytest.raises(PlatformMissing, match=r"^here: no image for linux/\S+; it is for '") as raised:
        choose([(platform, platform) for platform in there], wanted, "here")
    assert all(str(platform.normal()) in str(raised.value) for platform in there)


@pytest.mark.usefixtures("on_amd64")
def test_an_image_for_another_machine_says_so() -> None:
    assert foreign(AMD64) == []
    assert foreign(ARM64) == ["the image is for linux/arm64/v8; this machine is linux/amd64"]
    assert foreign(Platform()) == ["the image is for no stated platform; this machine is linux/amd64"]
