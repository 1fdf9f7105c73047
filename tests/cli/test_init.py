"""`inspector init`, and the faults of a policy as people see them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from msgspec.structs import replace

from inspector.cli import init
from inspector.cli.dockerfiles import Dockerfiles
from inspector.cli.faults import marked
from inspector.cli.root import _guarded
from inspector.engine.model import ListedImage
from inspector.errors import Fault, Unreachable
from inspector.policy.load import load_policy
from inspector.sources.engine import open as opening
from tests.cli.program import run
from tests.policy.cases import IMAGE

RIGHT = ("backend-prod", "backend-dev", "worker-cpu", "worker-gpu")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_images_at_hand_pass_what_is_written(images: Path, here: Path) -> None:
    archives = [images / f"{name}.tar" for name in RIGHT]
    done = run("init", *archives)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "inspector.toml: 4 roles of 4 images; next: inspector check" in done.stderr
    for again in (run("check"), run("check", *archives), run("check", here / "inspector.toml", *archives)):
        assert again.exit_code == 0, again.output
    assert list(here.iterdir()) == [here / "inspector.toml"]


def test_paths_are_listed_as_the_policy_s_folder_sees_them(
    images: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "deploy").mkdir()
    monkeypatch.chdir(images)
    assert run("init", "worker-cpu.tar", "-o", here / "deploy" / "roles.toml").exit_code == 0
    monkeypatch.chdir(here)
    assert run("check", "deploy/roles.toml").exit_code == 0
    assert (
        f"inspector check {here / 'deploy' / 'roles.toml'}"
        in run("init", images / "worker-cpu.tar", "--force", "-o", here / "deploy" / "roles.toml").stderr
    )


def test_a_file_is_not_replaced_unless_forced(images: Path, here: Path) -> None:
    (here / "inspector.toml").write_text("mine")
    done = run("init", images / "worker-cpu.tar")
    assert done.exit_code == 2
    assert "--force replaces it" in done.stderr
    assert (here / "inspector.toml").read_text() == "mine"
    assert run("init", "--force", images / "worker-cpu.tar").exit_code == 0
    assert "worker-cpu" in (here / "inspector.toml").read_text()


def test_what_can_t_be_read_is_a_comment(images: Path, here: Path) -> None:
    done = run("init", images / "worker-cpu.tar", "none.tar", "-o", "-")
    assert done.exit_code == 0
    assert list(tomllib.loads(done.stdout)["roles"]) == ["ktrdr-worker-cpu"]
    assert "# none.tar: not read: " in done.stdout
    assert not list(here.iterdir())


def test_nothing_is_written_where_no_image_suits_a_role(here: Path) -> None:
    done = run("init", "none.tar")
    assert done.exit_code == 3
    assert "none.tar: not read" in done.stderr
    assert not list(here.iterdir())


class FakeEngine:
    """An engine that only lists."""

    def images(self) -> tuple[ListedImage, ...]:
        """See `Engine`."""
        named = [ListedImage(f"sha256:{at}", (f"i{at}:1",), (), created=at) for at in range(14)]
        return (*named, ListedImage("sha256:x", (), (), created=99))


@pytest.fixture
def podman_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Docker, and a Podman that lists."""

    def get(_self: object, kind: str) -> FakeEngine:
        if kind == "docker":
            raise Unreachable("no docker")
        return FakeEngine()

    monkeypatch.setattr(opening.Engines, "get", get)


@pytest.mark.usefixtures("podman_alone")
def test_an_engine_s_newest_images_are_looked_at_and_the_others_told() -> None:
    asked, left = init._of_engines(2, offline=False)
    assert asked == ["podman:i13:1", "podman:i12:1"]
    assert "i11:1, i10:1" in left[0]
    assert left[0].endswith("i2:1 and 2 more")
    assert "1 of podman's images" in left[1]


def test_without_an_engine_images_are_to_be_named(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    def get(_self: object, kind: str) -> FakeEngine:
        raise Unreachable(f"no {kind}")

    monkeypatch.setattr(opening.Engines, "get", get)
    done = run("init")
    assert done.exit_code == 3
    assert "no docker; no podman; or name images: inspector init REF" in done.output
    assert not list(here.iterdir())


def test_the_dockerfile_that_has_most_of_the_steps_is_found(here: Path) -> None:
    layers = tuple(replace(IMAGE.layers[0], created_by=f"RUN step {at} # buildkit") for at in range(3))
    facts = replace(IMAGE, layers=layers)
    (here / "deploy").mkdir()
    (here / ".venv").mkdir()
    (here / "deploy" / "Dockerfile.a").write_text("FROM x\nRUN step 1\n")
    (here / "deploy" / "api.dockerfile").write_text("FROM x\nRUN step 1\nRUN \\\n  step 2\n")
    (here / ".venv" / "Dockerfile").write_text("FROM x\nRUN step 0\nRUN step 1\nRUN step 2\n")
    assert Dockerfiles(here, here / "deploy").of(facts) == "api.dockerfile"
    assert Dockerfiles(here, here).of(None) is None
    (here / "Containerfile").write_text("FROM x\nRUN step 0\nRUN step 1\n")
    assert Dockerfiles(here, here).of(facts) is None


def test_each_fault_is_marked_and_shows_nothing_a_terminal_acts_upon() -> None:
    fault = Fault("x", (), line=12, column=3, source='\ta"\x1b[1m"', width=3)
    assert list(marked(fault)) == ["   |", '12 |  a"\\x1b[1m"', "   |   ^^^^^^"]
    long = Fault("x", (), line=1, column=500, source="a" * 1000, width=400)
    lines = list(marked(long))
    assert max(map(len, lines)) <= 104
    assert lines[2].strip(" |")[:2] == "^^"
    assert list(marked(Fault("x"))) == []


def test_all_faults_are_told_with_their_lines(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "inspector.toml").write_text("[roles.a]\ntorch = 'gpu'\nmatsch = []\n")
    assert _guarded(lambda: load_policy("inspector.toml")) == 2
    told = capsys.readouterr().err
    assert "inspector.toml:2:9: role 'a', key 'torch'" in told
    assert "2 | torch = 'gpu'\n  |         ^^^^^\n" in told
    assert "inspector.toml:3:1: role 'a': unknown key 'matsch'; did you mean 'match'?" in told
