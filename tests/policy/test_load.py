"""Policy files: every key, and every mistake with its place."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from inspector.errors import PolicyError
from inspector.oci import Platform
from inspector.policy.decoding import MAX_FILE
from inspector.policy.load import find_policy, load_policy
from inspector.policy.location import MAX_FAULTS
from inspector.policy.role import Limits, Listed, Policy, Role

FULL = """
images = ["docker-archive:build/api.tar", {reference = "oci:layout:gpu", role = "worker-gpu"}]

[roles.api]
description = "Production API: no ML dependencies"
match = ["ktrdr-backend:prod"]
dockerfile = "deploy/docker/Dockerfile.backend"
torch = "absent"
torch-elsewhere = "forbid"
forbid = ["NVIDIA_*", "triton"]
require = ["fastapi>=0.100"]
python = ">=3.11,<3.13"
python-command = "python3"
warn-size = "1 GiB"
max-size = "1.5 GB"
max-compressed-size = "500 MB"
platform = "linux/arm64/v8"

[roles.worker-gpu]
match = ["ktrdr-worker-gpu:*"]
torch = "cuda"
torch-version = ">=2.3"
cuda = ">=12.4,<14"

[roles.other-gpu]
torch = "cuda"
cuda = "host-dependent"
"""


def loaded(folder: Path, text: str, name: str = "inspector.toml") -> Policy:
    (folder / name).write_text(text, encoding="utf-8")
    return load_policy(folder / name)


def refusal(folder: Path, text: str, name: str = "inspector.toml") -> str:
    with pytest.raises(PolicyError) as raised:
        loaded(folder, text, name)
    place, message = re.fullmatch(r"(.*?)(?::\d+:\d+)?: (.*)", str(raised.value), re.DOTALL).groups()  # type: ignore[union-attr]
    assert place == str(folder / name)
    return str(message)


def test_every_key_of_a_role(tmp_path: Path) -> None:
    assert loaded(tmp_path, FULL) == Policy(
        origin=str(tmp_path / "inspector.toml"),
        images=(Listed("docker-archive:build/api.tar"), Listed("oci:layout:gpu", "worker-gpu")),
        roles=(
            Role(
                name="api",
                description="Production API: no ML dependencies",
                match=("ktrdr-backend:prod",),
                dockerfile="deploy/docker/Dockerfile.backend",
                torch="absent",
                torch_elsewhere="forbid",
                forbid=("nvidia-*", "triton"),
                require=("fastapi>=0.100",),
                python=">=3.11,<3.13",
                python_command="python3",
                size=Limits(warn=2**30, most=1_500_000_000),
                compressed_size=Limits(most=500_000_000),
                platform=Platform("linux", "arm64"),
            ),
            Role(
                name="worker-gpu",
                match=("ktrdr-worker-gpu:*",),
                torch="cuda",
                torch_version=">=2.3",
                cuda=">=12.4,<14",
            ),
            Role(name="other-gpu", torch="cuda", cuda_runtime="report"),
        ),
    )


@pytest.mark.parametrize(
    ("stated", "rule", "cuda"),
    [
        ('torch = "cuda"', None, None),
        ('torch = "cuda"\ncuda-runtime = false', None, None),
        ('torch = "cuda"\ncuda-runtime = true', "demand", None),
        ('torch = "any"\ncuda-runtime = true', "demand", None),
        ('torch = "cuda"\ncuda = ">=12"\ncuda-runtime = true', "demand", ">=12"),
        ('torch = "cuda"\ncuda = ">=12"\ncuda-runtime = "host-dependent"', "report", ">=12"),
        ('torch = "cuda"\ncuda = "host-dependent"', "report", None),
        ('torch = "cuda"\ncuda = "host-dependent"\ncuda-runtime = "host-dependent"', "report", None),
        ('torch = "cpu"\ncuda-runtime = false', None, None),
    ],
)
def test_cuda_at_run_time(tmp_path: Path, stated: str, rule: str | None, cuda: str | None) -> None:
    (role,) = loaded(tmp_path, f"[roles.gpu]\n{stated}\n").roles
    assert role.stated.get("cuda_runtime") == rule
    assert role.stated.get("cuda") == cuda


@pytest.mark.parametrize(
    ("stated", "limits"),
    [
        ('torch = "absent"', Limits(warn=10**9, most=1_500_000_000)),
        ('torch = "absent"\nmax-size = "3 GB"', Limits(warn=10**9, most=3 * 10**9)),
        ('torch = "absent"\nmax-size = "800 MB"', Limits(warn=None, most=800_000_000)),
        ('torch = "absent"\nwarn-size = "200 MB"', Limits(warn=200_000_000, most=1_500_000_000)),
        ('torch = "cpu"', Limits()),
        ('torch = "cpu"\nwarn-size = "2 GB"', Limits(warn=2 * 10**9)),
        ("", Limits()),
    ],
)
def test_an_image_without_torch_is_limited_in_size_unless_its_role_says_otherwise(
    tmp_path: Path, stated: str, limits: Limits
) -> None:
    assert loaded(tmp_path, f"[roles.api]\n{stated}\n").roles[0].stated.get("size", Limits()) == limits


API = "[roles.api]\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no roles: write at least one table [roles.NAME]"),
        ("roles = 3", "key 'roles': Expected `object`, got `int`; tables [roles.NAME]"),
        ("[role.api]\n", "unknown key 'role'; did you mean 'roles'?"),
        ("roles.api = 3", "role 'api': expected a table of keys, got int"),
        ("[roles.' ']\n", "role ' ': a role needs a printable name"),
        (API + "torhc = 'cpu'", "role 'api': unknown key 'torhc'; did you mean 'torch'?"),
        (API + "torch_version = '>=2'", "role 'api': unknown key 'torch_version'; did you mean 'torch-version'?"),
        (
            API + "torch = 'gpu'",
            "role 'api', key 'torch': unknown value 'gpu'; allowed are absent, cpu, cuda, rocm, xpu, present and",
        ),
        (API + "match = 'a:b'", "role 'api', key 'match': Expected `array`, got `str`; a list of patterns"),
        (
            API + "torch = 'cuda'\ncuda = 12.4",
            "role 'api', key 'cuda': Expected `str | null`, got `float`; a version range",
        ),
        (API + "match = [3]", "role 'api', key 'match[0]': Expected `str`, got `int`; a list of patterns"),
        (API + "match = ['a[b']", "role 'api', key 'match': 'a[b': a '[' without its ']'"),
        (API + "match = ['']", "role 'api', key 'match': '' is no pattern"),
        (API + 'forbid = ["a\\n"]', "role 'api', key 'forbid': 'a\\n' is no pattern"),
        (API + f"match = ['{'a' * 301}']", "role 'api', key 'match': a pattern of 301 characters"),
        (API + "python = '3.11'", "role 'api', key 'python': '3.11' is no version range: write one as in '>=2.3,<3'"),
        (API + "python = ''", "role 'api', key 'python': '' is no version range"),
        (API + "python-command = ''", "role 'api', key 'python-command': '' is no command"),
        (API + "platform = 'linux'", "role 'api', key 'platform': 'linux' is not a platform: write os/arch"),
        (API + "max-size = '1.5'", "role 'api', key 'max-size': '1.5' is not a size"),
        (
            API + "max-size = 1500",
            "role 'api', key 'max-size': Expected `str | null`, got `int`; a text such as '1.5 GB'",
        ),
        (
            API + "max-size = '1 GB'\nwarn-size = '1 GiB'",
            "role 'api', key 'warn-size': larger than 'max-size', so it would never warn",
        ),
        (
            API + "torch = 'absent'\nwarn-size = '2 GB'",
            "role 'api', key 'warn-size': past the 1.50 GB at which torch = 'absent' fails unless 'max-size' is stated",
        ),
        (API + "require = ['a b']", "role 'api', key 'require': 'a b' is no requirement"),
        (API + "require = ['a[x]>=1']", "role 'api', key 'require': 'a[x]>=1': only a name and a version range"),
        (API + "require = ['a; python_version < \"3\"']", "role 'api', key 'require': "),
        (API + "cuda = '>=12'", "role 'api', key 'cuda': contradicts the role's no 'torch'"),
        (
            API + "torch = 'cpu'\ncuda = '>=12'",
            "role 'api', key 'cuda': contradicts the role's torch = 'cpu'; a CUDA version needs torch = 'cuda'",
        ),
        (
            API + "torch = 'cuda'\ncuda = 'any'",
            "role 'api', key 'cuda': 'any' is no version range: write one as in '>=2.3,<3' or '==2.5.*', or 'host-",
        ),
        (
            API + "torch = 'cpu'\ncuda-runtime = true",
            "role 'api', key 'cuda-runtime': contradicts the role's torch = 'cpu'; it needs torch = 'cuda' or",
        ),
        (API + "cuda-runtime = 'host-dependent'", "role 'api', key 'cuda-runtime': contradicts the role's no 'torch'"),
        (
            API + "torch = 'cuda'\ncuda = 'host-dependent'\ncuda-runtime = true",
            "role 'api', key 'cuda-runtime': contradicts cuda = 'host-dependent': state one of them",
        ),
        (
            API + "torch = 'cuda'\ncuda-runtime = 'maybe'",
            "role 'api', key 'cuda-runtime': unknown value 'maybe'; allowed are true, false and 'host-dependent'",
        ),
        (API + "torch-version = '>=2'", "role 'api', key 'torch-version': needs 'torch' to be stated"),
        (
            API + "torch = 'absent'\ntorch-version = '>=2'",
            "role 'api', key 'torch-version': contradicts torch = 'absent'",
        ),
        (API + "torch = 'absent'\nrequire = ['Torch']", "role 'api', key 'require': requires torch, which contradicts"),
        (
            API + "torch = 'cpu'\nforbid = ['t*']",
            "role 'api', key 'forbid': 't*' forbids torch, which the role asks for",
        ),
        (
            API + "require = ['A.b']\nforbid = ['a_b']",
            "role 'api', key 'forbid': 'a-b' forbids a-b, which the role asks for",
        ),
        ("images = ['']\n" + API, "images[0], key 'reference': an empty reference"),
        ("images = ['oci:']\n" + API, "images[0], key 'reference': 'oci:': nothing follows the scheme"),
        ("images = [{ref = 'x'}]\n" + API, "images[0]: unknown key 'ref'; known are reference, role"),
        (
            "images = [{reference = 'x', role = 'apo'}]\n" + API,
            "images[0], key 'role': no role 'apo'; did you mean 'api'?",
        ),
        ("images = [{role = 'api'}]\n" + API, "images[0]: Object missing required field `reference`"),
        ("a = [", "no valid TOML: "),
    ],
)
def test_what_is_no_policy_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    assert refusal(tmp_path, text).startswith(message)


def test_a_file_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"missing\.toml: can't be read: No such file"):
        load_policy(tmp_path / "missing.toml")
    (tmp_path / "big.toml").write_bytes(b"#" * (MAX_FILE + 1))
    with pytest.raises(PolicyError, match="hardly a policy file"):
        load_policy(tmp_path / "big.toml")
    (tmp_path / "latin.toml").write_bytes(b"a = '\xe9'")
    with pytest.raises(PolicyError, match=r"no UTF-8 text \(byte 5\); save it as UTF-8"):
        load_policy(tmp_path / "latin.toml")


def test_the_table_of_a_project_file(tmp_path: Path) -> None:
    policy = loaded(tmp_path, '[tool.inspector.roles.api]\ntorch = "cpu"\n', "pyproject.toml")
    assert [role.stated for role in policy.roles] == [{"torch": "cpu"}]
    assert "no [tool.inspector] table" in refusal(tmp_path, "[tool.other]\n", "pyproject.toml")


def test_the_policy_that_a_folder_keeps(tmp_path: Path) -> None:
    assert find_policy(tmp_path) is None
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    assert find_policy(tmp_path) is None
    (tmp_path / "pyproject.toml").write_text("[tool.inspector]\n", encoding="utf-8")
    assert find_policy(tmp_path) == tmp_path / "pyproject.toml"
    (tmp_path / "inspector.toml").write_text("", encoding="utf-8")
    assert find_policy(tmp_path) == tmp_path / "inspector.toml"


def listed(**stated: Any) -> str:
    return json.dumps({"images": [{"name": "api:prod", "torch_expected": True, **stated}]})


@pytest.mark.parametrize(
    ("torch", "cuda", "rule", "runtime"),
    [
        (False, None, "absent", None),
        (False, False, "absent", None),
        (True, None, "present", None),
        (True, False, "cpu", None),
        (True, "host_dependent", "cuda", "report"),
        (True, True, "cuda", "demand"),
    ],
)
def test_what_the_procedure_expects(
    tmp_path: Path, *, torch: bool, cuda: object, rule: str, runtime: str | None
) -> None:
    policy = loaded(
        tmp_path, listed(torch_expected=torch, cuda_expected=cuda, dockerfile="D", description="x"), "p.json"
    )
    (role,) = policy.roles
    assert role.stated.get("torch") == rule
    assert role.stated.get("cuda_runtime") == runtime
    assert role.procedure
    assert (role.name, role.match, role.dockerfile, role.description) == ("api:prod", ("api:prod",), "D", "x")
    assert role.stated.get("size", Limits()) == (
        Limits(warn=10**9, most=1_500_000_000) if rule == "absent" else Limits()
    )
    assert (policy.exhaustive, policy.images) == (True, (Listed("api:prod", "api:prod"),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            listed(torch_expected=False, cuda_expected=True),
            "image 'api:prod', key 'cuda_expected': asks for CUDA, which contradicts 'torch_expected': false",
        ),
        (listed(torch_expected=False, cuda_expected="host_dependent"), "image 'api:prod', key 'cuda_expected': asks"),
        (listed(cuda_expected="maybe"), "images[0], key 'cuda_expected': "),
        (listed(torch_expected="yes"), "images[0], key 'torch_expected': Expected `bool`, got `str`; allowed are true"),
        (listed(torch_expect=True), "images[0]: unknown key 'torch_expect'; did you mean 'torch_expected'?"),
        (listed(name="oci:"), "image 'oci:', key 'name': 'oci:': nothing follows the scheme"),
        (
            '{"images": [{"name": "a", "torch_expected": false, "torch_expected": true}]}',
            "no valid JSON: the key 'torch_expected' stands more than once in one object",
        ),
        (listed(name=""), "image '', key 'name': an image needs a name"),
        ('{"images": []}', "'images' is empty"),
        ('{"images": [3]}', "images[0]: expected a table of keys, got int"),
        ('{"image": []}', "unknown key 'image'; did you mean 'images'?"),
        ("[]", "expected a table of keys, got list"),
        ("{", "no valid JSON: "),
        ("[" * 100_000, "no valid JSON: "),
        (
            json.dumps({"images": [{"name": "a", "torch_expected": True}] * 2}),
            "image 'a' is listed more than once",
        ),
    ],
)
def test_what_is_no_test_data_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    assert refusal(tmp_path, text, "roles.json").startswith(message)


def test_json_goes_without_its_suffix(tmp_path: Path) -> None:
    assert loaded(tmp_path, "\ufeff " + listed(), "policy").exhaustive


@pytest.mark.parametrize(
    ("image", "place"),
    [
        ({"name": "a:1", "torch_expected": False, "cuda_expected": "host_d\ud800nt"}, "images[0].cuda_expected: "),
        ({"name": "a:\udfff", "torch_expected": False}, "images[0].name: "),
        ({"name": "a:1", "torch_expected": False, "description": "\ud83d"}, "images[0].description: "),
        ({"name": "a:1", "torch_expected": False, "dockerfile": "\udcff"}, "images[0].dockerfile: "),
        ({"name": "a:1", "torch_expected": False, "\ud800": 1}, "images[0], in a key: "),
    ],
)
def test_half_a_character_is_refused_with_its_place(tmp_path: Path, image: dict[str, Any], place: str) -> None:
    message = refusal(tmp_path, json.dumps({"images": [image]}), "roles.json")
    assert message.startswith(f"{place}\\ud")
    message.encode()  # what is printed can be encoded


def test_half_a_character_at_the_top_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, '"\\ud800"', "roles.json").startswith("the top level: \\ud800")
    assert refusal(tmp_path, '{"\\ud800": []}', "roles.json").startswith("the top level, in a key: ")
    assert refusal(tmp_path, '[roles."\\ud800"]').startswith("no valid TOML: ")


_MANY: dict[str, tuple[str, str, str]] = {
    "keys": ("r.json", "{" + ",".join(f'"k{at}":1' for at in range(80_000)) + "}", "more than 20000 values"),
    "images": ("r.json", '{"images":[' + ",".join(["1"] * 100_000) + "]}", "more than 20000 values"),
    "roles": ("r.toml", "".join(f"[roles.r{at}]\n" for at in range(60_000)), "more than 20000 values"),
    "patterns": ("r.toml", "[roles.a]\nmatch = [" + '"a",' * 5000 + "]", "role 'a', key 'match': more than 1000"),
    "parts": ("r.toml", "a." * 400_000 + "a = 1", "a key of more than 32 parts"),
    "quoted parts": ("r.toml", "x = {" + "'a' . " * 100_000 + "a = 1}", "a key of more than 32 parts"),
    "digits": ("r.toml", f"a = {'9' * 100_000}", "no valid TOML: "),
    "digits in JSON": ("r.json", f'{{"images": {"9" * 100_000}}}', "no valid JSON: "),
    "depth": ("r.toml", "a = " + "[" * 300_000, "no valid TOML: "),
    "version": ("r.toml", f"[roles.a]\npython = '{'>=1,' * 200_000}'", "role 'a', key 'python': a text of 800000"),
    "name": ("r.toml", f"[roles.'{'a' * 900_000}']\nx = 1", "role 'aaa"),
    "one key twice": ("r.json", '{{"{0}":1,"{0}":2}}'.format("k" * 400_000), "no valid JSON: the key 'kkk"),
}


@pytest.mark.parametrize("kind", _MANY)
def test_work_and_messages_are_bounded(tmp_path: Path, kind: str) -> None:
    name, text, message = _MANY[kind]
    begun = time.process_time()
    told = refusal(tmp_path, text, name)
    assert told.startswith(message)
    assert len(told) < 5000
    assert time.process_time() - begun < 20  # minutes, or all memory, where the work is quadratic


def test_many_roles_are_a_policy(tmp_path: Path) -> None:
    images = ",".join(f'{{"name":"t{at}:1","torch_expected":false}}' for at in range(4000))
    assert len(loaded(tmp_path, f'{{"images":[{images}]}}', "roles.json").roles) == 4000


def test_registries_whose_tables_of_contents_are_trusted(tmp_path: Path) -> None:
    tables = '[registries."ghcr.io"]\ntrust-toc = true\n[registries."localhost:5000"]\n[roles.api]\ntorch = "absent"\n'
    assert loaded(tmp_path, tables).trust_toc == ("ghcr.io",)
    assert loaded(tmp_path, FULL).trust_toc == ()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("[registries.ghcr]", "registry 'ghcr': no registry's host; write it as image names do"),
        ('[registries."ghcr.io/team"]', "registry 'ghcr.io/team': no registry's host"),
        ('[registries."ghcr.io"]\ntrust-tok = true', "registry 'ghcr.io': unknown key 'trust-tok'; did you mean"),
        ('[registries."ghcr.io"]\ntrust-toc = 1', "registry 'ghcr.io', key 'trust-toc': "),
    ],
)
def test_a_registry_that_is_misspelt_is_refused(tmp_path: Path, table: str, message: str) -> None:
    assert refusal(tmp_path, f'[roles.api]\ntorch = "absent"\n{table}\n').startswith(message)


def faults(folder: Path, text: str, name: str = "inspector.toml") -> list[tuple[str, str]]:
    """All faults, each as what is marked of its line, and its message."""
    with pytest.raises(PolicyError) as raised:
        loaded(folder, text, name)
    found = raised.value.faults
    assert all(each.source == text.splitlines()[each.line - 1] for each in found if each.line)
    assert str(raised.value).count(f"{name}:") == len(found)
    return [(each.source[(each.column or 0) - 1 :][: each.width], each.message) for each in found]


SEVERAL = """\
images = ["a", {reference = "x", role = "apo"}]
ignor = 3
[roles.api]
match = ["a:b", 3]
torch = "gpu"
cuda = ">=12"
max-size = "1.5"
[roles."b c"]
default = true
forbid = ["x[", "", "y"]
[roles.c]
default = true
"""


def test_all_faults_are_told_each_at_its_place(tmp_path: Path) -> None:
    found = faults(tmp_path, SEVERAL)
    assert [marked for marked, _ in found] == ['"apo"', "ignor", "3", '"gpu"', '"1.5"', '"x["', '""', "true"]
    assert "the role 'b c' is the default already" in found[-1][1]
    assert (
        faults(
            tmp_path,
            SEVERAL.replace("[roles", "[tool.inspector.roles").replace("images", "tool.inspector.images"),
            "pyproject.toml",
        )[0]
        == found[0]
    )


def test_all_faults_of_test_data_are_told_each_at_its_place(tmp_path: Path) -> None:
    text = '{"images": [\n  {"name": "a:1", "torch_expected": 3, "cuda": true},\n  {"name": "b:1"}, 4\n]}'
    assert [marked for marked, _ in faults(tmp_path, text, "roles.json")] == ["3", '"cuda"', '{"name": "b:1"}', "4"]


@pytest.mark.parametrize(
    ("stated", "keys"),
    [
        ("torch = 3\ncuda = '>=12'", ["torch"]),
        ("torhc = 'cuda'\ncuda = '>=12'", ["torhc"]),
        ("torch = 'gpu'\ncuda = 'x'\ncuda-runtime = true", ["torch", "cuda"]),
        ("cuda = '>=12'\ncuda-runtime = true", ["cuda"]),
        ("require = ['a[x]']\nforbid = ['a']", ["require"]),
    ],
)
def test_what_follows_from_another_fault_is_none(tmp_path: Path, stated: str, keys: list[str]) -> None:
    found = faults(tmp_path, f"[roles.api]\n{stated}\n")
    assert [key for key in keys if any(f"'{key}'" in message for _, message in found)] == keys
    assert len([message for _, message in found if "contradicts" in message]) == (
        0 if len(keys) > 1 or keys != ["cuda"] else 1
    )


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("a.toml", "a = 1\r\nb = ]\r\n", (2, 5)),
        ("a.toml", "a = 1\n[roles", (2, 7)),
        ("a.json", '{"images":\n ]}', (2, 2)),
        ("pyproject.toml", "[tool\n", (1, 6)),
    ],
)
def test_faults_of_syntax_have_their_place(tmp_path: Path, name: str, text: str, place: tuple[int, int]) -> None:
    (tmp_path / name).write_bytes(text.encode())
    with pytest.raises(PolicyError) as raised:
        load_policy(tmp_path / name)
    (fault,) = raised.value.faults
    assert (fault.line, fault.column) == place


def test_no_more_faults_are_looked_for_than_anybody_reads(tmp_path: Path) -> None:
    assert len(faults(tmp_path, "[roles.a]\n" + "".join(f"k{at} = 1\n" for at in range(9000)))) == MAX_FAULTS
    assert len(faults(tmp_path, "".join(f"[roles.r{at}]\nx = 1\n" for at in range(9000)))) == MAX_FAULTS


def test_the_role_of_the_rest_and_what_is_ignored(tmp_path: Path) -> None:
    policy = loaded(
        tmp_path, "ignore = ['*:debug']\n[roles.a]\ntorch = 'any'\n[roles.rest]\ndefault = true\ntorch = 'present'\n"
    )
    assert policy.ignore == ("*:debug",)
    assert [role.default for role in policy.roles] == [False, True]
