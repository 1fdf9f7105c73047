"""Where containerd's root folder is: told by the process at its socket, by its config, or known."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.errors import Unreachable
from inspector.sources.containerd import places
from inspector.sources.containerd.places import Place, find_places

if sys.platform != "linux":
    pytest.skip("containerd keeps its files on Linux alone", allow_module_level=True)


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of its own, on which nothing is known but a folder of containerd's that does not exist yet."""
    monkeypatch.setattr(places, "ROOT", tmp_path / "default")
    monkeypatch.setattr(places, "CONFIG", tmp_path / "config.toml")
    known = ((str(tmp_path / "sock"), tmp_path / "default"), (str(tmp_path / "k3s"), tmp_path / "rancher"))
    monkeypatch.setattr(places, "KNOWN", known)
    monkeypatch.setattr(places, "_NERDCTL", str(tmp_path / "nerdctl.toml"))
    return tmp_path


@pytest.fixture
def listening() -> Iterator[str]:
    """A socket at which this process listens."""
    with tempfile.TemporaryDirectory(prefix="sock-") as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{folder}/s")
        server.listen()
        yield f"{folder}/s"


def tell(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    """Have the process that listens be called so."""
    known = {os.getpid(): [*words, ""]}
    monkeypatch.setattr(places, "_words", lambda process: known[process])


def test_nothing_is_there() -> None:
    with pytest.raises(Unreachable, match=r"no containerd on this machine, looked for .*default, .*rancher; name its"):
        find_places({})


def test_known_folders_in_their_order(machine: Path) -> None:
    (machine / "rancher").mkdir()
    assert [place.root for place in find_places({})] == [machine / "rancher"]
    (machine / "default").mkdir()
    assert [place.root for place in find_places({})] == [machine / "default", machine / "rancher"]


def test_the_config_moves_the_root_and_the_snapshots(machine: Path) -> None:
    (machine / "data").mkdir()
    (machine / "config.toml").write_text(
        f'root = "{machine}/data"\n[plugins."io.containerd.snapshotter.v1.overlayfs"]\nroot_path = "/fast"\n'
    )
    (place,) = find_places({})
    assert (place.root, place.overlayfs) == (machine / "data", Path("/fast"))


def test_what_a_config_imports_comes_later(machine: Path) -> None:
    for name in ("data", "conf.d"):
        (machine / name).mkdir()
    (machine / "config.toml").write_text(f'imports = ["conf.d/*.toml", "{machine}/more.toml"]\nroot = "/nowhere"\n')
    (machine / "conf.d" / "a.toml").write_text('root = "/elsewhere"\nimports = ["../config.toml"]\n')
    (machine / "more.toml").write_text(f'root = "{machine}/data"\n')
    assert [place.root for place in find_places({})] == [machine / "data"]
    (machine / "more.toml").write_text("root = [\n")
    with pytest.raises(Unreachable):
        find_places({})


@pytest.mark.parametrize("words", [("--root", "ROOT"), ("--root=ROOT",), ("-c", "CONFIG"), ("--config=CONFIG",)])
def test_the_process_at_the_socket_tells(
    words: tuple[str, ...], machine: Path, listening: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine / "own.toml").write_text(f'root = "{machine}/data"\n')
    own = [each.replace("ROOT", f"{machine}/data").replace("CONFIG", f"{machine}/own.toml") for each in words]
    tell(monkeypatch, "/usr/bin/containerd", *own, "--state", "/run/x")
    assert find_places({"CONTAINERD_ADDRESS": listening}) == [Place(machine / "data", None, listening)]
    (machine / "nerdctl.toml").write_text(f'address = "unix://{listening}"\n')
    assert find_places({}) == [Place(machine / "data", None, listening)]


def test_a_socket_of_another_program_tells_nothing(listening: str, machine: Path) -> None:
    with pytest.raises(Unreachable, match="no process there tells where it keeps its files"):
        find_places({"CONTAINERD_ADDRESS": listening})
    (machine / "config.toml").write_text(f'root = "/data"\n[grpc]\naddress = "{listening}"\n')
    assert find_places({"CONTAINERD_ADDRESS": f"unix://{listening}"}) == [Place(Path("/data"), None, listening)]


def test_a_known_socket_at_which_nobody_listens(machine: Path) -> None:
    address = str(machine / "k3s")
    with pytest.raises(Unreachable):
        find_places({"CONTAINERD_ADDRESS": address})
    (machine / "rancher").mkdir()
    assert find_places({"CONTAINERD_ADDRESS": address}) == [Place(machine / "rancher", None, address)]


def test_files_of_a_process_elsewhere_are_seen_through_it(listening: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(monkeypatch, "containerd", "--root", "/data")
    monkeypatch.setattr(Path, "readlink", lambda path: Path(f"mnt:[{path}]"))
    (place,) = find_places({"CONTAINERD_ADDRESS": listening})
    assert place.root == Path(f"/proc/{os.getpid()}/root/data")


def test_a_containerd_that_a_user_started(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "containerd").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert find_places({"XDG_DATA_HOME": str(machine)}) == [Place(machine / "containerd")]
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(Unreachable):
        find_places({"XDG_DATA_HOME": str(machine)})


def test_elsewhere_than_on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(Unreachable, match="on Linux alone"):
        find_places({})
