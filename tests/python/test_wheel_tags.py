"""Wheel tags against the image's interpreter and C library."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import distribution

import pytest

from inspector.python.model import Libc
from inspector.python.wheel_tags import glibc_needed, misfit, parse_tags, platforms
from tests.python.asking import interpreter

MUSL = Libc("musl", "1.2.5")


@pytest.mark.parametrize(
    ("tag", "fits"),
    [
        ("cp311-cp311-manylinux_2_28_x86_64", True),
        ("cp311-cp311-manylinux2014_x86_64", True),
        ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", True),
        ("cp311-cp311-linux_x86_64", True),
        ("cp311-none-any", True),
        ("py3-none-any", True),
        ("py2.py3-none-manylinux_2_27_x86_64", True),
        ("cp39-abi3-manylinux_2_17_x86_64", True),
        ("cp312-cp312-manylinux_2_28_x86_64", False),
        ("cp311-cp311-manylinux_2_28_aarch64", False),
        ("cp311-cp311-manylinux_2_40_x86_64", False),
        ("cp311-cp311-musllinux_1_2_x86_64", False),
        ("cp311-cp311-macosx_11_0_arm64", False),
        ("cp311-cp311t-manylinux_2_28_x86_64", False),
    ],
)
def test_tags_on_debian_12(tag: str, *, fits: bool) -> None:
    reason = misfit([tag], interpreter())
    assert (reason is None) is fits
    assert reason is None or repr(tag) in reason


def test_tags_on_musl() -> None:
    python = interpreter(libc=MUSL)
    assert misfit(["cp311-cp311-musllinux_1_2_x86_64"], python) is None
    assert "musl" in (misfit(["cp311-cp311-manylinux_2_17_x86_64"], python) or "")


def test_free_threads_have_an_abi_of_their_own() -> None:
    python = interpreter(version="3.13.1", abi="cp313t")
    assert misfit(["cp313-cp313t-manylinux_2_28_x86_64"], python) is None
    assert misfit(["cp313-cp313-manylinux_2_28_x86_64"], python) is not None


def test_what_can_t_be_told_is_no_misfit() -> None:
    tag = ["cp399-cp399-linux_s390x"]
    for python in (interpreter(libc=None), interpreter(machine=None), interpreter(abi=""), interpreter(version="x")):
        assert misfit(tag, python) is None
    assert misfit([], interpreter()) is None


def test_the_wheel_file() -> None:
    text = "Wheel-Version: 1.0\nTag: a-b-c\nTag:  d-e-f \nTag: bad\nTag: " + "x." * 400 + "-b-c\ntag: g-h-i\n"
    assert parse_tags(text) == ("a-b-c", "d-e-f", "g-h-i")


@pytest.mark.parametrize(
    ("tags", "needed"),
    [
        (["a-b-manylinux_2_28_x86_64"], (2, 28)),
        (["a-b-manylinux_2_17_x86_64.manylinux2014_x86_64"], (2, 17)),
        (["a-b-manylinux1_x86_64"], (2, 5)),
        (["a-b-manylinux_2_28_x86_64", "a-b-linux_x86_64"], None),
        (["a-b-linux_x86_64"], None),
        ([], None),
    ],
)
def test_the_glibc_that_tags_ask_for(tags: list[str], needed: tuple[int, int] | None) -> None:
    assert glibc_needed(tags) == needed


def test_platforms_of_a_libc_of_unknown_version_are_all() -> None:
    assert "manylinux_2_40_x86_64" in set(platforms(Libc("glibc"), "x86_64"))
    assert "musllinux_1_2_x86_64" in set(platforms(Libc("musl"), "x86_64"))


@pytest.mark.skipif(sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="a wheel of this machine's")
def test_a_wheel_installed_here_fits_here() -> None:
    tags = parse_tags(distribution("msgspec").read_text("WHEEL") or "")
    version = ".".join(str(part) for part in sys.version_info[:3])
    abi = f"cp{sys.version_info.major}{sys.version_info.minor}{sys.abiflags}"
    libc = Libc("glibc", platform.libc_ver()[1])
    assert misfit(tags, interpreter(version=version, abi=abi, machine=platform.machine(), libc=libc)) is None
