"""A kind of build that is declared here alone: facts, policies, tables and JSON handle it as they handle the others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from fixtures.forms import FORMS
from fixtures.roles import built, sync_step, synced
from fixtures.torches import torch_cpu, torch_needs
from fixtures.wheels import Wheel
from inspector.runtime.host import Host
from inspector.testing.tree import File, Member
from inspector.torchbuild.kinds import CPU, CUDA, GpuVendor, Kind, add_kind, kind_names, kind_of, label_of
from inspector.torchbuild.model import Torch, build_name
from inspector.unknown import Importable, Unknown
from tests.cli.program import run
from tests.torchbuild.asking import ask, slim

QUARK = Kind(
    name="quark",
    label="Quark",
    fields=("quark",),
    libraries=("libtorch_quark.so", "libc10_quark.so"),
    local=r"qk(\d)(\d)\b",
)
AMD = Unknown("no AMD")
NEEDED = Wheel(name="quarkrt-core", version="4.2", files={"quarkrt/__init__.py": b""})


@pytest.fixture(autouse=True)
def _quark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.torchbuild.kinds._ADDED", [])
    add_kind(QUARK)


def torch_quark(version: str = "2.13.0+qk42", stated: str | None = "4.2", *, libraries: bool = True) -> Wheel:
    """The CPU build's files with a field, a tag, libraries and a requirement of their own."""
    plain = torch_cpu(version)
    assert isinstance(plain.files["torch/version.py"], bytes)
    text = plain.files["torch/version.py"] + f"quark: Optional[str] = {stated!r}\n".encode()
    library = plain.files["torch/lib/libtorch_cpu.so"]
    extra: dict[str, bytes | File] = {f"torch/lib/{name}": library for name in QUARK.libraries if libraries}
    requires = (*plain.requires, "quarkrt-core")
    return replace(plain, files={**plain.files, "torch/version.py": text, **extra}, requires=requires)


def written(folder: Path, *wheels: Wheel) -> str:
    """An archive of an image with the wheels; its reference."""
    folder.mkdir(exist_ok=True)
    image = built("quark:1", sync_step(synced(*torch_needs(), *wheels)), cmd=("python", "-m", "ktrdr.workers.main"))
    return FORMS["docker-24"](folder / "quark.tar", [image])


def torch_of(*command: str) -> Any:
    """What `show` says of the image's torch, in a document that the schema takes."""
    document = json.loads(run("show", *command, "--format", "json").stdout)
    Draft202012Validator(json.loads(run("schema").stdout)).validate(document)
    return document["images"][0]["torch"]


def test_facts_name_the_kind_and_its_version(tmp_path: Path) -> None:
    torch = torch_of(written(tmp_path, torch_quark(), NEEDED))
    assert (torch["build"], torch["accelerator"], torch["importable"]) == ("quark", "4.2", "yes")
    assert (torch["cuda"], torch["hip"], torch["xpu"]) == (None, None, None)


@pytest.mark.parametrize(
    ("wheels", "clause"),
    [
        ((torch_quark(stated="5.0"), NEEDED), "says Quark '5.0', yet calls itself '2.13.0+qk42'"),
        ((torch_quark(stated=None), NEEDED), "says CPU, yet calls itself '2.13.0+qk42'"),
        ((torch_quark(libraries=False), NEEDED), "has neither libtorch_quark.so nor libc10_quark.so"),
    ],
)
def test_what_contradicts_the_kind_is_found(wheels: Sequence[Wheel], clause: str, tmp_path: Path) -> None:
    torch = torch_of(written(tmp_path, *wheels))
    assert "unknown" in (torch["build"], torch["importable"])
    assert any(clause in reason for reason in torch["reasons"]), torch["reasons"]


@pytest.mark.parametrize(("rule", "outcome"), [("quark", "pass"), ("any", "pass"), ("cpu", "fail"), ("cuda", "fail")])
def test_a_policy_asks_for_the_kind(rule: str, outcome: str, tmp_path: Path) -> None:
    policy = tmp_path / "roles.toml"
    policy.write_text(f'[roles.worker]\ntorch = "{rule}"\n')
    command = ("check", policy, "--role", "worker", written(tmp_path, torch_quark(), NEEDED))
    (result,) = json.loads(run(*command, "--format", "json").stdout)["results"]
    assert result["outcome"] == outcome
    build = next((found for found in result["findings"] if found["check"] == "torch-build"), None)
    assert build is None or build["actual"] == "Quark build"
    assert "Quark 4.2" in run(*command).stdout


def test_a_policy_that_names_no_kind_is_told_of_all(tmp_path: Path) -> None:
    policy = tmp_path / "roles.toml"
    policy.write_text('[roles.worker]\ntorch = "gluon"\n')
    done = run("check", policy, "any.tar")
    assert done.exit_code == 2
    assert "absent, cpu, cuda, quark, rocm, xpu, present and any" in done.stderr


def test_the_difference_shows_the_version(tmp_path: Path) -> None:
    before = written(tmp_path / "a", torch_quark(), NEEDED)
    after = written(tmp_path / "b", torch_quark("2.13.0+qk51", "5.1"), NEEDED)
    done = run("diff", before, after, "--format", "json")
    assert done.exit_code == 0, done.output
    changes = json.loads(done.stdout)["changed"]
    assert {"field": "torch.accelerator", "before": "4.2", "after": "5.1"} in changes


def test_single_files_tell_the_kind_as_all_layers_do() -> None:
    """`ask` compares both answers."""
    torch = ask(slim(torch_quark(), NEEDED)).torch
    assert (torch.build, torch.importable, build_name(torch)) == ("quark", "yes", "Quark 4.2")


def test_a_torch_that_is_not_imported_is_of_the_kind_too() -> None:
    library = torch_quark().files["torch/lib/libtorch_quark.so"]
    names = ("libtorch_cpu.so", "libtorch_quark.so")
    packed: dict[str, Member] = {"cache/torch-2.13.0+qk42-cp311-cp311-linux_x86_64.whl": b"PK"}
    bare: dict[str, Member] = {f"opt/libtorch/lib/{name}": library for name in names}
    conda: dict[str, Member] = {"cache/pytorch-2.13.0-py3.11_quark4.2_0.conda": b"PK"}
    found = ask(slim(), packed, bare, conda).elsewhere
    assert [each.build for each in found] == ["quark"] * 3


@pytest.mark.parametrize(
    ("gpu", "offered"), [("amd", AMD), (None, Unknown("torch is a Quark build, which is given none"))]
)
def test_a_gpu_is_passed_by_the_maker_that_the_kind_names(
    gpu: GpuVendor | None, offered: Unknown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.torchbuild.kinds._ADDED", [msgspec.structs.replace(QUARK, gpu=gpu)])
    host = Host(nvidia=Unknown("no NVIDIA"), amd=AMD)
    assert host.offer(Torch(installed=True, importable=Importable.YES, build="quark")) == offered


def test_a_version_goes_through_json_and_back() -> None:
    told = Torch(installed=True, importable=Importable.YES, build="quark", accelerator="4.2")
    known = Torch(installed=True, importable=Importable.YES, build="cuda", cuda="13.0")
    for torch in (told, known):
        assert msgspec.json.decode(msgspec.json.encode(torch), type=Torch) == torch
    assert b"accelerator" not in msgspec.json.encode(known)


def test_a_build_of_a_kind_that_is_known_has_no_field_for_others() -> None:
    cuda = Torch(installed=True, importable=Importable.YES, build="cuda", cuda="13.0")
    assert not cuda.accelerator
    assert build_name(cuda) == "CUDA 13.0"
    assert (label_of("unknown"), kind_of("unknown")) == ("unknown", None)
    assert kind_names() == ["cpu", "cuda", "quark", "rocm", "xpu"]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (Kind(name="any", label="Any"), "'any' can't be the name of a kind"),
        (Kind(name="A B", label="A B"), "'A B' can't be the name of a kind"),
        (Kind(name=CPU.name, label="Other"), "'cpu' belongs to the kind 'cpu' already"),
        (Kind(name="other", label="Other", fields=CUDA.fields), "'cuda' belongs to the kind 'cuda' already"),
    ],
)
def test_a_kind_that_takes_what_another_has_is_refused(kind: Kind, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        add_kind(kind)
