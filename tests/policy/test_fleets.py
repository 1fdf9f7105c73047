"""Fleets in a policy: what is read, what is refused and where, and files of their own."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from inspector.errors import PolicyError
from inspector.gpu.hosts import MAX_GPUS, MAX_HOSTS, Host
from inspector.policy.fleets import MAX_FLEETS, OF_HOST, load_fleets
from inspector.policy.load import load_policy
from inspector.policy.role import Fleet
from inspector.policy.rules.fleet import FLEET
from inspector.policy.tables import policy_of_tables
from tests.policy.test_schema import VALIDATOR

ROLE = '[roles.gpu]\ntorch = "cuda"\nfleet = "gpu"\n'
EDGE = 'name = "edge", driver = "535.183.01", gpus = ["A10", "Tesla T4"]'
ALL = f"""{ROLE}
[[fleets.gpu.hosts]]
name = "lab"
driver = "580.95.05"
gpus = ["NVIDIA H100 80GB HBM3", "12.0"]
injection = "cdi"
engine = "29.2.0"
toolkit = "1.17.4-1"
flag = "gpus"
kubernetes = true
architecture = "aarch64"
"""


def fleet(text: str, folder: Path) -> Fleet | None:
    (folder / "inspector.toml").write_text(text, encoding="utf-8")
    return load_policy(folder / "inspector.toml").roles[0][FLEET]


def refusal(text: str, folder: Path) -> str:
    with pytest.raises(PolicyError) as raised:
        fleet(text, folder)
    return str(raised.value).replace(f"{folder}/", "")


def test_every_key_of_a_host(tmp_path: Path) -> None:
    lab = Host(
        name="lab",
        driver="580.95.05",
        gpus=("NVIDIA H100 80GB HBM3", "12.0"),
        injection="cdi",
        engine="29.2.0",
        toolkit="1.17.4-1",
        flag="gpus",
        kubernetes=True,
        architecture="aarch64",
    )
    assert fleet(ALL, tmp_path) == Fleet("gpu", (lab,))
    assert {key.name for key in OF_HOST} == set(Host.__struct_fields__)


def test_hosts_on_one_line(tmp_path: Path) -> None:
    found = fleet(f"{ROLE}[fleets.gpu]\nhosts = [{{{EDGE}}}]\n", tmp_path)
    assert found == Fleet("gpu", (Host(name="edge", driver="535.183.01", gpus=("A10", "Tesla T4")),))


def test_gpus_of_amd_are_stated_by_target(tmp_path: Path) -> None:
    host = '{name = "amd", driver = "6.4", gpus = ["gfx942", "gfx90a:xnack-"]}'
    found = fleet(f"{ROLE}[fleets.gpu]\nhosts = [{host}]\n", tmp_path)
    assert found is not None
    assert found.hosts[0].gpus == ("gfx942", "gfx90a:xnack-")


def test_a_file_of_its_own_beside_the_policy(tmp_path: Path) -> None:
    (tmp_path / "hosts.toml").write_text(f"[fleets.gpu]\nhosts = [{{{EDGE}}}]\n", encoding="utf-8")
    found = fleet(f'{ROLE}[fleets.gpu]\nfile = "hosts.toml"\n', tmp_path)
    assert found is not None
    assert [host.name for host in found.hosts] == ["edge"]
    assert load_fleets(tmp_path / "hosts.toml") == load_fleets(tmp_path / "inspector.toml") == {"gpu": found}


def test_the_fleets_of_a_project_file(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(f"[tool.inspector.fleets.gpu]\nhosts = [{{{EDGE}}}]\n", encoding="utf-8")
    assert list(load_fleets(path)) == ["gpu"]
    path.write_text("[tool.inspector.fleets.gpu]\nhosts = [{}]\n", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"pyproject\.toml:2:10: fleet 'gpu', hosts\[0\]: .*missing required field"):
        load_fleets(path)


HOSTS = "[fleets.gpu]\nhosts = "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "inspector.toml:3:9: role 'gpu', key 'fleet': no fleet 'gpu'; the policy has none: write [fleets.NAME]"),
        (f"[fleets.gpus]\nhosts = [{{{EDGE}}}]", "no fleet 'gpu'; did you mean 'gpus'?"),
        ("fleets = 5", "key 'fleets': Expected `object`, got `int`; tables [fleets.NAME]"),
        ("fleets.gpu = 5", "fleet 'gpu': expected a table of keys, got int"),
        ("[fleets.gpu]", "4:1: fleet 'gpu': state either `hosts` or `file`"),
        (f'[fleets.gpu]\nhosts = [{{{EDGE}}}]\nfile = "a"', "fleet 'gpu': state either `hosts` or `file`"),
        ("[fleets.gpu]\nhost = []", "fleet 'gpu': unknown key 'host'; did you mean 'hosts'?"),
        (f"{HOSTS}[5]", "fleet 'gpu', hosts[0]: expected a table of keys, got int"),
        (f'{HOSTS}[{{name = "a"}}]', "hosts[0]: Object missing required field `driver`"),
        (f"{HOSTS}[{{{EDGE}, gpu = 1}}]", "hosts[0]: unknown key 'gpu'; did you mean 'gpus'?"),
        (f'{HOSTS}[{{{EDGE}, injection = "oci"}}]', "hosts[0], key 'injection': unknown value 'oci'; allowed are"),
        (f'{HOSTS}[{{{EDGE}, toolkit = "new"}}]', "hosts[0], key 'toolkit': 'new' is not a version; write a version"),
        (f"{HOSTS}[{{{EDGE}, engine = 29}}]", "hosts[0], key 'engine': Expected `str | null`, got `int`"),
        (f'{HOSTS}[{{{EDGE}, architecture = "arm64"}}]', "'arm64' is no machine with GPUs; write 'x86_64'"),
        (f'{HOSTS}[{{name = "a", driver = "r535", gpus = ["A10"]}}]', "'r535' is not a driver's version"),
        (f'{HOSTS}[{{name = "", driver = "535", gpus = ["A10"]}}]', "key 'name': '' is no name"),
        (f'{HOSTS}[{{name = "a", driver = "535"}}]', "key 'gpus': 0 GPUs; state 1 to 64"),
        (
            f'{HOSTS}[{{name = "a", driver = "535", gpus = ["A10", "RTX 4O90"]}}]',
            "key 'gpus[1]': no GPU is known as 'RTX 4O90'; did you mean 'RTX 4090'? Or state its compute capability",
        ),
        (
            f'{HOSTS}[{{name = "a", driver = "535", gpus = ["Voodoo"]}}]',
            "no GPU is known as 'Voodoo'; state its compute capability, as in '8.6'",
        ),
        (f"{HOSTS}[{{{EDGE}}}, {{{EDGE}}}]", "hosts[1], key 'name': a second host 'edge'; give each its own name"),
    ],
)  # fmt: skip
def test_what_is_no_fleet_is_refused_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    whole = f"{text}\n{ROLE}" if text.startswith("fleets") else f"{ROLE}{text}\n"
    told = refusal(whole, tmp_path)
    assert message in told
    assert told.count("\n") == text.count("fleets = 5"), "what follows from one fault is not told again"
    if not any(word in message for word in ("no fleet", "a second host", "is known as", "is no name")):
        assert not VALIDATOR.is_valid(tomllib.loads(whole))


@pytest.mark.parametrize("stated", ["", 'torch = "cpu"', 'torch = "absent"'])
def test_a_fleet_needs_a_build_that_may_be_of_cuda(stated: str, tmp_path: Path) -> None:
    text = f'[roles.a]\n{stated}\nfleet = "gpu"\n[fleets.gpu]\nhosts = [{{{EDGE}}}]\n'
    assert "it needs torch = 'cuda', 'rocm' or 'present'" in refusal(text, tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "hosts.toml: no such file; `inspector fleet profile -o hosts.toml` writes one on a GPU host"),
        ("x", "hosts.toml:1:2: no valid TOML"),
        ("", "hosts.toml: no fleets; write at least one table [fleets.NAME]"),
        ("{}", "hosts.toml:1:1: no valid TOML"),
        (f"[fleets.gpus]\nhosts = [{{{EDGE}}}]", "hosts.toml: no table [fleets.gpu]; did you mean 'gpus'?"),
        ('[fleets.gpu]\nfile = "hosts.toml"', "such a file states hosts, and names no further file"),
        (
            '[[fleets.gpu.hosts]]\nname = "a"\ndriver = 5\ngpus = ["A10"]',
            "inspector.toml:5:8: fleet 'gpu', key 'file': hosts.toml:3:10: fleet 'gpu', hosts[0], key 'driver': E",
        ),
    ],
)
def test_faults_of_the_file_have_both_places(content: str | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "hosts.toml").write_text(content, encoding="utf-8")
    assert message in refusal(f'{ROLE}[fleets.gpu]\nfile = "hosts.toml"\n', tmp_path)


def test_fleets_are_not_read_from_json(tmp_path: Path) -> None:
    (tmp_path / "images.json").write_text('{"images": []}', encoding="utf-8")
    with pytest.raises(PolicyError, match="fleets are stated in TOML"):
        load_fleets(tmp_path / "images.json")


def test_bounds() -> None:
    edge = {"name": "edge", "driver": "535", "gpus": ["A10"]}
    roles = {"a": {"torch": "cuda"}}
    for fleets, message in (
        ({str(n): {"hosts": [edge]} for n in range(MAX_FLEETS + 1)}, "more than 50 fleets"),
        ({"a": {"hosts": [edge] * (MAX_HOSTS + 1)}}, "201 hosts; at most 200 are taken"),
        ({"a": {"hosts": [{**edge, "gpus": ["A10"] * (MAX_GPUS + 1)}]}}, "65 GPUs; state 1 to 64"),
        ({"a": {"hosts": [{**edge, "gpus": ["A" * 10**6]}]}}, "no GPU is known as"),
        ({"a" * 10**6: {"hosts": [edge]}}, "is no name"),
    ):
        with pytest.raises(PolicyError, match=message) as raised:
            policy_of_tables({"roles": roles, "fleets": fleets}, "p")
        assert len(str(raised.value)) < 3000
