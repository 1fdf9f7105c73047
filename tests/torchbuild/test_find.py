"""Which torch is found, and what else may stand in its place."""

from __future__ import annotations

import io
import zipfile

import pytest

from fixtures.bases import debian
from fixtures.nvidia import nvidia
from fixtures.pythons import cpython
from fixtures.torches import Torch, torch_cpu, torch_cuda, version_py
from fixtures.wheels import install
from inspector.python.distributions import find_distributions
from inspector.python.interpreter import find_interpreter
from inspector.testing.tree import File, Link, Member
from inspector.torchbuild import find_torch
from inspector.unknown import Unknown
from tests.support import config_of, rootfs_of
from tests.torchbuild.asking import ENV, SITE, ask, slim, without

CPU = torch_cpu()


def test_the_whole_answer() -> None:
    torch = ask(slim(), install(SITE, CPU)).torch
    assert (torch.installed, torch.importable, torch.reasons) == (True, "yes", ())
    assert (torch.version, torch.distribution_version, torch.build) == ("2.13.0+cpu", "2.13.0+cpu", "cpu")
    assert (torch.path, torch.layer, torch.created_by) == (f"/{SITE}/torch", 1, None)


def test_no_torch_at_all() -> None:
    answer = ask(slim())
    torch = answer.torch
    assert (torch.installed, torch.importable, torch.build, torch.size) == (False, "no", "unknown", 0)
    assert torch.reasons == ("no module torch is on the search path of /usr/local/bin/python",)
    assert answer.elsewhere == ()


def test_an_interpreter_that_is_not_known_leaves_the_question_open() -> None:
    fs = rootfs_of(slim(CPU))
    unknown = Unknown("`python` is a script that can't be read")
    assert find_distributions(fs, unknown) == ((), ())
    torch, (other,), _ = find_torch(fs, config_of(), unknown, ())
    assert (torch.installed, torch.importable, torch.reasons) == (False, "unknown", (unknown.unknown,))
    assert (other.path, other.why_not_importable) == (f"/{SITE}/torch", unknown.unknown)


def test_two_releases_mixed() -> None:
    other = {f"{SITE}/torch/version.py": version_py("2.10.0+cpu"), f"{SITE}/torch/nn/__init__.py": b"# of 2.10\n"}
    answer = ask(slim(CPU) | other)
    assert answer.torch.importable == "unknown"
    assert "two releases are mixed: version.py says '2.10.0+cpu', the metadata '2.13.0+cpu'" in answer.why


def test_a_version_that_is_none() -> None:
    texts = {b"": "no", b"cuda = None\n": "no", b"__version__ = None\ndebug = False\n": "unknown"}
    for text, importable in texts.items():
        answer = ask(slim(CPU) | {f"{SITE}/torch/version.py": text})
        assert (answer.torch.version, answer.torch.importable) == (None, importable)
        assert "its version.py" in answer.why
    broken = ask(slim(CPU) | {f"{SITE}/torch/version.py": b"__version__ = '2"})
    assert (broken.torch.version, broken.torch.build, broken.torch.importable) == (None, "unknown", "no")
    odd = ask(slim(Torch(version="2.13.0-custom-").wheel()))
    assert odd.torch.version == "2.13.0-custom-"
    assert "no valid version" in odd.why


def test_a_field_that_torch_reads() -> None:
    answer = ask(slim(CPU) | {f"{SITE}/torch/version.py": b"__version__ = '2.13.0+cpu'\ncuda = None\n"})
    assert (answer.torch.build, answer.torch.importable) == ("cpu", "unknown")
    assert "hip" in answer.why


def test_files_of_another_build_beside_version_py() -> None:
    edited = {f"{SITE}/torch/version.py": version_py("2.14.1+cpu")}
    answer = ask(slim(torch_cuda(), *nvidia()) | edited)
    assert (answer.torch.installed, answer.torch.build, answer.torch.importable) == (True, "unknown", "yes")
    assert "version.py says CPU, yet torch/lib holds libtorch_cuda.so" in answer.why
    assert ask(slim(torch_cuda()) | edited).torch.importable == "no"


def test_an_editable_install_through_setuptools_finder() -> None:
    module = "__editable___torch_2_13_0_finder"
    built = {
        path.replace("x/", "src/", 1): member for path, member in install("x", CPU).items() if "-info/" not in path
    }
    mapping = "{'torch': '/src/torch', 'torchgen': '/src/torchgen'}"
    tree: dict[str, Member] = {
        **slim(),
        **built,
        f"{SITE}/__editable__.torch-2.13.0.pth": f"import {module}; {module}.install()\n".encode(),
        f"{SITE}/{module}.py": f"MAPPING: dict[str, str] = {mapping}\n".encode(),
        f"{SITE}/torch-2.13.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: torch\nVersion: 2.13.0\n",
        f"{SITE}/torch-2.13.0.dist-info/direct_url.json": b'{"url": "file:///src", "dir_info": {"editable": true}}',
    }
    torch = ask(tree).torch
    assert (torch.path, torch.importable, torch.distribution_version) == ("/src/torch", "yes", "2.13.0")
    hidden = ask(tree | {"torch/data": b""}).torch
    assert (hidden.installed, hidden.importable) == (True, "no")
    unread = ask(tree | {f"{SITE}/{module}.py": b"MAPPING = compute()\n"})
    assert (unread.torch.installed, unread.torch.importable) == (False, "unknown")
    assert [other.path for other in unread.elsewhere] == ["/src/torch"]


def test_code_that_runs_at_start_may_change_what_is_imported() -> None:
    hook: dict[str, Member] = {f"{SITE}/zz.pth": b"import zz_patches\n", f"{SITE}/zz_patches.py": b"import torch\n"}
    assert ask(slim(CPU) | hook).torch.importable == "unknown"
    assert ask(slim() | hook).torch.importable == "no"
    elsewhere = install("opt/torch", CPU)
    assert ask(slim() | hook | elsewhere).torch.importable == "unknown"


def test_an_entrypoint_that_may_bring_another_torch_in() -> None:
    text = b'#!/bin/sh\neval "$(/bin/settings)"\nexec "$@"\n'
    script = {"entry.sh": File(text, 0o755), "bin/settings": File(b"\x7fELF", 0o755)}
    config = config_of(env=ENV, entrypoint=["/entry.sh"])
    assert ask({**slim(), **script}, config=config).torch.importable == "no"
    assert ask({**slim(), **script}, install("opt/a/b/torch", CPU), config=config).torch.importable == "unknown"
    assert ask({**slim(), **script}, install(SITE, CPU), config=config).torch.importable == "yes"


def test_code_at_start_may_lead_to_a_torch_of_another_name() -> None:
    hidden = {path.replace("x/torch/", "opt/pytorch/", 1): member for path, member in install("x", CPU).items()}
    tree = {
        **slim(),
        **hidden,
        "opt/torch": Link("pytorch"),
        f"{SITE}/sitecustomize.py": b"import sys; sys.path += ['/opt']",
    }
    assert ask(tree).torch.importable == "unknown"


def test_an_archive_on_the_path_may_hold_a_torch() -> None:
    config = config_of(env={**ENV, "PYTHONPATH": "/lib/my.zip"})
    tree = slim() | {"usr/lib/my.zip": b"PK"}
    assert ask(tree, config=config).torch.importable == "unknown"
    assert ask(tree | install(SITE, CPU), config=config).torch.importable == "unknown"
    egg = slim(CPU) | {"usr/lib/six-1.0-py3.11.egg": b"PK"}
    config = config_of(env={**ENV, "PYTHONPATH": "/lib/six-1.0-py3.11.egg"})
    assert ask(egg, config=config).torch.importable == "yes"


@pytest.mark.parametrize(
    ("files", "expected", "clause"),
    [
        (["six.py"], "no", "no module torch is on the search path"),
        (["torch/__init__.py", "torch/version.py"], "no", "in a zip file, of which no library is loaded"),
        (["torch/__init__.py"], "unknown", "may hold a module torch"),
        (["torch.py"], "unknown", "may hold a module torch"),
        (["in/torch/__init__.py", "in/torch/version.py"], "no", "no module torch is on the search path"),
    ],
)
def test_an_archive_that_can_be_read_tells_what_it_holds(files: list[str], expected: str, clause: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in files:
            archive.writestr(name, "x = 1\n")
    fs, config = (
        rootfs_of(slim() | {"opt/my.zip": packed.getvalue()}),
        config_of(env=ENV | {"PYTHONPATH": "/opt/my.zip"}),
    )
    interpreter, _ = find_interpreter(fs, config)
    torch, *_ = find_torch(fs, config, interpreter, (), content=lambda _: packed.getvalue())
    assert torch.importable == expected
    assert clause in "; ".join(torch.reasons)


def test_metadata_of_another_entry_is_not_this_torch_s() -> None:
    stale = {"stale/torch-1.0.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: torch\nVersion: 1.0.0\n"}
    answer = ask(slim(CPU) | stale, config=config_of(env={**ENV, "PYTHONPATH": "/stale"}))
    assert (answer.torch.distribution_version, answer.torch.importable) == ("2.13.0+cpu", "yes")
    assert next(one.version for one in answer.installed if one.key == "torch") == "1.0.0"


def test_a_package_that_is_a_link() -> None:
    tree = {path.replace(f"{SITE}/torch/", "srv/torch/"): member for path, member in slim(CPU).items()}
    answer = ask({**tree, f"{SITE}/torch": Link("/srv/torch")})
    assert (answer.torch.importable, answer.torch.version) == ("yes", "2.13.0+cpu")
    assert answer.elsewhere == ()
    assert answer.torch.size == ask(slim(CPU)).torch.size


def test_a_python_that_no_loader_starts() -> None:
    tree = without({**debian(), **cpython(), **install(SITE, CPU)}, "usr/lib64/ld-linux-x86-64.so.2")
    answer = ask(tree)
    assert (answer.torch.installed, answer.torch.importable) == (True, "no")


def test_names_of_the_image_are_quoted_in_reasons() -> None:
    tree: dict[str, Member] = {**slim(), "a\x1b[31m/torch.py": File(b"")}
    answer = ask(tree, config=config_of(env={**ENV, "PYTHONPATH": "/a\x1b[31m"}))
    assert "\x1b" not in answer.why
