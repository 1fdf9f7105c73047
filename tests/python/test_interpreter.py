"""Which Python an image's `python` is, and where it looks: the cases that people trip over, as image descriptions."""

from __future__ import annotations

import pytest

from fixtures.bases import alpine, debian, distroless, program
from fixtures.pythons import conda, cpython, debian_python, standard_library, venv
from inspector.oci import ImageConfig
from inspector.python.interpreter import find_interpreter
from inspector.python.model import Interpreter, Libc
from inspector.testing.tree import Dir, File, Link, Tree
from inspector.unknown import Absent, Unknown
from tests.support import config_of, rootfs_of

SLIM = {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "PYTHON_VERSION": "3.11.9"}
LOCAL_LIBRARY = [
    "/usr/local/lib/python311.zip",
    "/usr/local/lib/python3.11",
    "/usr/local/lib/python3.11/lib-dynload",
]
LOCAL_SITE = "/usr/local/lib/python3.11/site-packages"


def ask(tree: Tree, config: ImageConfig, command: str = "python") -> Interpreter:
    answer, _ = find_interpreter(rootfs_of(tree), config, command)
    assert isinstance(answer, Interpreter), answer
    return answer


def refusal(tree: Tree, config: ImageConfig, command: str = "python") -> Unknown:
    answer, _ = find_interpreter(rootfs_of(tree), config, command)
    assert isinstance(answer, Unknown), answer
    return answer


def warnings(tree: Tree, config: ImageConfig) -> str:
    return "\n".join(find_interpreter(rootfs_of(tree), config)[1])


def test_official_image() -> None:
    answer = ask({**debian(), **cpython()}, config_of(env=SLIM, cmd=["python3"]))
    assert answer.path == "/usr/local/bin/python"
    assert answer.resolved == "/usr/local/bin/python3.11"
    assert (answer.implementation, answer.version, answer.abi) == ("cpython", "3.11.9", "cp311")
    assert (answer.machine, answer.libc) == ("x86_64", Libc("glibc", "2.36"))
    assert (answer.runs, answer.reasons, answer.entrypoint) == ("yes", (), "direct")
    assert (answer.prefix, answer.base_prefix) == ("/usr/local", "/usr/local")
    assert answer.search_path == ("/", *LOCAL_LIBRARY, LOCAL_SITE)
    assert answer.hooks == ()


def test_working_directory_comes_first_unless_the_path_is_safe() -> None:
    tree = {**debian(), **cpython()}
    assert ask(tree, config_of(env=SLIM, working_dir="/app/")).search_path[0] == "/app"
    safe = ask(tree, config_of(env=SLIM | {"PYTHONSAFEPATH": "0"}, working_dir="/app"))
    assert safe.search_path == (*LOCAL_LIBRARY, LOCAL_SITE)


def test_command_behind_an_entrypoint_is_its_argument() -> None:
    config = config_of(env=SLIM, entrypoint=["/usr/bin/python3"])
    tree = {**debian(), **cpython(), **debian_python()}
    assert ask(tree, config).entrypoint == "argument"
    assert "argument" in warnings(tree, config)


def test_no_path_means_the_default_path() -> None:
    tree = {**debian(), **conda()}
    assert isinstance(refusal(tree, config_of()), Absent)
    assert ask({**debian(), **cpython()}, config_of()).path == "/usr/local/bin/python"
    answer = ask(tree, config_of(env={"PATH": "/opt/conda/bin:/usr/bin"}))
    assert (answer.version, answer.prefix) == ("3.11.9", "/opt/conda")


def test_dangling_link_is_passed_over() -> None:
    tree = {
        **debian(),
        **cpython(),
        **venv("app/.venv", "/root/.local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu/bin", "3.12.4", tool="uv"),
    }
    config = config_of(env={"PATH": "/app/.venv/bin:/usr/local/bin"})
    assert ask(tree, config).search_path[1:] == (*LOCAL_LIBRARY, LOCAL_SITE)
    assert "cpython-3.12.4" in warnings(tree, config)


def test_only_a_dangling_link_is_no_python() -> None:
    answer = refusal({**debian(), **venv("venv")}, config_of(env={"PATH": "/venv/bin:/usr/bin"}))
    assert isinstance(answer, Absent)
    assert "/usr/local/bin/python3" in answer.unknown


def test_venv() -> None:
    tree = {**debian(), **cpython(), **venv("app/.venv")}
    answer = ask(tree, config_of(env={"PATH": "/app/.venv/bin:/usr/local/bin"}, working_dir="/app"))
    assert answer.search_path == ("/app", *LOCAL_LIBRARY, "/app/.venv/lib/python3.11/site-packages")
    assert (answer.prefix, answer.base_prefix) == ("/app/.venv", "/usr/local")
    assert answer.version == "3.11.9"


def test_venv_with_system_sites() -> None:
    tree = {**debian(), **cpython(), **venv("v", system=True), "root/.local/lib/python3.11/site-packages": Dir()}
    answer = ask(tree, config_of(env={"PATH": "/v/bin"}))
    assert answer.search_path[4:] == (
        "/v/lib/python3.11/site-packages",
        "/root/.local/lib/python3.11/site-packages",
        LOCAL_SITE,
    )


def test_link_to_the_program_of_a_venv_is_no_venv() -> None:
    tree = {**debian(), **cpython(), **venv("venv"), "opt/bin/python": Link("/venv/bin/python")}
    answer = ask(tree, config_of(env={"PATH": "/opt/bin"}))
    assert (answer.prefix, answer.search_path[-1]) == ("/usr/local", LOCAL_SITE)


def test_pyvenv_cfg_without_the_key_includes_the_system() -> None:
    tree = {**debian(), **cpython(), **venv("v"), "v/pyvenv.cfg": b"home = /usr/local/bin\n"}
    assert LOCAL_SITE in ask(tree, config_of(env={"PATH": "/v/bin"})).search_path


@pytest.mark.parametrize("version", ["3.11.9", "3.13.1", "3.14.0"])
def test_pyvenv_cfg_without_home_is_a_venv(version: str) -> None:
    cfg = b"include-system-site-packages = false\n"
    tree = {**debian(), **cpython(version), **venv("v", version=version), "v/pyvenv.cfg": cfg}
    answer = ask(tree, config_of(env={"PATH": "/v/bin"}))
    assert (answer.prefix, answer.base_prefix) == ("/v", "/usr/local")
    assert answer.search_path[-1] == f"/v/lib/python{version[:4]}/site-packages"


def test_venv_whose_base_was_upgraded_sees_nothing() -> None:
    tree = {**debian(), **cpython("3.12.4"), **venv("v", version="3.11.9")}
    answer = ask(tree, config_of(env={"PATH": "/v/bin"}))
    assert answer.version == "3.12.4"
    assert not [entry for entry in answer.search_path if entry.startswith("/v/")]


def test_debian_looks_into_dist_packages_only() -> None:
    tree = {**debian(), **debian_python(), "usr/lib/python3.11/site-packages": Dir()}
    answer = ask(tree, config_of(), "python3")
    assert answer.search_path == (
        "/",
        "/usr/lib/python311.zip",
        "/usr/lib/python3.11",
        "/usr/lib/python3.11/lib-dynload",
        "/usr/local/lib/python3.11/dist-packages",
        "/usr/lib/python3/dist-packages",
    )
    assert isinstance(refusal(tree, config_of()), Absent)
    assert "there is '/usr/bin/python3'" in refusal(tree, config_of()).unknown


def test_debian_is_known_by_its_place_where_site_was_not_kept() -> None:
    tree = {**debian(), **debian_python(), "usr/lib/python3.11/site.py": b"#" * (1 << 20)}
    assert "/usr/lib/python3/dist-packages" in ask(tree, config_of(), "python3").search_path


def test_official_and_debian_python_side_by_side() -> None:
    tree = {**debian(), **cpython(), **debian_python()}
    assert "/usr/lib/python3/dist-packages" not in ask(tree, config_of(env=SLIM)).search_path
    other = ask(tree, config_of(env=SLIM), "/usr/bin/python3")
    assert "/usr/lib/python3/dist-packages" in other.search_path
    assert (other.resolved, other.version) == ("/usr/bin/python3.11", "3.11")


def test_bin_as_a_link_leads_to_the_prefix_compiled_in() -> None:
    answer = ask({**debian(), **debian_python()}, config_of(env={"PATH": "/bin"}), "python3")
    assert (answer.path, answer.prefix) == ("/bin/python3", "/usr")
    assert answer.search_path[2] == "/usr/lib/python3.11"


@pytest.mark.parametrize(
    ("env", "user", "seen"),
    [
        ({}, "", True),
        ({}, "root", True),
        ({"PYTHONNOUSERSITE": "0"}, "", True),
        ({"PYTHONNOUSERSITE": "1"}, "", False),
        ({"PYTHONNOUSERSITE": "yes"}, "", False),
        ({}, "1000", False),
        ({}, "www-data", False),
        ({"HOME": "/root"}, "1000", True),
        ({"HOME": ""}, "", True),
        ({"HOME": "/elsewhere"}, "", False),
        ({"PYTHONUSERBASE": "/root/.local", "HOME": "/elsewhere"}, "", True),
    ],
)
def test_user_site(env: dict[str, str], user: str, seen: bool) -> None:  # noqa: FBT001 - a row of the table
    site = "root/.local/lib/python3.11/site-packages"
    answer = ask({**debian(), **cpython(), site: Dir()}, config_of(env=SLIM | env, user=user))
    assert (f"/{site}" in answer.search_path) is seen


def test_user_site_of_a_number_without_account_is_below_the_root() -> None:
    site = ".local/lib/python3.11/site-packages"
    answer = ask({**debian(), **cpython(), site: Dir()}, config_of(env=SLIM, user="1000"))
    assert answer.search_path[-2:] == (f"/{site}", LOCAL_SITE)


@pytest.mark.parametrize(("version", "seen"), [("3.11.9", True), ("3.13.1", False)])
def test_hidden_pth(version: str, seen: bool) -> None:  # noqa: FBT001 - a row of the table
    site = f"usr/local/lib/python{version[:4]}/site-packages"
    tree = {**debian(), **cpython(version), f"{site}/.x.pth": b"/opt/extra\n", "opt/extra": Dir()}
    assert ("/opt/extra" in ask(tree, config_of(env=SLIM)).search_path) is seen


def test_free_threaded_python_has_folders_of_its_own() -> None:
    tree = {**debian(), **cpython("3.13.0t"), "usr/local/lib/python3.13/site-packages": Dir()}
    answer = ask(tree, config_of(env=SLIM))
    assert answer.abi == "cp313t"
    assert answer.search_path == (
        "/",
        "/usr/local/lib/python313t.zip",
        "/usr/local/lib/python3.13t",
        "/usr/local/lib/python3.13t/lib-dynload",
        "/usr/local/lib/python3.13t/site-packages",
    )


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("/proc/self/cwd", "/srv"),
        ("//proc//self/cwd/lib/", "/srv/lib"),
        ("/proc/self/cwd//../x", "/proc/self/x"),
        ("/proc/self/cwd2", "/proc/self/cwd2"),
        ("/x/proc/self/cwd", "/x/proc/self/cwd"),
        ("/proc/self/cwd/../x", "/proc/self/x"),
    ],
)
def test_the_kernels_link_to_the_working_directory(path: str, first: str) -> None:
    env = SLIM | {"PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
    answer = ask({**debian(), **cpython()}, config_of(env=env, working_dir="/srv"))
    assert answer.search_path[0] == first


def test_the_kernels_link_hides_that_a_folders_name_is_a_pattern() -> None:
    env = SLIM | {"PYTHONPATH": "/proc/self/cwd", "PYTHONSAFEPATH": "1"}
    answer = ask({**debian(), **cpython()}, config_of(env=env, working_dir="/srv[1]"))
    assert (answer.runs, answer.search_path[0]) == ("unknown", "/proc/self/cwd")


def test_python_path_and_home() -> None:
    env = SLIM | {"PYTHONPATH": "src:/opt/x:", "PYTHONHOME": "/usr/local"}
    answer = ask({**debian(), **cpython()}, config_of(env=env, working_dir="/app"))
    assert answer.search_path == ("/app", "/app/src", "/opt/x", "/app", *LOCAL_LIBRARY, LOCAL_SITE)


@pytest.mark.parametrize(
    ("options", "version", "prefix", "before"),
    [
        ("-S", "3.11.9", "/usr/local", ("/app", "/x")),
        ("-S", "3.14.0", "/v", ("/app", "/x")),
        ("-IS", "3.11.9", "/usr/local", ()),
    ],
)
def test_without_site(options: str, version: str, prefix: str, before: tuple[str, ...]) -> None:
    abi = version[:4].replace(".", "")
    tree = {
        **debian(),
        **cpython(version),
        **venv("v", system=True, version=version),
        f"v/lib/python{version[:4]}/site-packages/a.pth": b"import a\n/usr\n",
        "x/sitecustomize.py": b"raise SystemExit(3)\n",
        "usr/local/sbin/python": File(f'#!/bin/sh\nexec /v/bin/python {options} "$@"\n'.encode(), 0o755),
    }
    answer = ask(tree, config_of(env={"PATH": "/usr/local/sbin:/bin", "PYTHONPATH": "/x"}, working_dir="/app"))
    library = [entry.replace("311", abi).replace("3.11", version[:4]) for entry in LOCAL_LIBRARY]
    assert answer.search_path == (*before, *library)
    assert (answer.prefix, answer.hooks, answer.entrypoint) == (prefix, (), "direct")


def test_a_path_file_asks_for_site_in_spite_of_the_option() -> None:
    wrapper = File(b'#!/bin/sh\nexec /usr/local/bin/python3.11 -S "$@"\n', 0o755)
    path_file = b"../lib/python3.11\nimport site\n"
    site = "usr/local/bin/lib/python3.11/site-packages"
    tree = {
        **debian(),
        **cpython(),
        "usr/local/sbin/python": wrapper,
        "usr/local/bin/python3.11._pth": path_file,
        site: Dir(),
    }
    assert f"/{site}" in ask(tree, config_of(env={"PATH": "/usr/local/sbin:/bin"})).search_path


def test_bad_home_does_not_start() -> None:
    answer = ask({**debian(), **cpython()}, config_of(env=SLIM | {"PYTHONHOME": "/none"}))
    assert answer.runs == "no"
    assert "standard library" in answer.reasons[0]


def test_fedora_keeps_its_library_in_lib64() -> None:
    tree = {
        **debian(),
        "usr/bin/python3.12": program(),
        "usr/bin/python3": Link("python3.12"),
        **{
            path.replace("usr/lib/", "usr/lib64/"): member
            for path, member in standard_library("usr/lib/python3.12", "3.12.3").items()
        },
        "usr/lib64/python3.12/site.py": b"def getsitepackages(prefixes=None):\n    'RPM_BUILD_ROOT'\n",
        "usr/lib64/python3.12/site-packages": Dir(),
        "usr/lib/python3.12/site-packages": Dir(),
        "usr/local/lib/python3.12/site-packages": Dir(),
    }
    answer = ask(tree, config_of(), "python3")
    assert answer.search_path[1:] == (
        "/usr/lib64/python312.zip",
        "/usr/lib64/python3.12",
        "/usr/lib64/python3.12/lib-dynload",
        "/usr/local/lib/python3.12/site-packages",
        "/usr/lib64/python3.12/site-packages",
        "/usr/lib/python3.12/site-packages",
    )


def test_alpine() -> None:
    tree = {**alpine(), **cpython("3.12.3", "usr", libc="musl")}
    answer = ask(tree, config_of(), "python3")
    assert (answer.libc, answer.runs) == (Libc("musl", "1.2.5"), "yes")


def test_distroless() -> None:
    answer = ask({**distroless(), **debian_python()}, config_of(entrypoint=["/usr/bin/python3.11"]), "python3")
    assert (answer.entrypoint, answer.runs) == ("argument", "yes")


@pytest.mark.parametrize(
    ("tree", "clause"),
    [
        ({"usr/bin/python": program("aarch64")}, "aarch64"),
        ({"usr/bin/python3.11": program(libc="musl"), "usr/bin/python": Link("python3.11")}, "ld-musl"),
    ],
)
def test_wrong_machine_or_loader_does_not_run(tree: Tree, clause: str) -> None:
    image = {**debian(), **standard_library("usr/lib/python3.11", "3.11.2"), **tree}
    answer = ask(image, config_of())
    assert answer.runs == "no"
    assert clause in answer.reasons[0]


def test_conda_environment_beside_the_base() -> None:
    tree = {**debian(), **conda(), **conda("3.12.1", "opt/conda/envs/gpu")}
    answer = ask(tree, config_of(env={"PATH": "/opt/conda/envs/gpu/bin:/opt/conda/bin"}))
    assert (answer.prefix, answer.version) == ("/opt/conda/envs/gpu", "3.12.1")


def test_uv_managed_python() -> None:
    home = "root/.local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu"
    tree = {**debian(), **cpython("3.12.4", home), **venv("app/.venv", f"/{home}/bin", "3.12.4", tool="uv")}
    config = config_of(env={"PATH": "/app/.venv/bin:/usr/bin"})
    answer = ask(tree, config)
    assert (answer.version, answer.base_prefix, answer.runs) == ("3.12.4", f"/{home}", "yes")


def test_program_in_a_closed_folder_may_not_run_for_another_user() -> None:
    home = "root/uv/cpython-3.12.4-linux-x86_64-gnu"
    tree = {**debian(), "root": Dir(0o700), **cpython("3.12.4", home), **venv("v", f"/{home}/bin", "3.12.4", tool="uv")}
    told = refusal(tree, config_of(env={"PATH": "/v/bin"}, user="1000"))
    assert isinstance(told, Absent)
    assert "'/root/uv/" in told.unknown
    assert "nowhere for user '1000'" in told.unknown


def test_path_goes_on_behind_what_is_closed_to_the_user() -> None:
    home = "root/uv/cpython-3.12.4-linux-x86_64-gnu"
    environment = venv("v", f"/{home}/bin", "3.12.4", tool="uv")
    tree = {**debian(), "root": Dir(0o700), **cpython("3.12.4", home), **environment, **cpython()}
    env = {"PATH": "/v/bin:/usr/local/bin"}
    assert ask(tree, config_of(env=env)).path == "/v/bin/python"
    assert ask(tree, config_of(env=env, user="1000")).path == "/usr/local/bin/python"
    for owner, mode in (((1000, 7), 0o700), ((5, 0), 0o750)):  # a user without an entry in passwd has group 0
        opened = {**tree, "root": Dir(mode, owner=owner)}
        assert ask(opened, config_of(env=env, user="1000")).path == "/v/bin/python"


@pytest.mark.parametrize(
    ("tree", "clause"),
    [
        ({"usr/bin/python": File(b'#!/bin/sh\nexec "$(x)"\n', 0o755)}, "'#!/bin/sh'"),
        ({"usr/bin/mise": program(), "usr/bin/python": Link("mise")}, "no Python by its name"),
        ({"usr/bin/python": program()}, "does not tell its version"),
        (
            {
                "usr/bin/python": program(),
                **standard_library("usr/lib/python3.11", "3.11.1"),
                **standard_library("usr/lib/python3.12", "3.12.1"),
            },
            "python3.11, python3.12",
        ),
        ({"usr/bin/pypy3.10": program(), "usr/bin/python": Link("pypy3.10")}, "PyPy 3.10"),
        ({"opt/x/bin/python3.12": program(), "usr/bin/python": Link("/opt/x/bin/python3.12")}, "compiled into it"),
    ],
)
def test_what_files_do_not_decide_is_unknown(tree: Tree, clause: str) -> None:
    answer = refusal({**debian(), **tree}, config_of())
    assert not isinstance(answer, Absent)
    assert clause in answer.unknown


@pytest.mark.parametrize(
    ("content", "clause"),
    [
        (b"\x7fELF", "no program"),
        (b"echo\n", "neither"),
        (b"#!/bin/nothing\nexec python3\n", "'/bin/nothing'"),
        (b"#!/bin/sh\r\nexec python3\n", "'/bin/sh\\r'"),
    ],
)
def test_what_the_kernel_refuses_is_no_python(content: bytes, clause: str) -> None:
    tree = {**debian(), "usr/bin/python": File(content, 0o755)}
    answer = refusal(tree, config_of())
    assert isinstance(answer, Absent)
    assert clause in answer.unknown


def test_what_the_kernel_refuses_a_shell_runs_itself() -> None:
    tree = {**debian(), "usr/bin/python": File(b"echo\n", 0o755), "e": File(b'#!/bin/sh\nexec "$@"\n', 0o755)}
    assert not isinstance(refusal(tree, config_of(entrypoint=["/e"])), Absent)


def test_hooks_are_told_and_warned_of() -> None:
    tree = {
        **debian(),
        **cpython(),
        f"{LOCAL_SITE[1:]}/a.pth": b"import os; os.system('x')\n",
        f"{LOCAL_SITE[1:]}/b.pth": b"import _virtualenv\n",
        f"{LOCAL_SITE[1:]}/sitecustomize.py": b"import torch\n",
    }
    answer, told = find_interpreter(rootfs_of(tree), config_of(env=SLIM))
    assert isinstance(answer, Interpreter)
    assert [(hook.kind, hook.touches_torch) for hook in answer.hooks] == [
        ("pth", "unknown"),
        ("pth", "no"),
        ("sitecustomize", "unknown"),
    ]
    assert len([line for line in told if "runs code" in line]) == 2


@pytest.mark.parametrize(
    "name",
    [
        "sitecustomize.so",
        "sitecustomize.abi3.so",
        "sitecustomize.cpython-311-x86_64-linux-gnu.so",
        "sitecustomize.pyc",
        "sitecustomize/__init__.cpython-311-x86_64-linux-gnu.so",
        "usercustomize.so",
    ],
)
def test_customizing_modules_in_every_form_are_told(name: str) -> None:
    tree = {**debian(), **cpython(), f"{LOCAL_SITE[1:]}/{name}": program()}
    answer, _ = find_interpreter(rootfs_of(tree), config_of(env=SLIM))
    assert isinstance(answer, Interpreter)
    assert [(hook.path, hook.touches_torch) for hook in answer.hooks] == [(f"{LOCAL_SITE}/{name}", "unknown")]


def test_extension_modules_of_other_pythons_customize_nothing() -> None:
    tree = {**debian(), **cpython(), f"{LOCAL_SITE[1:]}/sitecustomize.cpython-312-x86_64-linux-gnu.so": program()}
    answer, _ = find_interpreter(rootfs_of(tree), config_of(env=SLIM))
    assert isinstance(answer, Interpreter)
    assert answer.hooks == ()


def test_python3_that_is_another_program_is_warned_of() -> None:
    tree = {**debian(), **debian_python(), "opt/bin/python": Link("/usr/local/bin/python3.11"), **cpython()}
    assert "'python3' is another program" in warnings(tree, config_of(env={"PATH": "/opt/bin:/usr/bin"}))


def test_unknown_user_can_run_nothing() -> None:
    answer = ask({**debian(), **cpython()}, config_of(env=SLIM, user="app"))
    assert answer.runs == "no"
    assert "'app'" in answer.reasons[0]


def test_start_files_of_3_15_take_the_place_of_import_lines() -> None:
    site = "usr/local/lib/python3.15/site-packages"
    tree = {
        **debian(),
        **cpython("3.15.0"),
        f"{site}/a.pth": b"  /opt/extra\nimport a\n",
        f"{site}/a.start": b"# nothing yet\n",
        f"{site}/b.pth": b"import b\n",
        f"{site}/c.start": b"c.hooks:run\n__editable___c_finder:install\n",
        "opt/extra": Dir(),
    }
    answer = ask(tree, config_of(env=SLIM))
    assert [(hook.kind, hook.text) for hook in answer.hooks] == [
        ("pth", "import b"),
        ("start", "c.hooks:run"),
        ("start", "__editable___c_finder:install"),
    ]
    assert answer.search_path[-1] == "/opt/extra"


@pytest.mark.parametrize(
    ("user", "mode", "runs"),
    [("app", 0o700, "yes"), ("root", 0o700, "yes"), ("www-data", 0o700, None), ("www-data", 0o755, "yes")],
)
def test_environment_in_a_home(user: str, mode: int, runs: str | None) -> None:
    tree = {
        **debian(),
        **cpython(),
        "etc/passwd": b"root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\nwww-data:x:33:33::/var/www:/x\n",
        "home/app": Dir(mode, owner=(1000, 1000)),
        **venv("home/app/.venv"),
    }
    config = config_of(env={"PATH": "/home/app/.venv/bin"}, user=user)
    if runs is None:
        assert isinstance(refusal(tree, config), Absent)
    else:
        assert ask(tree, config).runs == runs


def test_a_site_in_a_closed_folder_is_not_there() -> None:
    site = "root/.local/lib/python3.11/site-packages"
    tree = {**debian(), **cpython(), "root": Dir(0o700), site: Dir()}
    answer = ask(tree, config_of(env=SLIM | {"HOME": "/root"}, user="1000"))
    assert (answer.runs, f"/{site}" in answer.search_path) == ("yes", False)
    assert f"/{site}" in ask(tree, config_of(env=SLIM | {"HOME": "/root"})).search_path


def test_other_systems_are_not_looked_at() -> None:
    config = ImageConfig(os="windows", architecture="amd64")
    assert not isinstance(refusal({**debian(), **cpython()}, config), Absent)


@pytest.mark.parametrize("name", ["PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__"])
def test_variable_that_names_another_program(name: str) -> None:
    tree = {**debian(), **cpython(), **venv("v")}
    answer = ask(tree, config_of(env=SLIM | {name: "/v/bin/python"}))
    assert (answer.path, answer.prefix) == ("/usr/local/bin/python", "/v")
    assert "takes the path 'bin/python'" in refusal(tree, config_of(env=SLIM | {name: "bin/python"})).unknown
    older = {**debian(), **cpython("3.10.4"), **venv("v", version="3.10.4")}
    assert ask(older, config_of(env=SLIM | {name: "/v/bin/python"})).prefix == "/usr/local"


def test_variable_too_long_for_the_kernel() -> None:
    assert "PYTHONPATH" in refusal({**debian(), **cpython()}, config_of(env={"PYTHONPATH": "x" * (128 << 10)})).unknown


def test_endless_search_path_is_refused() -> None:
    path = ":".join(f"/{number}" for number in range(3000))
    assert "entries" in refusal({**debian(), **cpython()}, config_of(env={"PYTHONPATH": path})).unknown


def test_nix_environment_is_unknown() -> None:
    prefix = "nix/store/abc-python3-3.12.4-env"
    answer = refusal({**debian(), **cpython("3.12.4", prefix)}, config_of(env={"PATH": f"/{prefix}/bin"}))
    assert "Nix" in answer.unknown


def test_a_script_that_can_t_be_followed_leaves_a_missing_python_open() -> None:
    tree = {**debian(), "entry.sh": File(b'#!/bin/sh\neval "$(setup)"\nexec "$@"\n', 0o755)}
    answer, told = find_interpreter(rootfs_of(tree), config_of(entrypoint=["/entry.sh"]))
    assert isinstance(answer, Unknown)
    assert not isinstance(answer, Absent)
    assert "`eval`" in told[0]


def test_a_script_that_sets_path_is_followed() -> None:
    tree = {**debian(), **cpython("3.11.9", "opt"), "e": File(b'#!/bin/sh\nPATH=/opt/bin:$PATH\nexec "$@"\n', 0o755)}
    answer = ask(tree, config_of(env={"PATH": "/usr/bin"}, entrypoint=["/e"]))
    assert (answer.path, answer.entrypoint) == ("/opt/bin/python", "direct")
