"""Short names as Podman reads them: aliases, images built here, and the registries that are searched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inspector.sources.engine import podman_conf
from inspector.sources.engine.podman_conf import stands_for

HUB = "docker.io/library"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A user with a configuration of one's own; that of this machine does not count."""
    monkeypatch.setattr(podman_conf, "_MACHINE", tmp_path / "machine")
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    return {"HOME": str(tmp_path)}


def write(home: dict[str, str], name: str, content: str) -> Path:
    """Write a file below the folder of the user's configuration."""
    path = Path(home["HOME"]) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_without_any_setting_names_are_built_here_or_of_docker_hub(home: dict[str, str]) -> None:
    assert stands_for("api", home) == ["localhost/api:latest", f"{HUB}/api:latest"]
    assert stands_for("ghcr.io/a/b:1", home) == ["ghcr.io/a/b:1"]


def test_an_alias_goes_first_and_keeps_the_tag(home: dict[str, str]) -> None:
    write(
        home, ".config/containers/registries.conf.d/a.conf", '[aliases]\n"api" = "quay.io/team/api"\n"x/y" = "q.io/z"\n'
    )
    assert stands_for("api:2", home)[0] == "quay.io/team/api:2"
    assert stands_for("x/y", home)[0] == "q.io/z:latest"
    digest = "sha256:" + "a" * 64
    assert stands_for(f"api@{digest}", home)[0] == f"quay.io/team/api@{digest}"
    assert stands_for("quay.io/api", home) == ["quay.io/api:latest"]


def test_registries_that_are_searched_go_before_docker_hub(home: dict[str, str]) -> None:
    write(home, ".config/containers/registries.conf", 'unqualified-search-registries = ["r.example:5000", "q.io"]\n')
    assert stands_for("api", home) == [
        "localhost/api:latest",
        "r.example:5000/api:latest",
        "q.io/api:latest",
        f"{HUB}/api:latest",
    ]


def test_later_files_replace_and_an_empty_alias_takes_one_away(home: dict[str, str]) -> None:
    write(home, "machine/registries.conf", 'unqualified-search-registries = ["m.io"]\n[aliases]\n"a" = "m.io/a"\n')
    write(home, "machine/registries.conf.d/1.conf", '[aliases]\n"b" = "m.io/b"\n')
    write(home, ".config/containers/registries.conf.d/1.conf", '[aliases]\n"a" = ""\n"b" = "u.io/b"\n')
    assert stands_for("a", home)[0] == "localhost/a:latest"
    assert stands_for("b", home)[0] == "u.io/b:latest"
    write(home, ".cache/containers/short-name-aliases.conf", '[aliases]\n"b" = "chosen.io/b"\n')
    assert stands_for("b", home)[0] == "chosen.io/b:latest"


def test_a_file_that_is_named_stands_alone(home: dict[str, str]) -> None:
    write(home, ".config/containers/registries.conf", '[aliases]\n"a" = "u.io/a"\n')
    path = write(home, "other.conf", '[aliases]\n"a" = "o.io/a"\n')
    assert stands_for("a", {**home, "CONTAINERS_REGISTRIES_CONF": str(path)})[0] == "o.io/a:latest"


@pytest.mark.parametrize(
    "content", ["[aliases", "aliases = 3\n", '[aliases]\n"a" = 3\n', "unqualified-search-registries = 3\n"]
)
def test_a_broken_file_changes_nothing(content: str, home: dict[str, str]) -> None:
    write(home, ".config/containers/registries.conf", content)
    assert stands_for("a", home) == ["localhost/a:latest", f"{HUB}/a:latest"]
