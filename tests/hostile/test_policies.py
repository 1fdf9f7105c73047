"""Policies that crash or hold up who reads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import run
from tests.hostile.raw import BASE, Raw, docker_archive

KNOWN = {"name": "t:1", "dockerfile": "x", "torch_expected": False, "cuda_expected": None, "description": "api"}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image without torch."""
    return docker_archive(tmp_path_factory.mktemp("image") / "t.tar", Raw([BASE]))


def checked(text: str | bytes, name: str, image: Path, folder: Path) -> int:
    """The exit code with a policy; nothing but an error of ours may end it."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return run("check", "--no-cache", path, image).exit_code


@pytest.mark.parametrize("half", [r"\ud800", r"a\udfffb", r"\ud800\ud800", r"\udcff"])
@pytest.mark.parametrize("key", ["name", "dockerfile", "description", "cuda_expected"])
def test_half_a_character_in_a_value(key: str, half: str, image: Path, tmp_path: Path) -> None:
    text = json.dumps({"images": [{**KNOWN, key: "HALF"}]}).replace("HALF", half)
    assert checked(text, "roles.json", image, tmp_path) == 2


@pytest.mark.parametrize("half", [r"\ud800", r"torch_expected\udfff"])
def test_half_a_character_in_a_key(half: str, image: Path, tmp_path: Path) -> None:
    text = json.dumps({"images": [{**KNOWN, "HALF": 1}]}).replace("HALF", half)
    assert checked(text, "roles.json", image, tmp_path) == 2


@pytest.mark.parametrize(
    "text",
    [
        "[" * 50_000,
        '{"images":' * 5000,
        '{"images": [' + "{" * 50_000,
        json.dumps({"images": [{**KNOWN, "cuda_expected": 10**400}]}),
        '{"images": ' + "9" * 10_000 + "}",
        '{"images": [1e999]}',
        '{"images": NaN}',
        "\0",
        "\ufeff\ufeff{}",
        json.dumps({"images": [{**KNOWN, f"k{at}": 1} for at in range(1)]}),
    ],
    ids=range(10),
)
def test_json_that_is_no_policy(text: str, image: Path, tmp_path: Path) -> None:
    assert checked(text, "roles.json", image, tmp_path) == 2


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 5000,
        "a." * 5000 + "b = 1",
        "[roles." + "a." * 5000 + "b]",
        'roles = {a = {torch = "absent", match = ["' + "*a" * 3000 + '"]}}',
        "roles = 1e99999",
        'roles.a.torch = "\\ud800"',
        "roles.a.description = '''" + "\0" + "'''",
        "images = " + "9" * 10_000,
    ],
    ids=range(8),
)
def test_toml_that_is_no_policy(text: str, image: Path, tmp_path: Path) -> None:
    assert checked(text, "inspector.toml", image, tmp_path) in (2, 3)


def test_many_keys_are_compared_once(image: Path, tmp_path: Path) -> None:
    """A million bytes of keys: compared with each other, they would take minutes."""
    text = "{" + ",".join(f'"k{at}":1' for at in range(90_000)) + "}"
    assert checked(text, "roles.json", image, tmp_path) == 2
