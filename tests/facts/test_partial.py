"""Partial facts: what a few questions tell, and that whole facts say the same."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import pytest

from fixtures.bases import debian
from fixtures.pythons import venv
from fixtures.roles import right_images
from fixtures.torches import torch_cpu, torch_cuda, torch_needs
from fixtures.wheels import install
from fixtures.wrong import wrong_images
from inspector.facts import ImageFacts
from inspector.facts.partial import inspect_partially
from inspector.oci import ImageConfig, parse_config
from inspector.python.model import Interpreter
from inspector.sources.access import AccessUnusable
from inspector.sources.engine.container import ContainerRootfs
from inspector.sources.image import Image
from inspector.testing.tree import File, Member
from inspector.unknown import Absent, Unknown
from tests.facts.agreement import disagreements, partial_facts_of, whole_of
from tests.facts.archive import MemoryArchive
from tests.support import config_of, rootfs_of
from tests.torchbuild.asking import ENV, SITE, VENV, VENV_SITE, slim

IMAGES = right_images() | {name: wrong.image for name, wrong in wrong_images().items()}
PRESENT = sorted(right_images().keys() - {"backend-prod"})


def look(
    tree: Mapping[str, Member], config: ImageConfig | None = None, *, whole: bool = False
) -> tuple[ImageFacts, list[str]]:
    config = config or config_of(env=ENV, working_dir="/app")
    facts, engine = partial_facts_of(rootfs_of(tree), config, whole=whole)
    assert disagreements(facts, whole_of(rootfs_of(tree), config)) == []
    return facts, engine.asked


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("name", IMAGES)
def test_whatever_is_stated_is_so(name: str, *, whole: bool) -> None:
    image = IMAGES[name]
    fs, config = (
        rootfs_of(*(step.tree for step in image.steps if step.tree is not None)),
        parse_config(image.config, ""),
    )
    facts, _ = partial_facts_of(fs, config, whole=whole)
    told = whole_of(fs, config)
    assert disagreements(facts, told) == []
    assert facts.torch.installed == told.torch.installed
    assert facts.torch.importable in (told.torch.importable, "unknown")
    if whole and isinstance(told.interpreter, Interpreter):
        assert isinstance(facts.distributions, tuple)


def test_packages_are_told_from_the_folders_that_prove_torch_absent() -> None:
    image = IMAGES["backend-prod"]
    fs = rootfs_of(*(step.tree for step in image.steps if step.tree is not None))
    config = parse_config(image.config, "")
    facts, engine = partial_facts_of(fs, config, packages="rule")
    assert disagreements(facts, whole_of(fs, config)) == []
    assert isinstance(facts.distributions, tuple)
    streamed = [question for question in engine.asked if question[0] == "G" and "-packages" in question]
    assert len(streamed) <= 1
    absent, engine = partial_facts_of(fs, config)
    assert not [question for question in engine.asked if question[0] == "G" and question.endswith("libc.so.6")]
    assert isinstance(absent.interpreter, Interpreter)
    assert absent.interpreter.libc is not None
    assert (absent.interpreter.libc.name, absent.interpreter.libc.version) == ("glibc", None)


@pytest.mark.parametrize("name", PRESENT)
def test_packages_beside_a_torch_are_left_to_the_layers(name: str) -> None:
    image = IMAGES[name]
    fs = rootfs_of(*(step.tree for step in image.steps if step.tree is not None))
    with pytest.raises(AccessUnusable, match="rule, and to list those beside a torch"):
        partial_facts_of(fs, parse_config(image.config, ""), packages="rule")


@pytest.mark.parametrize("name", PRESENT)
def test_a_torch_is_proved_where_it_stands_and_nothing_is_listed(name: str) -> None:
    image = IMAGES[name]
    fs = rootfs_of(*(step.tree for step in image.steps if step.tree is not None))
    facts, engine = partial_facts_of(fs, parse_config(image.config, ""))
    assert (facts.torch.installed, facts.torch.importable) == (True, "yes")
    assert (facts.torch.size, facts.torch.stack_size, facts.torch.layer) == (None, None, None)
    assert isinstance(facts.distributions, Unknown)
    assert isinstance(facts.torch_elsewhere, Unknown)
    (warning,) = facts.warnings
    assert "the .pth files of '/app/.venv/lib/python3.11/site-packages'" in warning
    assert "--access save" in warning
    reads = [question for question in engine.asked if question.startswith("G")]
    assert len(engine.asked) <= 150
    assert len(reads) <= 10
    assert not [question for question in reads if question.endswith("-packages")]
    evidence = facts.evidence
    assert (evidence.access, evidence.how, evidence.questions) == ("files", "archive", len(engine.asked) - 1)
    assert evidence.bytes_read > 0
    assert not evidence.digests_verified


def test_absence_is_proved_by_listing_the_site_folders() -> None:
    facts, asked = look({**slim(), **venv("venv")}, config_of(env=VENV))
    assert (facts.torch.installed, facts.torch.importable) == (False, "no")
    assert f"G /{VENV_SITE}" in asked
    assert "G /usr/local/lib/python3.11" not in asked
    assert isinstance(facts.distributions, Unknown)
    assert facts.warnings == ()


def test_a_pth_file_leads_to_a_torch() -> None:
    tree = {**slim(), **install("opt/lib", torch_cpu()), f"{SITE}/x.pth": b"/opt/lib\n"}
    facts, _ = look(tree)
    assert (facts.torch.path, facts.torch.importable) == ("/opt/lib/torch", "yes")
    assert isinstance(facts.interpreter, Interpreter)
    assert "/opt/lib" in facts.interpreter.search_path
    assert ".pth" not in facts.warnings[0]


def test_a_site_that_stands_before_torch_s_is_listed_first() -> None:
    user = "root/.local/lib/python3.11/site-packages"
    tree = {**slim(torch_cpu()), f"{user}/x.pth": b"/opt/lib\n", **install("opt/lib", torch_cuda())}
    tree["etc/passwd"] = b"root:x:0:0::/root:/bin/sh\n"
    facts, asked = look(tree)
    assert f"G /{user}" in asked
    assert f"G /{SITE}" not in asked
    assert facts.torch.path == "/opt/lib/torch"
    del tree[f"{user}/x.pth"]
    facts, asked = look({**tree, f"{user}/six.py": b""})
    assert (facts.torch.path, facts.torch.importable) == (f"/{SITE}/torch", "yes")


def test_code_in_a_pth_file_is_not_seen_and_said_not_to_be() -> None:
    facts, _ = look({**slim(torch_cpu()), f"{SITE}/zz.pth": b"import zz\n"})
    assert facts.torch.importable == "yes"
    assert "run code" in facts.warnings[0]


def test_a_small_working_directory_is_listed_for_what_it_hides() -> None:
    tree = slim(torch_cpu())
    hidden, asked = look({**tree, "app/random.py": b"", "app/main.py": b""})
    assert "G /app" in asked
    assert hidden.torch.importable == "unknown"
    assert "'/app/random.py'" in hidden.torch.reasons[0]
    large, _ = look({**tree, "app/random.py": b"", "app/data": bytes(1 << 20)})
    assert large.torch.importable == "yes"
    assert "before the standard library's modules" in large.warnings[0]


def test_a_torch_py_that_comes_first_is_seen() -> None:
    facts, _ = look({**slim(torch_cpu()), "app/torch.py": b"", "app/data": bytes(1 << 20)})
    assert facts.torch.importable == "unknown"


def test_without_a_python_there_is_no_torch_and_nothing_is_installed() -> None:
    facts, asked = look(debian())
    assert isinstance(facts.interpreter, Absent)
    assert (facts.torch.importable, facts.distributions) == ("no", ())
    assert len(asked) < 30


def test_a_script_before_the_command_leaves_absence_open() -> None:
    tree = {**slim(), "entry.sh": File(b'#!/bin/sh\n. /tmp/made-later\neval "$X"\nexec "$@"\n', 0o755)}
    facts, _ = look(tree, config_of(env=ENV, entrypoint=["/entry.sh"]))
    assert (facts.torch.installed, facts.torch.importable) == (False, "unknown")


def test_a_torch_of_unknown_make_is_not_called_absent() -> None:
    odd = {f"app/torch/{name}": b"" for name in ("__init__.py", "_C.cpython-39-x86_64-linux-gnu.so")}
    facts, _ = look({**slim(), **odd, "app/data": bytes(1 << 20)})
    assert facts.torch.importable == "unknown"


def test_with_everything_listed_the_distributions_are_told() -> None:
    tree = {**slim(*torch_needs(), torch_cpu()), "app/main.py": b""}
    facts, _ = look(tree, whole=True)
    assert isinstance(facts.distributions, tuple)
    assert {one.name for one in facts.distributions} >= {"torch", "sympy"}
    at_root, _ = look(tree, config_of(env=ENV), whole=True)
    assert isinstance(at_root.distributions, Unknown)


def test_an_engine_that_stops_answering_leaves_no_facts() -> None:
    class Ending(MemoryArchive):
        left = 60

        def stat(self, container: str, path: str) -> None:
            self.left -= 1
            if self.left < 0:
                raise AccessUnusable("it went away")
            return super().stat(container, path)  # type: ignore[return-value]

    config = config_of(env=ENV)
    image = Image(reference="a", source="docker", image_id=None, config=config, platform=config.platform, layers=())
    for left in range(0, 130, 7):
        engine = Ending(rootfs_of(slim(torch_cpu())))
        engine.left = left
        files = ContainerRootfs(engine, "c")
        with contextlib.suppress(AccessUnusable):
            assert inspect_partially(image, files).torch.importable == "unknown"
        with pytest.raises(AccessUnusable, match="went away"):
            files.confirm()


def test_links_made_to_ask_for_ever_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.sources.engine.container.MAX_QUESTIONS", 40)
    config = config_of(env={"PATH": ":".join(f"/p{number}" for number in range(500))})
    engine = MemoryArchive(rootfs_of({}))
    image = Image(reference="a", source="docker", image_id=None, config=config, platform=config.platform, layers=())
    files = ContainerRootfs(engine, "c")
    assert isinstance(inspect_partially(image, files).interpreter, Unknown)
    with pytest.raises(AccessUnusable):
        files.confirm()
    assert len(engine.asked) <= 40
