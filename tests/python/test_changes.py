"""What a script changes before a Python starts."""

from __future__ import annotations

import pytest

from inspector.python.question import ask
from inspector.testing.tree import File, Tree
from tests.python.test_follow import ENV, IMAGE
from tests.support import config_of, rootfs_of

SITE = "/usr/local/lib/python3.11/site-packages"


def changes(*lines: str, **env: str) -> str:
    """Why the import may differ from what the image's files say, with further variables."""
    text = "\n".join(("#!/bin/bash", *lines, 'exec "$@"', ""))
    tree: Tree = {**IMAGE, "e": File(text.encode(), 0o755)}
    question = ask(rootfs_of(tree), config_of(env={**ENV, **env}, entrypoint=["/e"], working_dir="/app"), "python")
    return "; ".join((*question.may_fail, *question.doubts))


@pytest.mark.parametrize(
    "line",
    [
        f"rm -rf {SITE}/torch",
        "rm -rf /usr/local",
        f"mv {SITE}/torch/lib/libc10.so /tmp/",
        f"sed -i s/a/b/ {SITE}/torch/__init__.py",
        f'chmod -R go-rx {SITE}; set -- setpriv --reuid=1000 --regid=1000 --clear-groups "$@"',
        "chmod -R 000 /usr/local",
        f"find {SITE} -name '*.so' -delete",
        "echo x > torch.py",
        "cat > random.py <<E\nE",
        "{ echo x; } > torch.py",
        "for i in 1; do echo x; done >> torch.py",
        "( echo x > torch.py )",
        "echo x | tee torch.py",
        "cp /x/torch.py .",
        "ln -s /x /usr/local/lib/libc10.so",
        "ln -sf /x/python /usr/local/bin/python",
        "pip install x",
        "python -m pip uninstall -y torch",
        "uv pip install x",
        "f() { rm -rf $1; }; f /usr/local/lib/python3.11",
    ],
)
def test_what_matters_is_told(line: str) -> None:
    assert changes(line)


@pytest.mark.parametrize(
    "line",
    [
        "mkdir -p /data && ln -sfn /data /app/data",
        "rm -f /tmp/x.pid /app/x.pyc",
        "cp /etc/hostname settings.ini",
        "cp /x/tool /usr/local/bin/",
        "echo x > /dev/null 2> /tmp/log",
        f"chmod -R go-rx {SITE}",
        "chmod 755 /app/run.sh; chmod +x /app/run.sh",
        "find /app -name '*.pid' -delete",
        "pip --version; pip list",
    ],
)
def test_what_does_not_matter_is_not(line: str) -> None:
    assert not changes(line)


@pytest.mark.parametrize("line", ["date > /x.sh\n. /x.sh", 'date > /app/run\nexec /app/run "$@"'])
def test_what_is_written_and_then_run_is_a_doubt(line: str) -> None:
    assert "written before" in changes(line)


@pytest.mark.parametrize(
    ("line", "matters"),
    [
        ("rm -f /app/celerybeat.pid && echo x >> /app/logs/web.log", False),
        ("rm -rf /app", True),
        ("echo x > /app/settings.py", True),
        ("mv /x /app/package", True),
        ("rm /app/torch/version.txt", True),
    ],
)
def test_of_a_folder_on_the_path_what_imports_look_for_matters(line: str, matters: bool) -> None:  # noqa: FBT001 - a table
    assert bool(changes(line, PYTHONPATH="/app")) is matters


def test_the_working_directory_on_the_path_by_the_kernels_link() -> None:
    assert changes("cd /app; rm -f /app/lib/x.py", PYTHONPATH="/proc/self/cwd/lib")
