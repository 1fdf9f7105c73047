"""From the first words of a container to the program that runs."""

from __future__ import annotations

import pytest

from fixtures.bases import debian, program
from fixtures.pythons import conda, cpython, script, venv
from inspector.python.ends import End
from inspector.python.environment import environment_of
from inspector.python.follow import Follower
from inspector.python.options import read_options
from inspector.python.question import ask, started
from inspector.testing.tree import File, Link, Tree
from tests.support import config_of, rootfs_of

PYTHON = ("python", "-c", "import torch")
IMAGE: Tree = {
    **debian(),
    **cpython(),
    **venv("app/.venv"),
    **conda(),
    **conda(prefix="opt/conda/envs/gpu"),
    "opt/conda/etc/profile.d/conda.sh": b"conda() { :; }\n",
    "opt/conda/bin/conda": File(b"#!/opt/conda/bin/python\nimport conda\n", 0o755),
    "app/.venv/bin/uvicorn": script("uvicorn", "/app/.venv/bin/python"),
    "app/pyproject.toml": b"",
    "usr/bin/tini": program(),
    "usr/bin/uv": program(),
    "usr/bin/supervisord": File(b"#!/usr/local/bin/python3\nimport supervisor\n", 0o755),
    "usr/bin/node": program(),
    "usr/bin/mkdir": program(),
    "usr/bin/setpriv": program(),
    "usr/bin/grep": program(),
    "usr/bin/sed": program(),
    "usr/bin/ls": program(),
    "usr/bin/stat": program(),
}
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


def follow(*words: str, text: str = "", user: str = "") -> list[End]:
    """Where the words end; `text` is an executable script /e."""
    tree = {**IMAGE, "e": File(text.encode(), 0o755)} if text else IMAGE
    fs, config = rootfs_of(tree), config_of(env=ENV, working_dir="/app", user=user)
    return Follower(fs).follow(words, environment_of(fs, config))


@pytest.mark.parametrize(
    ("words", "kind", "path"),
    [
        (("python",), "python", "/usr/local/bin/python"),
        (("/app/.venv/bin/uvicorn", "a:b"), "python", "/app/.venv/bin/python"),
        (("tini", "-s", "--", ".venv/bin/python"), "python", "/app/.venv/bin/python"),
        (("env", "PATH=/opt/conda/bin", "python"), "python", "/opt/conda/bin/python"),
        (("sh", "-c", "cd / && exec app/.venv/bin/python"), "python", "/app/.venv/bin/python"),
        (("uv", "run", "uvicorn"), "python", "/app/.venv/bin/python"),
        (("uv", "run", "--with", "x", "python"), "unknown", "/usr/bin/uv"),
        (("/opt/conda/bin/conda", "run", "-n", "gpu", "python"), "python", "/opt/conda/envs/gpu/bin/python"),
        (("/opt/conda/bin/conda", "run", "-n", "none", "python"), "unknown", "/opt/conda/bin/conda"),
        (("supervisord", "-n"), "unknown", "/usr/bin/supervisord"),
        (("node", "x.js"), "program", "/usr/bin/node"),
        (("bash",), "program", "/usr/bin/bash"),
        (("gunicorn",), "unknown", None),
    ],
)
def test_where_commands_end(words: tuple[str, ...], kind: str, path: str | None) -> None:
    (end,) = follow(*words)
    assert (end.kind, end.path, end.doubts) == (kind, path, ())


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (
            '#!/bin/bash\n. /opt/conda/etc/profile.d/conda.sh && conda activate gpu\nexec "$@"',
            "/opt/conda/envs/gpu/bin/python",
        ),
        ('#!/bin/sh\nexport PATH=/app/.venv/bin:$PATH\nexec "$@"', "/app/.venv/bin/python"),
        ('#!/bin/sh\nif [ "$1" = python ]; then PATH=/app/.venv/bin:$PATH; fi\n"$@"', "/app/.venv/bin/python"),
        ('#!/bin/sh\n( PATH=/app/.venv/bin:$PATH )\nexec "$@"', "/usr/local/bin/python"),
    ],
)
def test_scripts_are_followed(text: str, path: str) -> None:
    (end,) = follow("/e", *PYTHON, text=text)
    assert (end.path, end.argv, end.doubts) == (path, PYTHON, ())


HOOK = 'eval "$(/opt/conda/bin/conda shell.bash hook)"'
INIT = """__conda_setup="$('/opt/conda/bin/conda' 'shell.bash' 'hook' 2> /dev/null)"
if [ $? -eq 0 ]; then
    eval "$__conda_setup"
else
    export PATH="/nowhere:$PATH"
fi
unset __conda_setup"""
BASE, SYSTEM = "/opt/conda/bin/python", "/usr/local/bin/python"


@pytest.mark.parametrize(
    ("lines", "condarc", "path"),
    [
        (HOOK, None, BASE),
        (INIT, None, BASE),
        (HOOK, "auto_activate_base: false\n", SYSTEM),
        (HOOK, "channels: [x]\nauto_activate: no\n", SYSTEM),
        (HOOK, "auto_activate_base: true\n", BASE),
        (f"export CONDA_AUTO_ACTIVATE_BASE=false\n{HOOK}", None, SYSTEM),
        (f"{HOOK}\nconda activate gpu", None, "/opt/conda/envs/gpu/bin/python"),
        ('eval "$(mamba shell hook --shell bash)"', None, SYSTEM),
    ],
)
def test_conda_s_hook_activates_base_unless_it_is_told_not_to(lines: str, condarc: str | None, path: str) -> None:
    tree = {**IMAGE, "e": File(f'#!/bin/bash\n{lines}\nexec "$@"\n'.encode(), 0o755)}
    tree["usr/bin/mamba"] = File(b"\x7fELF", 0o755)
    if condarc is not None:
        tree["opt/conda/.condarc"] = condarc.encode()
    fs = rootfs_of(tree)
    (end,) = Follower(fs).follow(("/e", *PYTHON), environment_of(fs, config_of(env=ENV)))
    assert (end.path, end.doubts) == (path, ())


@pytest.mark.parametrize("setting", ["default_activation_env: gpu", None])
def test_a_hook_that_isn_t_known_is_a_doubt(setting: str | None) -> None:
    tree = {**IMAGE, "e": File(f'#!/bin/bash\n{HOOK}\nexec "$@"\n'.encode(), 0o755)}
    if setting is None:
        tree = {path: member for path, member in tree.items() if not path.startswith("opt/conda/conda-meta")}
    else:
        tree["opt/conda/.condarc"] = setting.encode()
    fs = rootfs_of(tree)
    ends = Follower(fs).follow(("/e", *PYTHON), environment_of(fs, config_of(env=ENV)))
    assert all(end.doubts for end in ends)


@pytest.mark.parametrize(
    ("lines", "cwd"),
    [
        ("cd /opt; cd - >/dev/null", "/app"),
        ("pushd /opt >/dev/null; popd >/dev/null", "/app"),
        ("pushd /opt >/dev/null", "/opt"),
        ("if [ -t 0 ]; then cd /opt; fi", "/app"),
    ],
)
def test_folders_that_are_entered_and_left(lines: str, cwd: str) -> None:
    (end,) = follow("/e", *PYTHON, text=f'#!/bin/bash\n{lines}\nexec "$@"')
    assert (end.environment.cwd, end.doubts) == (cwd, ())


@pytest.mark.parametrize("options", ["-o g --long gpu --", "-o g -l gpu,x: -n e.sh --", "g"])
def test_getopt_refuses_options_that_it_is_not_asked_for(options: str) -> None:
    (end,) = follow("/e", "python", "-c", "", text=f'#!/bin/bash\nO=$(getopt {options} "$@") || exit 1\nexec "$@"')
    assert "exit code 1" in end.fails


@pytest.mark.parametrize("options", ["-o +g --", "-o c: --", "-o c:: -l gpu --", "g --"])
def test_getopt_takes_what_it_is_asked_for(options: str) -> None:
    ends = follow("/e", "python", "-c", "", text=f'#!/bin/bash\nO=$(getopt {options} "$@") || exit 1\nexec "$@"')
    assert "/usr/local/bin/python" in [end.path for end in ends]


@pytest.mark.parametrize(
    "line",
    [
        "exec -a python /app/.venv/bin/python",
        "shopt -s execfail",
        "shopt -s nocasematch",
        "cp -r /app/.venv /v; PATH=/v/bin:$PATH",
        "tar -C / -xf x.tar; PATH=/v/bin:$PATH",
    ],
)
def test_what_may_start_another_program_is_a_doubt(line: str) -> None:
    ends = follow("/e", *PYTHON, text=f'#!/bin/bash\n{line}\nexec "$@"')
    assert all(end.doubts or end.kind == "unknown" for end in ends)


def test_a_variable_of_all_is_set_in_a_function() -> None:
    (end,) = follow("/e", *PYTHON, text='#!/bin/bash\nf() { declare -gx PATH=/app/.venv/bin:$PATH; }\nf\nexec "$@"')
    assert end.path == "/app/.venv/bin/python"


@pytest.mark.parametrize(
    "line", ['eval "$(setup)"', ". /made/later", "source <(x)", 'export "$(x)=y"', "PYTHONPATH=$(x); export PYTHONPATH"]
)
def test_what_can_t_be_followed_is_a_doubt(line: str) -> None:
    tree = {**IMAGE, "made/later": b"PATH=/x", "e": File(f'#!/bin/bash\n{line}\nexec "$@"\n'.encode(), 0o755)}
    question = ask(rootfs_of(tree), config_of(env=ENV, entrypoint=["/e"]), "python")
    assert question.passes == "unknown"
    assert question.doubts


@pytest.mark.parametrize(
    "text", ["while true; do x; done", "f() { f; }; f", "for i in a b; do for j in a b; do x || y=$i$j; done; done"]
)
def test_hostile_scripts_end(text: str) -> None:
    assert follow("/e", *PYTHON, text=f'#!/bin/sh\n{text}\nexec "$@"\n')


def test_scripts_that_run_each_other_end() -> None:
    (end,) = follow("/e", text='#!/bin/sh\nexec /e "$@"\n')
    assert (end.kind, "run one another" in end.why) == ("unknown", True)


@pytest.mark.parametrize(
    ("words", "letters", "program"),
    [
        (("-I", "app.py"), {"I"}, "app.py"),
        (("-sE", "-m", "app"), {"s", "E"}, ""),
        (("-W", "ignore", "-Xdev", "x.py", "-S"), set(), "x.py"),
        ((), set(), ""),
    ],
)
def test_options_of_python(words: tuple[str, ...], letters: set[str], program: str) -> None:
    options = read_options(words)
    assert (set(options.letters), options.program) == (letters, program)


@pytest.mark.parametrize(
    ("options", "passes", "changed"),
    [
        ("-uB -X utf8", "direct", {}),
        ("-I", "direct", {"PYTHONSAFEPATH": "1", "PYTHONNOUSERSITE": "1", "PYTHONPATH": ""}),
        ("-sP", "direct", {"PYTHONSAFEPATH": "1", "PYTHONNOUSERSITE": "1", "PYTHONPATH": "/x"}),
        ("-E", "direct", {"PYTHONPATH": "", "PYTHONEXECUTABLE": "/usr/bin/python3"}),
        ("-W error", "direct", {"PYTHONWARNINGS": "error"}),
        ("-W error -W a,ignore", "direct", {"PYTHONWARNINGS": "error,a;ignore"}),
        ("-S", "direct", {"PYTHONPATH": "/x"}),
    ],
)
def test_options_that_a_script_gives_python(options: str, passes: str, changed: dict[str, str]) -> None:
    tree = {**IMAGE, "e": File(f'#!/bin/sh\nshift\nexec python {options} "$@"\n'.encode(), 0o755)}
    env = {**ENV, "PYTHONPATH": "/x", "PYTHONEXECUTABLE": "/usr/bin/python3"}
    question = ask(rootfs_of(tree), config_of(env=env, entrypoint=["/e"]), "python")
    assert question.passes == passes
    assert {name: question.config.env.get(name, "") for name in changed} == changed


def test_a_program_may_run_site_itself() -> None:
    told = started(rootfs_of(IMAGE), config_of(env=ENV, cmd=["python", "-S", "-m", "app"]))
    assert told.unknown is not None
    assert "-S" in told.unknown.unknown


def test_with_site_and_without_are_two_ways() -> None:
    text = b'#!/bin/sh\nshift\nif [ -e /proc/x ]; then exec python -S "$@"; fi\nexec python "$@"\n'
    question = ask(rootfs_of({**IMAGE, "e": File(text, 0o755)}), config_of(env=ENV, entrypoint=["/e"]), "python")
    assert question.passes == "unknown"


def test_an_option_that_python_has_not_stops_it() -> None:
    tree = {**IMAGE, "usr/local/sbin/python": File(b'#!/bin/sh\nexec python3 -Z "$@"\n', 0o755)}
    question = ask(rootfs_of(tree), config_of(env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/bin:/bin"}), "python")
    assert question.fails == "Python has no option '-Z'"


def test_an_archive_brings_its_own_modules() -> None:
    tree = {**IMAGE, "app.pex": File(b"#!/usr/local/bin/python3\nPK\x03\x04", 0o755)}
    told = started(rootfs_of(tree), config_of(env=ENV, cmd=["/app.pex"]))
    assert told.unknown is not None
    assert "archive" in told.unknown.unknown


@pytest.mark.parametrize("last", ["exec $@", "exec $*", 'eval "$@"', 'eval "$@"; node'])
def test_a_command_that_is_split_once_more_fails(last: str) -> None:
    tree = {**IMAGE, "e": File(f"#!/bin/bash\n{last}\n".encode(), 0o755)}
    assert "splits the command once more" in ask(rootfs_of(tree), config_of(env=ENV, entrypoint=["/e"]), "python").fails


@pytest.mark.parametrize("value", ["$(setup):$PATH", "/x/$(setup)/bin:$PATH", "$'\\x2f'"])
def test_a_path_that_is_not_known_is_a_doubt(value: str) -> None:
    tree = {**IMAGE, "e": File(f'#!/bin/bash\nexport PATH={value}\nexec "$@"\n'.encode(), 0o755)}
    question = ask(rootfs_of(tree), config_of(env=ENV, entrypoint=["/e"]), "python")
    assert question.passes == "unknown"
    assert "PATH that isn't known" in question.doubts[0]
    assert question.config.env["PATH"] == ENV["PATH"]


def test_the_command_that_a_script_waits_for_is_asked_there() -> None:
    text = b'#!/bin/bash\nexport PATH=/app/.venv/bin:$PATH\n"$@"\nnode\n'
    question = ask(rootfs_of({**IMAGE, "e": File(text, 0o755)}), config_of(env=ENV, entrypoint=["/e"]), "python")
    assert (question.passes, question.config.env["PATH"]) == ("direct", f"/app/.venv/bin:{ENV['PATH']}")


def test_a_program_that_may_run_what_its_words_name_is_a_doubt() -> None:
    question = ask(rootfs_of(IMAGE), config_of(env=ENV, entrypoint=["node", "-x"]), "python")
    assert "'node' may run what its words name" in question.doubts[0]


def test_scripts_that_no_index_keeps_are_read_again() -> None:
    script = b"#!/bin/bash\n" + b"# x\n" * 2000 + b"exec /app/.venv/bin/python\n"
    tree = {**IMAGE, "start": File(script, 0o755)}
    fs, config = rootfs_of(tree), config_of(env=ENV)
    (end,) = Follower(fs).follow(("/start",), environment_of(fs, config))
    assert "were kept" in end.why
    (end,) = Follower(fs, lambda _: script).follow(("/start",), environment_of(fs, config))
    assert end.path == "/app/.venv/bin/python"


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (("env", "-iu", "X", "PATH=/app/.venv/bin", "python"), "/app/.venv/bin/python"),
        (("env", "-vuX", "--default-signal=PIPE", "python"), "/usr/local/bin/python"),
        (("env", "--chdir", "/app", ".venv/bin/python"), "/app/.venv/bin/python"),
        (("env", "-S", "PATH='/app/.venv/bin' A=\"x y\" B=${PATH}", "python"), "/app/.venv/bin/python"),
        (("env", "-S", "A=$HOME", "python"), ""),
    ],
)
def test_options_of_env(words: tuple[str, ...], path: str) -> None:
    (end,) = follow(*words)
    assert ((end.path or "") if end.kind == "python" else "") == path


NOT_ROOT = "1000"


@pytest.mark.parametrize(
    ("text", "user", "why"),
    [
        ("#!/bin/bash -e\nfalse\nexec python", "", "`set -e` ends it where 'false' fails"),
        ("#!/bin/bash\nset -e\n[ -d /nothing ]\nexec python", "", "`set -e` ends it where '[' fails"),
        (
            "#!/bin/bash\nset -o errexit\nf() { [ -f /x ] && true; }\nf\nexec python",
            "",
            "`set -e` ends it where 'f' fails",
        ),
        (
            "#!/bin/bash\nset -u\nif [ -n $NOPE ]; then :; fi\nexec python",
            "",
            "`set -u` ends it where 'NOPE' has no value",
        ),
        ("#!/bin/bash\nset -eu\nexport A=/x:$A\nexec python", "", "`set -u` ends it where 'A' has no value"),
        ("#!/bin/sh\n: ${A:?}\nexec python", "", "it needs a value of 'A'"),
        ("#!/bin/sh\n. env.sh\nexec python", "", "it sources 'env.sh', which is not there"),
        ("#!/bin/sh\nset -e\nsource /app/.venv/bin/activate\nexec python", "", "`set -e` ends it where 'source' fails"),
        ("#!/bin/sh\nset -o posix\nexec python", "", "dash has no option 'posix'"),
        (
            "#!/bin/bash\nset -e\nmkdir -p /data\nexec python",
            NOT_ROOT,
            "`set -e` ends it where 'mkdir' fails",
        ),
        ("#!/bin/bash\nset -e\necho x > /etc/x\nexec python", NOT_ROOT, "`set -e` ends it where 'echo' fails"),
        ("#!/bin/bash\nulimit -v 1000\nexec python", "", "'ulimit -v 1000' may leave too little memory"),
        ("#!/bin/sh\nset -e\r\nexec python", "", "it has no option '-e\\r'"),
        (
            "#!/bin/bash\nif true; then\r\n:\r\nfi\r\nexec python\r\n",
            "",
            "its lines end as those of Windows, which its shell can't read",
        ),
        ("#!/bin/sh\nulimit -n 3\nexec python", "", "'ulimit -n 3' may leave too few descriptors"),
        ("#!/bin/bash\nset -e\ngrep -q nobody /etc/passwd\nexec python", "", "`set -e` ends it where 'grep' fails"),
        ("#!/bin/sh\n: > /etc/x\nexec python", NOT_ROOT, "'/etc/x' can't be written by user '1000'"),
        ("#!/bin/bash\r\nexec python", "", "'/bin/bash\\r' is not found"),
        ("\N{BOM}#!/bin/sh\nexec python", "", "'/e' is neither an ELF program nor a script with a usable #! line"),
        ("#!/usr/bin/tini -q\n", "", "tini has no option '-q'"),
    ],
)
def test_a_script_that_certainly_fails(text: str, user: str, why: str) -> None:
    (end,) = follow("/e", text=text, user=user)
    assert (end.kind in ("nothing", "unknown"), end.fails, end.certain) == (True, why, True)


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("#!/bin/bash\nset -e\ngrep -q x /y\nexec python", ""),
        ("#!/bin/bash\nset -e\nA=$(ls /y)\nexec python", ""),
        ("#!/bin/bash\nset -e\nls /y\nexec python", ""),
        ("#!/bin/sh\nset -o pipefail\nexec python", ""),
        ("#!/bin/bash\nulimit -v 100000\nexec python", ""),
        ("#!/bin/bash\nulimit -c 0 -n 16\nexec python", ""),
    ],
)
def test_a_script_that_may_fail(text: str, user: str) -> None:
    ends = follow("/e", text=text, user=user)
    assert [end.kind for end in ends if end.certain] == ["python"]
    assert [end.certain for end in ends if end.fails] == [False]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("#!/bin/bash\nset -e\nif false; then :; fi\nfalse || true\n! true\nexec python", "/usr/local/bin/python"),
        ("#!/bin/bash\nset -e\nset +e\nfalse\nexec python", "/usr/local/bin/python"),
        ("#!/bin/bash\nset -e\nls -la /app\nstat /usr/local/bin\nexec python", "/usr/local/bin/python"),
        ("#!/bin/bash\nset -u\necho ${A:-} ${B+x} $HOSTNAME $1\nexec python", "/usr/local/bin/python"),
        ("#!/bin/bash\nset -e\nmkdir -p /data/x\ncd /data\nexec python", "/usr/local/bin/python"),
        ("#!/bin/sh\nif [[ -d /app ]]; then PATH=/app/.venv/bin; fi\nexec python", "/usr/local/bin/python"),
        ("#!/bin/sh\nif [ a == a ]; then PATH=/app/.venv/bin; fi\nexec python", "/usr/local/bin/python"),
        ("#!/bin/sh\nsource /app/.venv/bin/activate\nexec python", "/usr/local/bin/python"),
        (
            "#!/bin/bash\nfor ((i=0; i<3; i++)); do echo; done\nexec > >(tee x) 2>&1\nexec python",
            "/usr/local/bin/python",
        ),
        ("#!/bin/sh\n'''exec' /app/.venv/bin/python \"$0\"\n' '''\nimport (x)\n", "/app/.venv/bin/python"),
        ("#!/bin/bash\ncat x | /app/.venv/bin/python\n", "/app/.venv/bin/python"),
        ("#!/bin/bash\npython() { /app/.venv/bin/python; }\npython\n", "/app/.venv/bin/python"),
        ("#!/bin/bash\npython() { /app/.venv/bin/python; }\nexec python\n", "/usr/local/bin/python"),
        ("#!/bin/bash\npython() { exec /app/.venv/bin/python; }\ncommand python\n", "/usr/local/bin/python"),
        ("#!/bin/sh\nf() { PATH=/app/.venv/bin command python; }\nf\n", "/app/.venv/bin/python"),
        (
            "#!/bin/bash\nf() { exec /app/.venv/bin/python; }\nexport -f f\nexec bash -c f\n",
            "/app/.venv/bin/python",
        ),
        ("#!/bin/sh\nalias python=/app/.venv/bin/python\npython\n", "/app/.venv/bin/python"),
        ("#!/bin/sh\nalias python=/app/.venv/bin/python\nexec python\n", "/usr/local/bin/python"),
        ("#!/bin/bash\nalias python=/app/.venv/bin/python\npython\n", "/usr/local/bin/python"),
        (
            "#!/bin/bash\nshopt -s expand_aliases\nalias p='A=1 /app/.venv/bin/python -u'\np\n",
            "/app/.venv/bin/python",
        ),
        ("#!/bin/bash\nPATH=$(printf %s:%s /app/.venv/bin $PATH)\nexec python\n", "/app/.venv/bin/python"),
        ("#!/bin/bash\nPATH=/app/.venv/bin:$PATH\nP=$(type -P python)\nexec $P\n", "/app/.venv/bin/python"),
        ("#!/bin/sh\nPATH=$(echo /app/x/bin | sed 's#/x/#/.venv/#')\nexec python\n", "/app/.venv/bin/python"),
        ("#!/bin/sh\nexec ${1+/app/.venv/bin/python}\n", "/app/.venv/bin/python"),
        (
            "#!/bin/sh\nset -- -v 3 -gx\nwhile getopts v:gx o; do [ $o != x ] || exec /app/.venv/bin/python; done\n",
            "/app/.venv/bin/python",
        ),
        ("#!/bin/bash\nPATH=/bin:/app/.venv/bin\n. activate\nexec python\n", "/app/.venv/bin/python"),
        ("#!/usr/bin/env -S --chdir=/app .venv/bin/python\n", "/app/.venv/bin/python"),
    ],
)
def test_a_script_that_reaches_its_python(text: str, path: str) -> None:
    ends = [end for end in follow("/e", "x", text=text) if not end.fails]
    assert [(end.kind, end.path) for end in ends] == [("python", path)]


def test_tini_takes_its_options_behind_the_command_too() -> None:
    assert follow("tini", "python", "-c", "x")[0].fails == "tini has no option '-c'"
    assert follow("tini", "-g", "-e143", "--", "python", "-c", "x")[0].argv == ("python", "-c", "x")


def test_programs_that_change_the_user() -> None:
    tree = {**IMAGE, **{f"usr/bin/{name}": program() for name in ("gosu", "runuser", "s6-setuidgid", "chroot")}}
    fs, config = rootfs_of(tree), config_of(env=ENV, working_dir="/app")
    environment = environment_of(fs, config)
    for words in (("runuser", "-u", "1000", "--"), ("s6-setuidgid", "1000"), ("chroot", "--userspec=1000", "/")):
        (end,) = Follower(fs).follow((*words, "python"), environment)
        assert (end.kind, end.environment.uid) == ("python", 1000)
    (end,) = Follower(fs).follow(("gosu", "nobody-here", "python"), environment)
    assert end.fails == "user 'nobody-here' has no entry in /etc/passwd"


@pytest.mark.parametrize(
    ("shell", "place", "before", "answer"),
    [
        ("bash", "usr/bin", "", "runs"),
        ("bash", "usr/sbin", "", "fails"),
        ("dash", "usr/sbin", "", "runs"),
        ("dash", "usr/local/sbin", "", "fails"),
        ("bash", "usr/bin", "export PATH=/app/.venv/bin", "doubt"),
        ("bash", "usr/sbin", "cp x /usr/bin/tool", "doubt"),
        ("bash", "usr/sbin", "PATH=$(x)", "doubt"),
        ("ash", "usr/sbin", "", "doubt"),
    ],
)
def test_command_p_looks_in_a_path_of_the_shell(shell: str, place: str, before: str, answer: str) -> None:
    tree = {
        **IMAGE,
        f"{place}/tool": program(),
        "app/.venv/bin/tool": program(),
        "usr/bin/ash": program(),
        "e": File(f"#!/usr/bin/{shell}\n{before}\ncommand -p tool\n".encode(), 0o755),
    }
    fs, config = rootfs_of(tree), config_of(env={"PATH": f"/{place}:/usr/bin"})
    (end,) = Follower(fs).follow(("/e",), environment_of(fs, config))
    assert ("doubt" if end.doubts else "fails" if end.fails else "runs") == answer
    assert answer != "runs" or end.environment.variables["PATH"] == f"/{place}:/usr/bin"


@pytest.mark.parametrize(("words", "doubted"), [(("python",), True), (("/usr/bin/python",), False), (("nope",), False)])
def test_a_python_without_path_does_not_find_itself(words: tuple[str, ...], doubted: bool) -> None:  # noqa: FBT001
    tree = {**IMAGE, "usr/bin/python": Link("/usr/local/bin/python3")}
    fs, config = rootfs_of(tree), config_of(env=ENV)
    (end,) = Follower(fs).follow(("env", "-i", *words), environment_of(fs, config))
    assert bool(end.doubts) == doubted
