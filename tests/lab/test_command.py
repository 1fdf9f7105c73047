"""What the image's entrypoint and command run, by a container's own answer: interpreter and torch of both questions."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from inspector.facts.command import Asked, find_command, find_question
from inspector.layers.entry import LayerIndex
from inspector.layers.merge import merge
from inspector.layers.scan import scan_stream
from inspector.oci import ImageConfig
from inspector.python.interpreter import find_interpreter
from inspector.python.model import Interpreter
from inspector.python.startup import find_startup
from inspector.torchbuild import find_torch
from inspector.torchbuild.model import Torch
from inspector.unknown import Absent, Unknown
from tests.lab import engine
from tests.support import config_of

BASE = f"i-command-{os.getpid()}-base:1"
PROBE = (
    "import os, sys\ntry:\n import torch\n v = torch.__version__\nexcept ImportError:\n v = None\nprint(sys.prefix, v)"
)
DOCKERFILE = r"""
FROM python:3.11-slim
RUN pip install -q uv && apt-get update -qq && apt-get install -y -qq --no-install-recommends tini gosu dumb-init
RUN for e in a b; do python -m venv --without-pip /opt/$e; d=/opt/$e/lib/python3.11/site-packages/torch; mkdir -p $d; \
 echo 'from .version import __version__' > $d/__init__.py; done \
 && printf '__version__ = "2.6.0+cpu"\ndebug = False\ncuda = None\ngit_version = "a"\nhip = None\n' \
 > /opt/a/lib/python3.11/site-packages/torch/version.py \
 && printf '__version__ = "2.6.0+cu124"\ndebug = False\ncuda = "12.4"\ngit_version = "a"\nhip = None\n' \
 > /opt/b/lib/python3.11/site-packages/torch/version.py \
 && useradd -m app && chmod 700 /root
RUN for f in /opt/a/bin/serve /opt/b/bin/serve; do printf '#!%s/python\nimport sys\nfrom app import main\n' \
 "${f%/serve}" > $f; printf 'sys.exit(main())\n' >> $f; chmod 755 $f; done
RUN for n in program home group owner other; do cp -a /opt/b /opt/$n; done \
 && chmod 700 /opt/program/bin && cp -aL /usr/local/bin/python3.11 /root/python3.11 \
 && ln -sf /root/python3.11 /opt/home/bin/python && chgrp app /opt/group && chmod 750 /opt/group \
 && chown app /opt/owner && chmod 700 /opt/owner && chgrp app /opt/other/bin && chmod 705 /opt/other/bin
COPY c /c
RUN for d in /c/*; do cp /c/app.py $d/ 2>/dev/null; ln -s /opt/a $d/.venv; \
 chmod 755 $d/*.sh $d/w/python 2>/dev/null; done; cp /c/app.py /opt/a/lib/python3.11/site-packages/app.py; \
 cp /c/app.py /opt/b/lib/python3.11/site-packages/app.py
"""
APP = f"{PROBE}\ndef main():\n    return 0\n"
ACTIVATE = "source /opt/b/bin/activate\n"


@dataclass(frozen=True)
class Told:
    """An image over the base; `open` names the questions whose answer may stay open."""

    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ("python", "app.py")
    script: str = ""
    files: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    user: str = ""
    open: str = ""


def bash(script: str, **more: Any) -> Told:
    """An entrypoint that is a script of bash."""
    return Told(entrypoint=("{c}/entry.sh",), script=f"#!/bin/bash\n{script}", **more)


def sh(script: str, **more: Any) -> Told:
    """An entrypoint that is a script of sh, which is dash."""
    return Told(entrypoint=("{c}/entry.sh",), script=f"#!/bin/sh\n{script}", **more)


def run(*words: str, **more: Any) -> Told:
    """A command of its own, without an entrypoint."""
    return Told(cmd=words, **more)


CASES: dict[str, Told] = {
    # entrypoints that activate
    "activate": bash(f'set -e\n{ACTIVATE}exec "$@"'),
    "activate-dot": sh('. /opt/b/bin/activate\nexec "$@"'),
    "export-path": sh('export PATH="/opt/a/bin:$PATH"\nexec "$@"'),
    "assign-path": sh('PATH=/opt/a/bin:$PATH\n"$@"'),
    "path-behind": sh('export PATH="$PATH:/opt/a/bin"\nexec "$@"'),
    "path-for-one": sh('PATH=/opt/a/bin:$PATH exec "$@"'),
    "unexported-pythonpath": sh('PYTHONPATH=/opt/b/lib/python3.11/site-packages\nexec "$@"'),
    "exported-pythonpath": sh('export PYTHONPATH=/opt/b/lib/python3.11/site-packages\nexec "$@"'),
    "set-a": sh('set -a\nPYTHONPATH=/opt/b/lib/python3.11/site-packages\nset +a\nexec "$@"'),
    "function": bash('up() { export PATH="/opt/b/bin:$PATH"; }\nup\nexec "$@"'),
    "subshell-only": bash('( export PATH="/opt/b/bin:$PATH"; true )\nexec "$@"'),
    "pipe-only": bash('export PATH="/opt/b/bin:$PATH" | cat\nexec "$@"'),
    "if-true": bash(
        'if [ -d /opt/b ]; then export PATH=/opt/b/bin:$PATH; else export PATH=/opt/a/bin:$PATH; fi\nexec "$@"'
    ),
    "if-unset": bash('if [ -n "${USE_B:-}" ]; then . /opt/b/bin/activate; fi\nexec "$@"'),
    "if-set": bash('if [[ "$USE_B" == y* ]]; then . /opt/b/bin/activate; fi\nexec "$@"', env={"USE_B": "yes"}),
    "default": bash('VENV=${VENV:-/opt/b}\nexport PATH="$VENV/bin:$PATH"\nexec "$@"'),
    "from-env": bash('export PATH="$VENV/bin:$PATH"\nexec "$@"', env={"VENV": "/opt/a"}),
    "case": bash(
        'case "$1" in\n serve|run) exec /opt/a/bin/python app.py ;;\n *) . /opt/b/bin/activate ;;\nesac\nexec "$@"'
    ),
    "dash": bash('if [ "${1#-}" != "$1" ]; then set -- /opt/a/bin/python "$@"; fi\nexec "$@"', cmd=("-u", "app.py")),
    "shift": bash(
        'env=$1; shift\nexport PATH="/opt/$env/bin:$PATH"\nexec "$@"', cmd=("b", "python", "app.py"), open="python"
    ),
    "for": bash('for e in a b; do PATH="/opt/$e/bin:$PATH"; done\nexec "$@"'),
    "while-read": bash(
        'while read -r l; do export "$l"; done < {c}/env\nexec "$@"',
        files={"env": "PATH=/opt/b/bin:/usr/local/bin:/usr/bin:/bin\n"},
        open="python command",
    ),
    "sourced-file": bash('. {c}/env.sh\nexec "$@"', files={"env.sh": "export PATH=/opt/b/bin:$PATH\n"}),
    "sourced-dir": bash('for f in {c}/d/*.sh; do . "$f"; done\nexec "$@"', files={"d/1.sh": "PATH=/opt/b/bin:$PATH\n"}),
    "sourced-unkept": bash('. {c}/odd\nexec "$@"', files={"odd": "PATH=/opt/b/bin:$PATH\n"}, open="python command"),
    "eval-known": bash('eval "export PATH=/opt/b/bin:$PATH"\nexec "$@"'),
    "eval-unknown": bash(
        'eval "$(cat {c}/odd)"\nexec "$@"', files={"odd": "PATH=/opt/b/bin:$PATH\n"}, open="python command"
    ),
    "own-folder": bash(
        'cd "$(dirname "$0")"\nexport PATH="$PWD/opt/b/bin:$PATH"\nexec "$@"', cmd=("python", "{c}/app.py")
    ),
    "gosu-again": bash('if [ "$(id -u)" = "0" ]; then exec gosu app "$0" "$@"; fi\n. /opt/b/bin/activate\nexec "$@"'),
    "setpriv": bash('export PATH=/opt/b/bin:$PATH\nexec setpriv --reuid=app --regid=app --clear-groups "$@"'),
    "external-before": bash('python -c "print()" >/dev/null\ntrue || export PATH=/opt/b/bin:$PATH\nexec "$@"'),
    "external-or": bash('ls /nothing 2>/dev/null || export PATH=/opt/b/bin:$PATH\nexec "$@"', open="python command"),
    "unset-path-entry": bash('export PATH="${PATH#/opt/b/bin:}"\nexec "$@"', env={"PATH": "/opt/b/bin:$PATH"}),
    "heredoc": bash('cat > /tmp/x <<E\nexport PATH=/opt/b/bin\nE\nexec "$@"'),
    "and-chain": bash('[ -x /opt/b/bin/python ] && PATH=/opt/b/bin:$PATH && export PATH\nexec "$@"'),
    "login": Told(entrypoint=("bash", "-lc", 'exec "$@"', "-"), env={"PATH": "/opt/a/bin:$PATH"}),
    "bash-env": bash('exec "$@"', env={"BASH_ENV": "/opt/b/bin/activate"}),
    "shell-hook": Told(
        entrypoint=("bash", "{c}/shell-hook"), files={"shell-hook": 'export PATH="/opt/b/bin:$PATH"\nexec "$@"\n'}
    ),
    "tini": Told(entrypoint=("tini", "-g", "--", "{c}/entry.sh"), script=f'#!/bin/bash\n{ACTIVATE}exec "$@"'),
    "dumb-init": Told(entrypoint=("dumb-init", "-v", "--"), cmd=("/opt/b/bin/python", "app.py")),
    "env-entry": Told(entrypoint=("env", "PATH=/opt/a/bin:/usr/bin:/bin")),
    "nested": bash('exec {c}/two.sh "$@"', files={"two.sh": '#!/bin/sh\n. /opt/b/bin/activate\nexec "$@"\n'}),
    "argument": Told(entrypoint=("/opt/a/bin/python", "app.py"), cmd=(), open="python"),
    "uv-entry": Told(
        entrypoint=("uv", "run", "--no-sync"), files={"pyproject.toml": '[project]\nname = "x"\nversion = "1"\n'}
    ),
    # commands
    "absolute": run("/opt/b/bin/python", "-m", "app"),
    "console": run("/opt/b/bin/serve"),
    "console-in-path": run("serve", env={"PATH": "$PATH:/opt/a/bin"}),
    "shell-form": run("/bin/sh", "-c", "/opt/a/bin/python app.py"),
    "shell-exec": run("/bin/sh", "-c", "cd {c} && exec /opt/b/bin/serve"),
    "shell-assign": run("sh", "-c", "PATH=/opt/b/bin:$PATH python app.py"),
    "shell-chain": run("bash", "-c", "echo hi && . /opt/b/bin/activate && python app.py"),
    "shell-last": run("sh", "-c", "/opt/a/bin/python -V; /opt/b/bin/python app.py"),
    "shell-pipe": run("sh", "-c", "/opt/b/bin/python app.py 2>&1 | cat"),
    "timeout": run("timeout", "-k", "5", "60", "/opt/b/bin/python", "app.py"),
    "nice": run("nice", "-n", "5", "/opt/b/bin/python", "app.py"),
    "nohup-stdbuf": run("nohup", "stdbuf", "-oL", "/opt/b/bin/serve"),
    "env-split": run("env", "-S", "/opt/b/bin/python -u app.py"),
    "env-unset": run(
        "env", "-u", "PYTHONPATH", "python", "app.py", env={"PYTHONPATH": "/opt/b/lib/python3.11/site-packages"}
    ),
    "isolated": run("python", "-I", "app.py", env={"PYTHONPATH": "/opt/b/lib/python3.11/site-packages"}),
    "ignore-env": run("python", "-E", "app.py", env={"PYTHONPATH": "/opt/b/lib/python3.11/site-packages"}),
    "uv-run": run(
        "uv", "run", "--no-sync", "python", "app.py", files={"pyproject.toml": '[project]\nname = "x"\nversion = "1"\n'}
    ),
    "uv-script": run(
        "uv", "run", "--no-sync", "app.py", files={"pyproject.toml": '[project]\nname = "x"\nversion = "1"\n'}
    ),
    "uv-other": run(
        "uv",
        "run",
        "--no-sync",
        "python",
        "app.py",
        env={"UV_PROJECT_ENVIRONMENT": "/opt/b"},
        files={"pyproject.toml": '[project]\nname = "x"\nversion = "1"\n'},
    ),
    "wrapper": run("{c}/run.sh", files={"run.sh": '#!/bin/sh\nexec /opt/b/bin/python {c}/app.py "$@"\n'}),
    "python-wrapper": run(
        "python", "app.py", files={"w/python": '#!/bin/sh\nexec /opt/b/bin/python "$@"\n'}, env={"PATH": "{c}/w:$PATH"}
    ),
    "gosu-run": run("gosu", "app", "/opt/b/bin/python", "app.py"),
    "dir-first": run(
        "python", "{c}/x/main.py", files={"x/main.py": PROBE, "x/torch/__init__.py": "raise ImportError\n"}
    ),
    # rights of another user than root
    **{
        f"user-{name}": run("python", "app.py", env={"PATH": f"/opt/{name}/bin:$PATH"}, user="app")
        for name in ("b", "program", "home", "group", "owner", "other")
    },
    "root-owner": run("python", "app.py", env={"PATH": "/opt/owner/bin:$PATH"}),
    "user-gosu": run("gosu", "app", "python", "app.py", env={"PATH": "/opt/program/bin:/opt/owner/bin:$PATH"}),
}


PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
DRIVER = """
import json, subprocess, sys
for case in json.load(sys.stdin):
    try:
        where = {"env": case["env"], "cwd": case["cwd"]}
        if case["user"]:
            where |= {"user": case["user"], "group": case["user"], "extra_groups": []}
        done = subprocess.run(case["argv"], **where, capture_output=True, text=True, timeout=60)
        lines = done.stdout.strip().splitlines()
        print(json.dumps(lines[-1] if done.returncode == 0 and lines else ""), flush=True)
    except OSError:
        print(json.dumps(""), flush=True)
"""


def _config(name: str) -> ImageConfig:
    case = CASES[name]

    def placed(text: str) -> str:
        return text.replace("{c}", f"/c/{name}")

    env = {"PATH": PATH} | {key: placed(value).replace("$PATH", PATH) for key, value in case.env.items()}
    entrypoint = [placed(word) for word in case.entrypoint]
    cmd = [*map(placed, case.cmd)]
    return config_of(env=env, entrypoint=entrypoint, cmd=cmd, working_dir=f"/c/{name}", user=case.user)


def _questions(name: str) -> Iterator[dict[str, Any]]:
    config = _config(name)
    for words in (("python", "-c", PROBE), config.cmd):
        env = {**config.env, "HOME": f"/home/{config.run.user}" if config.run.user else "/root"}
        argv = [*config.entrypoint, *words]
        yield {"argv": argv, "env": env, "cwd": config.working_dir, "user": config.run.user}


@pytest.fixture(scope="module")
def told(docker: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LayerIndex, dict[str, list[str]]]]:
    """The files of one image with all cases, and what they print in a container of it."""
    del docker
    folder = tmp_path_factory.mktemp("command")
    (folder / "Dockerfile").write_text(DOCKERFILE)
    for name, case in CASES.items():
        files = {**case.files, **({"entry.sh": case.script} if case.script else {})}
        for path, text in {**files, "../app.py": APP, ".case": ""}.items():
            place = folder / "c" / name / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text.replace("{c}", f"/c/{name}"))
    words = ["docker", "build", "-q", "--network", "host", "-t", BASE, str(folder)]
    done = subprocess.run(
        words, check=False, capture_output=True, text=True, env={**os.environ, "DOCKER_BUILDKIT": "0"}
    )
    if done.returncode:
        pytest.skip(f"the image can't be built here: {done.stderr[-300:]}")
    container = engine.docker("create", BASE).strip()
    try:
        tar = folder / "root.tar"
        engine.docker("export", "--output", str(tar), container)
        with tar.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
            content.seek(0)
            index = scan_stream(iter(lambda: content.read(1 << 20), b""), f"sha256:{digest}", None).index
        tar.unlink()
        asked = json.dumps([question for name in CASES for question in _questions(name)])
        command = ["docker", "run", "--rm", "-i", "--network", "none", BASE, "/usr/local/bin/python3", "-c", DRIVER]
        lines = subprocess.run(command, check=True, input=asked, capture_output=True, text=True).stdout.splitlines()
        answers = [json.loads(line) for line in lines]
        yield index, {name: answers[2 * at : 2 * at + 2] for at, name in enumerate(CASES)}
    finally:
        engine.docker("rm", "-f", container)
        engine.docker("rmi", "--force", BASE)


def _answer(interpreter: Interpreter | Unknown | None, torch: Torch) -> str | None:
    """The line that the probe prints, by the facts; empty where no Python starts, None where that isn't known."""
    if not isinstance(interpreter, Interpreter):
        return "" if isinstance(interpreter, Absent) else None
    return f"{interpreter.prefix} {torch.version if torch.installed else None}"


@pytest.mark.parametrize("name", CASES)
def test_both_questions_as_the_container_answers(name: str, told: tuple[LayerIndex, dict[str, list[str]]]) -> None:
    (index, truths), config = told, _config(name)
    fs = merge([index])
    question = find_question(fs, config, "python")
    interpreter, _ = find_interpreter(fs, config, question=question)
    torch, elsewhere, _ = find_torch(fs, question.config, interpreter, ())
    startup = find_startup(fs, config)
    asked = Asked(
        config=config,
        startup=startup,
        question=question,
        interpreter=interpreter,
        torch=torch,
        elsewhere=elsewhere,
    )
    command = find_command(fs, asked)
    answers = {
        "python": None if question.passes != "direct" else _answer(interpreter, torch),
        "command": _answer(command.interpreter, command.torch or torch),
    }
    for each, truth in zip(answers, truths[name], strict=True):
        if answers[each] is None:
            assert each in CASES[name].open, (each, truth, question.doubts, command.interpreter)
        else:
            assert answers[each] == truth, (each, question, command)
