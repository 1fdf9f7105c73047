"""The zoo of images in which `import torch` does something else than one thinks, each with its answer.

Numbers are those of the list in the reference on Python and torch, section 8. Not here, since files and
metadata don't decide them: 30 (which libgomp the loader takes is a matter of the library closure), 37
(devices and architectures show at run time), and of 13 what a driver makes of the build.
"""

from __future__ import annotations

import dataclasses

from fixtures.bases import alpine, debian
from fixtures.nvidia import nvidia
from fixtures.pythons import conda, conda_record, cpython, debian_python, venv
from fixtures.torches import Torch, torch_cpu, torch_cuda, torch_needs, torch_rocm, version_py
from fixtures.wheels import install, pure
from inspector.python.model import Interpreter
from inspector.testing.tree import Dir, File, Link, Member
from inspector.unknown import Absent
from tests.support import config_of
from tests.torchbuild.asking import ENV, SITE, VENV, VENV_SITE, ask, slim, without

CPU = torch_cpu()
CUDA = torch_cuda()
TYPING = torch_needs()[0]


def test_01_behind_an_entrypoint_the_command_is_an_argument_and_torch_is_still_there() -> None:
    tree = {**slim(CPU), **debian_python()}
    answer = ask(tree, config=config_of(env=ENV, entrypoint=["/usr/bin/python3"]))
    assert isinstance(answer.interpreter, Interpreter)
    assert answer.interpreter.entrypoint == "argument"
    assert (answer.torch.installed, answer.torch.importable) == (True, "yes")


def test_02_conda_off_the_path_is_no_python_at_all() -> None:
    site = "opt/conda/lib/python3.11/site-packages"
    answer = ask({**debian(), **conda(), **install(site, *torch_needs(), CPU)}, config=config_of())
    assert isinstance(answer.interpreter, Absent)
    assert (answer.torch.installed, answer.torch.importable) == (False, "no")
    (other,) = answer.elsewhere
    assert (other.path, other.version, other.build) == (f"/{site}/torch", "2.13.0+cpu", "cpu")
    assert "python" in other.why_not_importable


def test_03_a_venv_whose_python_is_not_there_gives_way_to_the_next() -> None:
    home = "/root/.local/share/uv/python/cpython-3.11.9-linux-x86_64-gnu/bin"
    tree = {**slim(), **venv("venv", home, tool="uv"), **install(VENV_SITE, TYPING, CPU)}
    answer = ask(tree, config=config_of(env=VENV))
    assert (answer.torch.installed, answer.torch.importable) == (False, "no")
    assert [other.path for other in answer.elsewhere] == [f"/{VENV_SITE}/torch"]
    assert "/venv is an environment of its own" in answer.elsewhere[0].why_not_importable


def test_04_a_link_to_a_venv_s_python_is_not_in_the_venv() -> None:
    tree = {**slim(), **venv("venv"), **install(VENV_SITE, TYPING, CPU), "opt/bin/python": Link("/venv/bin/python")}
    answer = ask(tree, config=config_of(env={"PATH": "/opt/bin:/usr/local/bin"}))
    assert answer.torch.importable == "no"
    assert len(answer.elsewhere) == 1


def test_05_without_the_key_in_pyvenv_cfg_the_system_s_torch_is_seen() -> None:
    tree = {**slim(CPU), **venv("venv"), "venv/pyvenv.cfg": b"home = /usr/local/bin\n"}
    answer = ask(tree, config=config_of(env=VENV))
    assert (answer.torch.importable, answer.torch.path) == ("yes", f"/{SITE}/torch")
    assert ask({**slim(CPU), **venv("venv")}, config=config_of(env=VENV)).torch.importable == "no"


def test_06_a_pyvenv_cfg_without_home_still_makes_a_venv() -> None:
    for version in ("3.11", "3.14"):  # 3.14's getpath: without the key, home is that of the venv's program
        site = f"venv/lib/python{version}/site-packages"
        tree = {**debian(), **cpython(f"{version}.0"), **venv("venv", version=f"{version}.0")}
        tree |= install(site, *torch_needs(), torch_cpu(python=version))
        tree["venv/pyvenv.cfg"] = b"include-system-site-packages = false\n"
        assert ask(tree, config=config_of(env=VENV)).torch.importable == "yes"


def test_07_a_venv_that_reaches_another_minor_sees_nothing() -> None:
    tree = {**debian(), **cpython("3.12.4"), **venv("venv"), **install(VENV_SITE, TYPING, CPU)}
    answer = ask(tree, config=config_of(env=VENV))
    assert answer.torch.importable == "no"
    assert "which is a Python 3.12.4" in answer.elsewhere[0].why_not_importable


def test_08_debian_looks_in_dist_packages() -> None:
    base = {**debian(), **debian_python()}
    off = {**base, **install("usr/lib/python3.11/site-packages", *torch_needs(), CPU)}
    assert ask(off, command="python3").torch.importable == "no"
    on = {**base, **install("usr/local/lib/python3.11/dist-packages", *torch_needs(), CPU)}
    assert ask(on, command="python3").torch.importable == "yes"


def test_09_apt_s_torch_is_python3_s_and_not_python_s() -> None:
    tree = {**slim(), **debian_python(), **debian_torch()}
    assert ask(tree).torch.installed is False
    assert ask(tree, command="/usr/bin/python3").torch.importable == "yes"


def test_10_a_torch_py_in_the_working_directory_comes_first() -> None:
    tree = {**slim(CPU), "app/torch.py": b""}
    answer = ask(tree, config=config_of(env=ENV, working_dir="/app"))
    assert (answer.torch.installed, answer.torch.importable) == (True, "no")
    assert "/app/torch.py" in answer.why
    safe = config_of(env={**ENV, "PYTHONSAFEPATH": "0"}, working_dir="/app")
    assert ask(tree, config=safe).torch.importable == "yes"


def test_10_a_torch_py_alone_is_no_torch() -> None:
    answer = ask({**slim(), "app/torch.py": b""}, config=config_of(env=ENV, working_dir="/app"))
    assert (answer.torch.installed, answer.torch.importable, answer.torch.path) == (False, "no", "/app/torch.py")


def test_11_a_data_directory_named_torch_can_be_imported() -> None:
    answer = ask({**slim(), "torch/model.pt": b"severities"})
    torch = answer.torch
    assert (torch.installed, torch.importable, torch.version, torch.path) == (False, "yes", None, "/torch")
    assert "namespace" in answer.why


def test_11_a_data_directory_does_not_hide_an_installed_torch() -> None:
    answer = ask({**slim(CPU), "torch/model.pt": b"severities"})
    assert (answer.torch.installed, answer.torch.importable) == (True, "yes")


def test_12_a_source_tree_that_was_not_built_comes_first_and_fails() -> None:
    source: dict[str, Member] = {"src/torch/__init__.py": b"", "src/torch/csrc/x.cpp": b"", "src/torch/_C/x.pyi": b""}
    answer = ask({**slim(CPU), **source}, config=config_of(env=ENV, working_dir="/src"))
    assert answer.torch.importable == "no"
    assert "/src/torch" in answer.why
    assert "not built" in answer.why


def test_13_the_user_s_site_comes_before_the_system_s() -> None:
    user = "root/.local/lib/python3.11/site-packages"
    tree = {**slim(torch_cuda("2.5.1+cu124"), *nvidia("12.4")), **install(user, torch_cuda(), *nvidia("13.0"))}
    answer = ask(tree)
    assert (answer.torch.version, answer.torch.cuda) == ("2.14.1+cu130", "13.0")
    assert [(other.version, other.build) for other in answer.elsewhere] == [("2.5.1+cu124", "cuda")]
    assert "comes first on the search path" in answer.elsewhere[0].why_not_importable
    other = ask(tree, config=config_of(env={**ENV, "PYTHONNOUSERSITE": "1"}))
    assert (other.torch.version, other.torch.importable) == ("2.5.1+cu124", "yes")


def test_14_nousersite_of_zero_leaves_the_user_s_site_on() -> None:
    user = "root/.local/lib/python3.11/site-packages"
    tree = {**slim(), **install(user, CPU)}
    assert ask(tree, config=config_of(env={**ENV, "PYTHONNOUSERSITE": "0"})).torch.importable == "yes"


def test_15_root_s_own_site_is_not_another_user_s() -> None:
    tree = {**slim(), **install("root/.local/lib/python3.11/site-packages", CPU)}
    assert ask(tree, config=config_of(env=ENV, user="1000")).torch.importable == "no"


def test_16_a_hidden_pth_counts_up_to_3_12() -> None:
    for version, importable in (("3.11", "yes"), ("3.13", "no")):
        site = f"usr/local/lib/python{version}/site-packages"
        tree = {**debian(), **cpython(f"{version}.1"), **install(site, *torch_needs())}
        tree |= {f"{site}/.x.pth": b"/opt/more\n", **install("opt/more", torch_cpu(python=version))}
        assert ask(tree).torch.importable == importable


def test_17_what_an_interrupted_uninstall_left_is_no_torch_but_costs() -> None:
    left = {
        f"{SITE}/~orch/lib/libtorch_cpu.so": bytes(5000),
        f"{SITE}/~orch/version.py": version_py("2.0.0+cu117", cuda="11.7"),
        f"{SITE}/~orch-2.0.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: torch\nVersion: 2.0.0\n",
    }
    answer = ask({**slim(), **left})
    assert (answer.torch.installed, answer.torch.importable) == (False, "no")
    assert "torch" not in answer.names
    (other,) = answer.elsewhere
    assert (other.path, other.version, other.build) == (f"/{SITE}/~orch", "2.0.0+cu117", "cuda")
    assert other.size == sum(len(content) for content in left.values())
    assert "interrupted" in other.why_not_importable


def test_18_of_two_metadata_version_py_decides() -> None:
    old = b"Metadata-Version: 2.1\nName: torch\nVersion: 2.1.0\n"
    tree = slim(torch_cuda("2.5.1+cu124"), *nvidia("12.4")) | {f"{SITE}/torch-2.1.0.dist-info/METADATA": old}
    answer = ask(tree)
    torch = answer.torch
    assert (torch.version, torch.distribution_version, torch.importable) == ("2.5.1+cu124", "2.5.1", "yes")
    assert "2.1.0" in answer.why
    assert any("2 versions of torch" in warning for warning in answer.warnings)


def test_19_metadata_without_the_package() -> None:
    tree = without(slim(CPU), *(f"{SITE}/{name}" for name in ("torch", "torchgen", "functorch")))
    answer = ask(tree)
    torch = answer.torch
    assert (torch.installed, torch.importable, torch.distribution_version) == (False, "no", "2.13.0+cpu")
    assert "torch" in answer.names
    assert "package is gone" in answer.why


def test_20_pypi_leaves_the_local_part_out_of_the_metadata() -> None:
    torch = ask(slim(CUDA, *nvidia())).torch
    assert (torch.version, torch.distribution_version) == ("2.14.1+cu130", "2.14.1")
    assert (torch.build, torch.cuda, torch.importable, torch.reasons) == ("cuda", "13.0", "yes", ())


def test_21_cuda_none_is_a_cpu_build() -> None:
    torch = ask(slim(CPU)).torch
    assert (torch.build, torch.cuda, torch.hip) == ("cpu", None, None)


def test_22_hip_makes_it_rocm() -> None:
    torch = ask(slim(torch_rocm())).torch
    assert (torch.build, torch.cuda) == ("rocm", None)
    assert torch.hip is not None
    assert torch.importable == "yes"


def test_23_leftover_nvidia_wheels_prove_nothing() -> None:
    answer = ask(slim(CPU, *nvidia("12.4")))
    assert (answer.torch.build, answer.torch.importable) == ("cpu", "yes")


def test_24_a_cuda_library_removed_to_save_space() -> None:
    tree = without(slim(CUDA, *nvidia()), f"{SITE}/nvidia/nccl")
    answer = ask(tree)
    assert answer.torch.importable == "no"
    assert "libnccl" in answer.why


def test_25_installed_without_what_it_requires() -> None:
    answer = ask(slim(CUDA))
    assert answer.torch.importable == "no"
    assert "ValueError: libcublasLt.so.*[0-9] not found in the system path [" in answer.why


def test_25_the_system_s_cuda_may_serve_but_for_what_it_lacks() -> None:
    names = ("libcudart.so.13", "libcublas.so.13", "libcublasLt.so.13", "libnvrtc.so.13", "libcudnn.so.9")
    library = install(SITE, *nvidia())[f"{SITE}/nvidia/cu13/lib/libcudart.so.13"]
    system = {f"usr/local/cuda-13.0/lib64/{name}": library for name in names}
    answer = ask({**slim(CUDA), **system})
    assert answer.torch.importable == "no"
    assert "not found in the system path" in answer.torch.reasons[0]
    complete = {**slim(CUDA), **system, "usr/lib/x86_64-linux-gnu/libnccl.so.2": library}
    answer = ask(complete)
    assert answer.torch.importable == "no"
    assert "not found in the system path" in answer.why
    told = config_of(env={**ENV, "LD_LIBRARY_PATH": "/usr/local/cuda-13.0/lib64"})
    assert ask(complete, config=told).torch.importable == "yes"


def test_26_cuda_libraries_in_another_site_of_the_path() -> None:
    tree = {**slim(*nvidia()), **venv("venv", system=True), **install(VENV_SITE, CUDA)}
    assert ask(tree, config=config_of(env=VENV)).torch.importable == "yes"


def test_27_torch_copied_without_torchgen() -> None:
    answer = ask(without(slim(CPU), f"{SITE}/torchgen"))
    assert answer.torch.importable == "no"
    assert "torchgen" in answer.why


def test_28_typing_extensions_is_all_that_a_bare_import_needs() -> None:
    assert ask(slim(TYPING, CPU, needs=False)).torch.importable == "yes"
    answer = ask(slim(CPU, needs=False))
    assert answer.torch.importable == "no"
    assert "typing_extensions" in answer.why


def test_29_a_broken_backend_plugin() -> None:
    plugin = pure("npu", "1.0", module="torch_npu")
    entry = {"entry_points.txt": b"[torch.backends]\ntorch_npu = torch_npu:_autoload\n"}
    broken = dataclasses.replace(plugin, files={}, metadata=entry)
    tree = slim(CPU, broken)
    answer = ask(tree)
    assert answer.torch.importable == "no"
    assert "torch_npu" in answer.why
    off = config_of(env={**ENV, "TORCH_DEVICE_BACKEND_AUTOLOAD": "0"})
    assert ask(tree, config=off).torch.importable == "yes"
    whole = slim(CPU, dataclasses.replace(plugin, metadata=entry))
    assert ask(whole).torch.importable == "unknown"


def test_31_pypi_s_builds_for_aarch64() -> None:
    base = {**debian("aarch64"), **cpython(machine="aarch64")}
    cpu = Torch(version="2.10.0+cpu", metadata_version="2.10.0", machine="aarch64").wheel()
    torch = ask({**base, **install(SITE, *torch_needs(), cpu)}, config=config_of(env=ENV, architecture="arm64")).torch
    assert (torch.build, torch.version, torch.importable) == ("cpu", "2.10.0+cpu", "yes")
    cuda = torch_cuda("2.11.0+cu130", machine="aarch64")
    tree = {**base, **install(SITE, *torch_needs(), cuda)}
    torch = ask(tree, config=config_of(env=ENV, architecture="arm64")).torch
    assert (torch.build, torch.cuda) == ("cuda", "13.0")


def test_32_a_glibc_older_than_the_wheel_s() -> None:
    tree = {**debian(version="2.27"), **cpython(), **install(SITE, *torch_needs(), CPU)}
    answer = ask(tree)
    assert answer.torch.importable == "no"
    assert "libc.so.6: version `GLIBC_2.28' not found (required by " in answer.why


def test_33_a_manylinux_torch_on_musl() -> None:
    tree = {**alpine(), **cpython(libc="musl"), **install(SITE, *torch_needs(), CPU)}
    answer = ask(tree)
    assert answer.torch.importable == "no"
    assert "'_C.cpython-311-x86_64-linux-gnu.so'" in answer.why


def test_34_conda_forge_s_cuda_build_names_none_in_its_version() -> None:
    site = "opt/conda/lib/python3.11/site-packages"
    wheel = Torch(version="2.5.1.post303", cuda="11.8").wheel()
    files = install(site, *torch_needs(), wheel, installer="conda")
    listed = tuple(path.removeprefix("opt/conda/") for path in files if "/torch" in path)
    record = conda_record("pytorch", "2.5.1", "cuda118_py311h4ee7bbc_303", listed)
    answer = ask({**debian(), **conda(), **files, **record}, config=config_of(env={"PATH": "/opt/conda/bin"}))
    torch = answer.torch
    assert (torch.build, torch.cuda, torch.version) == ("cuda", "11.8", "2.5.1.post303")
    assert {"torch", "python"} <= answer.names
    assert "pytorch" not in answer.names


def debian_torch() -> dict[str, Member]:
    """Debian 12's python3-torch: an egg-info without a list of files, libraries that are links to the system's."""
    dist = "usr/lib/python3/dist-packages"
    lib = "usr/lib/x86_64-linux-gnu"
    wheel = Torch(version="1.13.1", cuda=None).wheel().files
    files: dict[str, Member] = {
        f"{dist}/{path}": data for path, data in wheel.items() if path.startswith(("torch/", "torchgen/"))
    }
    for path in [path for path in files if path.startswith(f"{dist}/torch/lib/")]:
        name = path.rpartition("/")[2]
        files[f"{lib}/{name}.1.13"] = files[path]
        files[path] = Link(f"../../../../x86_64-linux-gnu/{name}.1.13")
    files[f"{dist}/torch/version.py"] = (
        b"__version__ = '1.13.0a0'\ndebug = False\ncuda = None\ngit_version = 'Unknown'\nhip = None\n"
    )
    egg = f"{dist}/torch-1.13.0a0+gitunknown.egg-info"
    files[f"{egg}/PKG-INFO"] = b"Metadata-Version: 2.1\nName: torch\nVersion: 1.13.0a0+gitunknown\n"
    files[f"{egg}/requires.txt"] = b"typing_extensions\n\n[opt-einsum]\nopt-einsum>=3.3\n"
    files[f"{dist}/typing_extensions.py"] = b""
    return files


def test_35_debian_s_torch_calls_itself_an_alpha() -> None:
    answer = ask({**debian(), **debian_python(), **debian_torch()}, command="python3")
    torch = answer.torch
    assert (torch.version, torch.build, torch.importable) == ("1.13.0a0", "cpu", "yes")
    assert torch.distribution_version == "1.13.0a0+gitunknown"
    assert torch.size
    assert answer.elsewhere == ()


def test_36_a_free_threaded_python_has_its_own_folder() -> None:
    site = "usr/local/lib/python3.13/site-packages"
    tree = {**debian(), **cpython("3.13.0t"), **install(site, *torch_needs(), torch_cpu(python="3.13"))}
    answer = ask(tree)
    assert answer.torch.importable == "no"
    right = "usr/local/lib/python3.13t/site-packages"
    tree = {**debian(), **cpython("3.13.0t"), **install(right, *torch_needs(), torch_cpu(python="3.13.0t"))}
    assert ask(tree).torch.importable == "yes"
    tree = {**debian(), **cpython("3.13.0t"), **install(right, *torch_needs(), torch_cpu(python="3.13"))}
    answer = ask(tree)
    assert answer.torch.importable == "no"
    assert "cpython-313-" in answer.why


def test_a_symlinked_site_is_one_site() -> None:
    tree = {**slim(CPU), "opt/site": Link(f"/{SITE}"), "opt": Dir()}
    answer = ask(tree, config=config_of(env={**ENV, "PYTHONPATH": "/opt/site"}))
    assert (answer.torch.importable, answer.torch.path, answer.elsewhere) == ("yes", f"/{SITE}/torch", ())


def test_an_unfinished_program_is_no_reason_to_doubt_torch() -> None:
    tree = {**slim(CPU), "app/run.sh": File(b"#!/bin/sh\n", 0o755)}
    assert ask(tree, config=config_of(env=ENV, cmd=["/app/run.sh"])).torch.importable == "yes"
