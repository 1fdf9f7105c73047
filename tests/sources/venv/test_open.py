"""`venv:PATH`: an environment of this machine, judged by its own interpreter and this machine's files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.roots import write_root
from inspector import check, inspect
from inspector.errors import InspectorError, NotFound, PlatformMissing, Unsupported
from inspector.facts import ImageFacts
from inspector.oci import Platform
from inspector.python.model import Interpreter
from inspector.reference import parse_reference
from inspector.sources import open_images
from inspector.sources.image import Image
from inspector.testing.tree import File, Tree

if sys.platform != "linux":
    pytest.skip("environments are read on Linux alone", allow_module_level=True)

BASE = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of this Python, without packages."""
    env = tmp_path_factory.mktemp("environments") / ".venv"
    subprocess.run([BASE, "-m", "venv", "--without-pip", env], check=True)
    return env


@pytest.fixture
def env(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, with the working directory beside."""
    target = tmp_path / ".venv"
    subprocess.run(["cp", "-a", made, target], check=True)
    monkeypatch.chdir(tmp_path)
    return target


def site_of(env: Path) -> Path:
    return env / "lib" / BASE.name / "site-packages"


def read(env: Path) -> ImageFacts:
    return inspect(f"venv:{env}", cache=None)


def opened(reference: str, platform: Platform | None = None) -> Image:
    (image,) = open_images(parse_reference(reference), platform)
    return image


def imports(env: Path) -> str:
    """What its own Python says when it imports torch here."""
    words = [str(env / "bin" / "python"), "-c", "import torch; print(torch.__file__)"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={"HOME": os.environ.get("HOME", "/")})
    return (done.stdout or done.stderr).strip().splitlines()[-1]


def test_its_search_path_is_the_one_that_its_python_has(env: Path) -> None:
    words = [str(env / "bin" / "python"), "-c", "import sys; print('\\n'.join(sys.path[1:]), sys.prefix, sep='\\n')"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env={"HOME": str(Path.home())})
    *path, prefix = done.stdout.splitlines()
    found = read(env).interpreter
    assert isinstance(found, Interpreter)
    assert list(found.search_path) == [str(Path.cwd()), *path]
    assert (found.prefix, found.path, found.runs) == (prefix, f"{env}/bin/python", "yes")


def test_no_torch(env: Path) -> None:
    assert "No module named 'torch'" in imports(env)
    facts = read(env)
    assert (facts.source, facts.torch.importable, facts.torch.installed) == ("venv", "no", False)
    assert facts.size.uncompressed == facts.layers[0].size
    assert facts.evidence.how == "files"


def test_the_working_directory_comes_first(env: Path) -> None:
    """As `python -c` has it: what stands there hides what is installed."""
    Path("torch.py").write_text("x = 1\n")
    assert imports(env) == str(Path("torch.py").absolute())
    assert f"finds '{Path('torch.py').absolute()}', which is not PyTorch" in read(env).torch.reasons[0]


def test_what_pth_files_add_is_looked_at_wherever_it_lies(env: Path, tmp_path: Path) -> None:
    """Nothing but the environment is gone through, and any other place is asked for by name."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "torch").mkdir(parents=True)
    (elsewhere / "torch" / "__init__.py").write_text("")
    (site_of(env) / "more.pth").write_text(f"{elsewhere}\n")
    assert imports(env) == str(elsewhere / "torch" / "__init__.py")
    assert str(elsewhere / "torch") in read(env).torch.reasons[0]


def test_what_lies_beside_it_is_no_matter(env: Path, tmp_path: Path) -> None:
    write_root({"torch/version.py": b"__version__ = '2.0'\ncuda = None\n", "torch/_C.so": b""}, tmp_path / "other")
    assert read(env).torch_elsewhere == ()
    torch = site_of(env).parent / "vendored"
    write_root({"torch/version.py": b"__version__ = '2.0'\ncuda = None\n", "torch/_C.so": b""}, torch)
    (other,) = read(env).torch_elsewhere  # type: ignore[misc]
    assert other.path == f"{torch}/torch"


@pytest.mark.parametrize("name", ["PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LD_PRELOAD"])
def test_variables_of_the_caller_are_left_aside_and_said(
    name: str, env: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    facts = read(env)
    assert any(text.startswith(f"{name} is set in this shell, and was left aside") for text in facts.warnings)
    assert isinstance(facts.interpreter, Interpreter)
    assert facts.interpreter.runs == "yes"


def test_a_check_asks_no_command_of_it(env: Path) -> None:
    report = check(f"venv:{env}", {"roles": {"api": {"torch": "absent"}}}, role="api", cache=None)
    assert report.outcome == "pass", report
    assert "startup" not in {finding.check for finding in report.results[0].findings}


def test_another_python_of_it(env: Path) -> None:
    """The rest of PATH is what a shell has without the environment."""
    found = inspect(f"venv:{env}", python=f"/bin/{BASE.name}x", cache=None).interpreter
    assert "no '/bin/" in str(found)


def test_imports_are_followed_through_the_machine_s_files(env: Path) -> None:
    (site_of(env) / "ours.py").write_text("import json, ssl\n")
    (site_of(env) / "theirs.py").write_text("import gone_away\n")
    found = inspect(f"venv:{env}", imports=["ours", "theirs"], cache=None).imports
    assert (found["ours"].importable, found["theirs"].importable) == ("yes", "no")


def test_a_link_to_it_is_its_prefix(env: Path) -> None:
    link = env.with_name("link")
    link.symlink_to(env)
    found = read(link).interpreter
    assert isinstance(found, Interpreter)
    assert found.prefix == str(link)


def test_what_an_installer_links_to_its_cache_counts(env: Path, tmp_path: Path) -> None:
    """Each file, or a package as a whole; a link to anywhere else is but a link."""
    before = read(env).size.uncompressed or 0
    cache = write_root({"whole/a.py": bytes(10_000), "single.py": bytes(2_000)}, tmp_path / "cache")
    (site_of(env) / "whole").symlink_to(cache / "whole")
    (site_of(env) / "whole" / "again").symlink_to(cache / "whole")
    (site_of(env) / "single.py").symlink_to(cache / "single.py")
    (env / "root").symlink_to("/")
    grown = (read(env).size.uncompressed or 0) - before
    assert 12_000 < grown < 13_000


def test_what_can_not_be_asked_of_it(env: Path) -> None:
    with pytest.raises(Unsupported, match="no digest that can be verified; leave out --verify"):
        inspect(f"venv:{env}", verify=True)
    with pytest.raises(PlatformMissing, match="leave out --platform"):
        opened(f"venv:{env}", Platform("linux", "mips64"))
    assert "unknown" in inspect(f"venv:{env}", waste=True, cache=None).to_dict()["waste"]


CONDA: Tree = {
    "bin/python": File(b"\x7fELF", 0o755),
    "conda-meta/history": b"",
    "etc/conda/activate.d/cuda.sh": b"export X=1\n",
}


def test_a_prefix_of_conda_s(tmp_path: Path) -> None:
    prefix = write_root(CONDA, tmp_path / "conda")
    image = opened(f"venv:{prefix}")
    assert image.config.env["CONDA_PREFIX"] == str(prefix)
    assert "VIRTUAL_ENV" not in image.config.env
    assert any("sets on activation was left aside" in text for text in image.warnings)


def test_an_activated_environment(env: Path) -> None:
    config = opened(f"venv:{env}").config
    assert config.env["PATH"].startswith(f"{env}/bin:/usr/local/sbin:")
    assert config.env["VIRTUAL_ENV"] == str(env)
    assert (config.working_dir, config.run.user) == (str(Path.cwd()), str(os.geteuid()))


REFUSED: dict[str, tuple[Tree, str]] = {
    "no python": ({"lib/x": b""}, r"no bin/python in it"),
    "of Windows": ({"Scripts/python.exe": b"", "pyvenv.cfg": b""}, "an environment of Windows"),
    "a root file system": (
        {"etc/passwd": b"", "usr/bin/env": b"", "var/x": b"", "lib/x": b""},
        "a root file system, not an environment; write rootfs:",
    ),
    "no program": ({"bin/python": b"", "pyvenv.cfg": b""}, "which can't be executed"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_none_is_named(what: str, tmp_path: Path) -> None:
    tree, message = REFUSED[what]
    with pytest.raises(NotFound, match=message):
        opened(f"venv:{write_root(tree, tmp_path / 'env')}")


def test_one_whose_python_is_gone(env: Path) -> None:
    """Its `python` must not be looked for in the rest of PATH."""
    (env / "bin" / BASE.name).unlink(missing_ok=True)
    (env / "bin" / "python3").unlink()
    (env / "bin" / "python").unlink()
    (env / "bin" / "python").symlink_to("/gone/python3.9")
    with pytest.raises(NotFound, match=r"leads to '/gone/python3\.9', which is gone; make the environment again"):
        read(env)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such directory"):
        opened(f"venv:{tmp_path / 'none'}")


def test_a_folder_that_can_not_be_listed_is_no_shorter_answer(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_open = os.open
    closed = str(site_of(env))

    def refusing(path: object, *arguments: object, **given: object) -> int:
        if path == closed:
            raise PermissionError(13, "Permission denied", path)
        return real_open(path, *arguments, **given)  # type: ignore[arg-type]

    monkeypatch.setattr("inspector.sources.venv.machine.os.open", refusing)
    with pytest.raises(InspectorError, match=r"site-packages' can't be listed: Permission denied"):
        read(env)
