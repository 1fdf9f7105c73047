"""The facts of the image's own command, beside those of the asked `python`."""

from __future__ import annotations

import pytest

from fixtures.pythons import script, venv
from fixtures.torches import torch_cpu, torch_cuda, torch_needs
from fixtures.wheels import install
from inspector.facts.command import Asked, find_command, find_question
from inspector.facts.doubts import with_doubts
from inspector.facts.model import Command
from inspector.oci import ImageConfig
from inspector.python.distributions import find_distributions
from inspector.python.interpreter import find_interpreter
from inspector.python.model import Interpreter
from inspector.python.startup import find_startup
from inspector.testing.tree import File, Tree
from inspector.torchbuild import find_torch
from inspector.torchbuild.model import Torch
from tests.support import config_of, rootfs_of
from tests.torchbuild.asking import ENV, slim

VENV = "app/.venv"
SITE = f"{VENV}/lib/python3.11/site-packages"
HIDDEN = '#!/bin/sh\neval "$(setup)"\nexec "$@"\n'


def ask(tree: Tree, config: ImageConfig) -> tuple[Torch, Command]:
    """The torch of the asked python, and the facts of the command."""
    fs = rootfs_of(tree)
    question = find_question(fs, config, "python")
    interpreter, _ = find_interpreter(fs, config, question=question)
    installed, _ = find_distributions(fs, interpreter)
    torch, elsewhere, _ = find_torch(fs, question.config, interpreter, installed)
    torch = with_doubts(fs, question, interpreter, torch, elsewhere)
    asked = Asked(
        config=config,
        startup=find_startup(fs, config),
        question=question,
        interpreter=interpreter,
        torch=torch,
        elsewhere=elsewhere,
    )
    return torch, find_command(fs, asked)


def with_venv(tree: Tree) -> Tree:
    return {
        **tree,
        **venv(VENV),
        **install(SITE, *torch_needs(), torch_cpu()),
        f"{VENV}/bin/serve": script("app", f"/{VENV}/bin/python"),
        "e": File(HIDDEN.encode(), 0o755),
    }


@pytest.mark.parametrize("words", [["/app/.venv/bin/python", "-m", "app"], ["/app/.venv/bin/serve"]])
def test_another_python_has_a_torch_of_its_own(words: list[str]) -> None:
    torch, command = ask(with_venv(slim(torch_cuda())), config_of(env=ENV, cmd=words))
    assert torch.build == "cuda"
    assert command.python_differs
    assert command.torch is not None
    assert (command.torch.build, command.torch.path) == ("cpu", f"/{SITE}/torch")
    assert command.reaches == (f"/{SITE}/torch",)


def test_the_same_python_is_not_told_twice() -> None:
    _, command = ask(with_venv(slim(torch_cuda())), config_of(env=ENV, cmd=["python3", "-m", "app"]))
    assert isinstance(command.interpreter, Interpreter)
    assert (command.python_differs, command.torch, command.reaches) == (False, None, ())


@pytest.mark.parametrize("words", [["bash"], ["sh", "-c", "echo x"], []])
def test_a_command_without_python(words: list[str]) -> None:
    _, command = ask(slim(), config_of(env=ENV, cmd=words))
    assert (command.interpreter, command.python_differs) == (None, False)


def test_a_script_that_names_an_environment_reaches_it() -> None:
    tree = {**with_venv(slim()), "run": File(b"#!/bin/sh\n/app/.venv/bin/python x.py &\nexec node\n", 0o755)}
    assert ask(tree, config_of(env=ENV, cmd=["/run"]))[1].reaches == (f"/{SITE}/torch",)


def test_an_entrypoint_that_can_t_be_followed_is_a_doubt_in_both_directions() -> None:
    config = config_of(env=ENV, entrypoint=["/e"])
    torch, _ = ask(with_venv(slim(torch_cuda())), config)
    assert (torch.importable, torch.build) == ("unknown", "unknown")
    torch, _ = ask(with_venv(slim()), config)
    assert torch.importable == "unknown"


def test_an_entrypoint_can_t_change_what_is_nowhere_or_what_is_alone() -> None:
    config = config_of(env=ENV, entrypoint=["/e"])
    tree = {**slim(), "e": File(HIDDEN.encode(), 0o755)}
    assert ask(tree, config)[0].importable == "no"
    assert ask({**tree, **slim(torch_cpu())}, config)[0].importable == "yes"
