"""What deploy/README.md and the page on GitHub say, compared with what is there."""

from __future__ import annotations

import re
import shlex

from inspector.policy.load import load_policy
from tests.deploy.steps import PROJECT, yaml

README = (PROJECT / "deploy" / "README.md").read_text()
GITHUB = (PROJECT / "docs" / "how-to" / "github-actions.md").read_text()
COMMANDS = [
    command.replace("\\\n", " ").strip()
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for command in block.split("$ ")[1:]
    if command.split()[0] in ("docker", "inspector", "ln", "git")
]


def test_the_builds_are_the_policy_s_own() -> None:
    policy = load_policy(PROJECT / "deploy" / "inspector.toml")
    wanted = [
        f"docker build -f {role.dockerfile} -t {image.reference} ."
        for role, image in zip(policy.roles, policy.images, strict=True)
    ]
    assert [command for command in COMMANDS if "-t ktrdr" in command] == wanted


def test_every_file_that_a_command_names_is_there() -> None:
    named = [word for command in COMMANDS for word in shlex.split(command) if word.startswith("deploy/")]
    assert named
    assert [word for word in named if not (PROJECT / word).is_file()] == []


def test_the_action_s_inputs_and_outputs_are_all_told() -> None:
    table = GITHUB.partition("| input |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list(yaml("action.yml")["inputs"])
    assert all(f"`{name}`" in GITHUB for name in yaml("action.yml")["outputs"])


def test_the_build_arguments_are_the_dockerfiles_own() -> None:
    table = README.partition("| build argument |")[2].partition("\n\n")[0]
    told = dict(re.findall(r"^\| `(\w+)` \| `(\S+)`", table, re.MULTILINE))
    worker = (PROJECT / "deploy" / "docker" / "Dockerfile.worker-cpu").read_text()
    assert told == dict(re.findall(r"^ARG (\w+)=(\S+)$", worker, re.MULTILINE))
