"""Whether an engine could hand over a GPU: what it says itself, and what its machine shows where that is ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inspector.engine.client import Engine
from inspector.engine.endpoint import Endpoint
from inspector.runtime.host import Host, Machine, Offer, find_host
from inspector.unknown import Unknown
from tests.policy.cases import CPU, CUDA, NO_TORCH, ROCM, XPU
from tests.runtime.acting import CDI, NVIDIA, engine

GPUS = Offer(vendor="nvidia", way="gpus")
ALL = Offer(vendor="nvidia", way="cdi", names=("nvidia.com/gpu=all",))
KERNEL = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC version: 12\n"


@pytest.fixture(autouse=True)
def _no_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No toolkit on this machine, whatever it has."""
    monkeypatch.setattr("shutil.which", lambda _: None)


def machine(root: Path, **files: str) -> Machine:
    """A machine with these files, `__` standing for a slash."""
    for name, content in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return Machine(root)


def asked(monkeypatch: pytest.MonkeyPatch, machine: Machine | None, **given: Any) -> Host:
    with engine(monkeypatch, **given) as (_, ours):
        return find_host(ours, machine)


def reason(answer: Offer | Unknown) -> str:
    assert isinstance(answer, Unknown)
    return answer.unknown


def remote(monkeypatch: pytest.MonkeyPatch, **given: Any) -> Host:
    """The same of an engine that lies elsewhere."""
    monkeypatch.setattr(Endpoint, "is_local", property(lambda _: False))
    return asked(monkeypatch, None, **given)


def test_an_engine_elsewhere_is_taken_at_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert remote(monkeypatch, info=NVIDIA) == Host(nvidia=GPUS, amd=Unknown(reason(remote(monkeypatch).amd)))
    assert remote(monkeypatch, info=CDI).nvidia == ALL
    assert reason(remote(monkeypatch).nvidia) == (
        "no GPU: the engine has no runtime `nvidia` and no CDI device nvidia.com/gpu"
    )


def test_all_devices_are_named_where_none_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"DiscoveredDevices": [{"ID": "nvidia.com/gpu=0"}, {"ID": "amd.com/gpu=all"}, {"ID": "nvidia.com/gpu=1"}]}
    found = remote(monkeypatch, info=told)
    assert found.nvidia == Offer(vendor="nvidia", way="cdi", names=("nvidia.com/gpu=0", "nvidia.com/gpu=1"))
    assert found.amd == Offer(vendor="amd", way="cdi", names=("amd.com/gpu=all",))


def test_a_toolkit_without_a_gpu_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = asked(monkeypatch, machine(tmp_path), info=NVIDIA)
    assert reason(found.nvidia).startswith("no GPU: this machine has no driver of NVIDIA's")
    assert found.driver is None


@pytest.mark.parametrize("sign", ["dev__nvidia0", "dev__nvidiactl", "dev__dxg", "proc__driver__nvidia__version"])
def test_a_sign_of_a_gpu_and_a_runtime(sign: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert asked(monkeypatch, machine(tmp_path, **{sign: ""}), info=NVIDIA).nvidia == GPUS
    assert isinstance(asked(monkeypatch, machine(tmp_path, **{sign: ""})).nvidia, Unknown)


def test_windows_below_a_container_shows_no_sign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    below = machine(tmp_path, proc__sys__kernel__osrelease="5.15.167.4-microsoft-standard-WSL2\n")
    assert asked(monkeypatch, below, info=NVIDIA).nvidia == GPUS


@pytest.mark.parametrize(("hook", "with_cdi"), [("nvidia-container-runtime-hook", GPUS), ("nvidia-cdi-hook", ALL)])
def test_the_toolkit_s_hook_does_without_a_runtime(
    hook: str, with_cdi: Offer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name if name == hook else None)
    here = machine(tmp_path, dev__nvidia0="")
    assert asked(monkeypatch, here).nvidia == GPUS
    assert asked(monkeypatch, here, info=CDI).nvidia == with_cdi
    assert isinstance(remote(monkeypatch).nvidia, Unknown)


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("nvidia.yaml", "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n- name: all\n", True),
        ("nvidia.json", '{"cdiVersion": "0.5.0",\n "kind": "nvidia.com/gpu", "devices": []}', True),
        ("quoted.yml", 'kind: "nvidia.com/gpu"\n', True),
        ("other.yaml", "kind: nvidia.com/gpus\n", False),
        ("other.yaml", "kind: vendor.com/net\n# kind: nvidia.com/gpu\n", False),
        ("notes.txt", "kind: nvidia.com/gpu\n", False),
        ("broken.json", "\xff\x00{", False),
    ],
)
def test_specifications_of_cdi(
    name: str,
    content: str,
    named: bool,  # noqa: FBT001 - a table
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    here = machine(tmp_path, **{f"etc__cdi__{name}": content, "dev__nvidia0": ""})
    found = asked(monkeypatch, here, info={"CDISpecDirs": ["/etc/cdi", "/var/run/cdi"]})
    assert found.nvidia == ALL if named else isinstance(found.nvidia, Unknown)
    assert isinstance(asked(monkeypatch, here).nvidia, Unknown), "an engine without CDI"


@pytest.mark.parametrize(("version", "handed"), [("5.4.0", True), ("5.3.2", False), ("4.3.1", False), ("6.0", True)])
def test_podman_hands_over_gpus_from_a_version_on(
    version: str,
    handed: bool,  # noqa: FBT001 - a table
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    here = machine(tmp_path, etc__cdi__nvidia="", dev__nvidia0="")
    (tmp_path / "etc/cdi/nvidia.yaml").write_text("kind: nvidia.com/gpu\n")
    found = asked(monkeypatch, here, store="podman", info={"ServerVersion": version, **NVIDIA})
    assert found.nvidia == ALL if handed else version in reason(found.nvidia)


def test_podman_without_a_specification_is_told_how_to_make_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = asked(monkeypatch, machine(tmp_path, dev__nvidia0=""), store="podman", info={"ServerVersion": "5.5.0"})
    assert "nvidia-ctk cdi generate" in reason(found.nvidia)


def test_amd_s_nodes_come_with_the_groups_that_own_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Machine, "groups_of", lambda *_: ("44", "109"))
    found = asked(monkeypatch, machine(tmp_path, dev__kfd="", sys__module__amdgpu__version="6.8.5\n"))
    assert found.amd == Offer(vendor="amd", way="nodes", names=("/dev/kfd", "/dev/dri"), groups=("44", "109"))
    assert found.driver == "6.8.5"
    assert isinstance(found.nvidia, Unknown)


def test_the_groups_are_those_of_the_files(tmp_path: Path) -> None:
    here = machine(tmp_path, dev__kfd="", dev__dri__renderD128="", dev__dri__renderD129="")
    group = (tmp_path / "dev/kfd").stat().st_gid
    assert here.groups_of("/dev/kfd", "/dev/dri/renderD*") == ((str(group),) if group else ())
    assert here.groups_of("/dev/nosuch") == ()


def test_the_kernel_tells_the_driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert asked(monkeypatch, machine(tmp_path, proc__driver__nvidia__version=KERNEL)).driver == "550.54.15"
    assert machine(tmp_path / "b", proc__driver__nvidia__version="\xff no number\n").driver() is None


def test_each_build_is_offered_what_it_can_use() -> None:
    found = Host(nvidia=GPUS, amd=Unknown("no GPU: none of AMD's"))
    assert found.offer(CUDA) == GPUS
    assert reason(found.offer(ROCM)) == "no GPU: none of AMD's"
    assert reason(found.offer(CPU)) == "torch is a CPU build, which is given none"
    assert reason(found.offer(XPU)) == "torch is an XPU build, which is given none"
    assert "no torch" in reason(found.offer(NO_TORCH))


def test_this_machine_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with engine(monkeypatch) as (_, ours):
        assert isinstance(ours, Engine)
        found = find_host(ours)
    assert isinstance(found.nvidia, Offer | Unknown)


def test_the_models_of_gpus_are_the_kernels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files = {
        f"proc__driver__nvidia__gpus__0000:0{at}:00.0__information": f"Model: \t\t {model}\nIRQ:   \t\t 42\n"
        for at, model in enumerate(("NVIDIA A10", "Tesla T4"))
    }
    assert asked(monkeypatch, machine(tmp_path, **files), info=NVIDIA).gpus == ("NVIDIA A10", "Tesla T4")
