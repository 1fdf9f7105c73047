"""Programs that start another as another user, as their own files in the image have it."""

from __future__ import annotations

import pytest

from fixtures.bases import program
from fixtures.pythons import venv
from inspector.python.ends import End
from inspector.python.environment import environment_of
from inspector.python.follow import Follower
from inspector.python.whole import ReadContent
from inspector.testing.tree import File, Tree
from tests.python.test_follow import IMAGE
from tests.support import config_of, rootfs_of

SUDOERS = (
    'Defaults env_reset\nDefaults secure_path="/usr/local/bin:/usr/bin:/bin"\nroot ALL=(ALL:ALL) ALL\n'
    "%admin ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n"
)
USERS: Tree = {
    **IMAGE,
    **venv("opt/gpu"),
    "usr/bin/su": program(),
    "usr/sbin/runuser": program(),
    "usr/bin/sudo": File(program().data, 0o4755),
    "usr/bin/gosu": program(),
    "usr/bin/setpriv": program(),
    "etc/passwd": (
        b"root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/bash\nsvc:x:1001:1001::/:/usr/sbin/nologin\n"
        b"may:x:1002:1002::/:/bin/sh\n"
    ),
    "etc/group": b"admin:x:50:app\napp:x:1000:\nmay:x:1002:\n",
    "etc/login.defs": b"ENV_PATH\tPATH=/usr/local/bin:/usr/bin:/bin\n",
    "etc/sudoers": SUDOERS.encode(),
    "etc/sudoers.d/may": b"may ALL=(ALL) NOPASSWD: ALL\n",
}
ENV = {"PATH": "/opt/gpu/bin:/usr/local/bin:/usr/sbin:/usr/bin:/bin", "PYTHONPATH": "/x", "TORCH_HOME": "/t"}
EXEC = ("-c", 'exec "$@"', "--", "x", "python")
GPU, SYSTEM = "/opt/gpu/bin/python", "/usr/local/bin/python"


def read_from(tree: Tree) -> ReadContent:
    """Return what reads files that no index keeps."""

    def read(path: str) -> bytes:
        content = tree[path.lstrip("/")]
        assert isinstance(content, bytes)
        return content

    return read


def follow(*words: str, user: str = "", more: Tree | None = None) -> End:
    tree = {**USERS, **(more or {})}
    fs, config = rootfs_of(tree), config_of(env=ENV, user=user)
    (end,) = Follower(fs, read_from(tree)).follow(words, environment_of(fs, config))
    return end


@pytest.mark.parametrize(
    ("words", "path", "uid", "python_path"),
    [
        (("su", "app", *EXEC), GPU, 1000, "/x"),
        (("su", "-", "app", *EXEC), SYSTEM, 1000, ""),
        (("su", "-l", *EXEC[:2], "app", *EXEC[2:]), SYSTEM, 1000, ""),
        (("su", "-w", "PYTHONPATH", "-", "app", *EXEC), SYSTEM, 1000, "/x"),
        (("su", "-p", "app", *EXEC), GPU, 1000, "/x"),
        (("su", "-s", "/bin/sh", "svc", *EXEC), GPU, 1001, "/x"),
        (("runuser", "-l", "app", *EXEC), SYSTEM, 1000, ""),
        (("runuser", "-u", "app", "--", "python"), GPU, 1000, "/x"),
        (("setpriv", "--reuid=app", "--regid=app", "--clear-groups", "--reset-env", "python"), SYSTEM, 1000, ""),
        (("sudo", "-u", "app", "python"), SYSTEM, 1000, ""),
        (("sudo", "-E", "-u", "app", "--", "python"), SYSTEM, 1000, ""),
        (("sudo", "--preserve-env=PYTHONPATH", "-uapp", "python"), SYSTEM, 1000, "/x"),
        (("sudo", "-EHu", "app", "PATH=/opt/gpu/bin", "python"), GPU, 1000, ""),
        (("sudo", "-i", "-u", "app", "python"), SYSTEM, 1000, ""),
        (("sudo", "-s", "python"), SYSTEM, 0, ""),
    ],
)
def test_what_another_user_starts(words: tuple[str, ...], path: str, uid: int, python_path: str) -> None:
    end = follow(*words)
    assert (end.kind, end.path, end.environment.uid) == ("python", path, uid)
    assert end.environment.get("PYTHONPATH") == python_path


@pytest.mark.parametrize(
    ("words", "user", "why"),
    [
        (("su", "svc", *EXEC), "", "the shell of user 'svc' is '/usr/sbin/nologin', which runs nothing"),
        (("su", "nobody-here", *EXEC), "", "user 'nobody-here' has no entry in /etc/passwd"),
        (("gosu", "app", "python"), "app", "only root may run a program as another user"),
        (("setpriv", "--reuid=1001", "--clear-groups", "python"), "app", "only root may run a program as another user"),
        (("sudo", "python"), "svc", "sudoers let user 'svc' run nothing"),
        (("sudo", "nothing"), "", "sudo finds no 'nothing' in /usr/local/bin:/usr/bin:/bin"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], user: str, why: str) -> None:
    assert follow(*words, user=user).fails == why


@pytest.mark.parametrize(
    ("words", "user", "why"),
    [
        (("su", "app", *EXEC), "app", "'su' asks a user who is not root for a password"),
        (("sudo", "python"), "app", "sudo asks user 'app' for a password"),
        (("sudo", "-D", "/", "python"), "", "sudo has the option '-D', which is not followed"),
    ],
)
def test_what_is_not_known(words: tuple[str, ...], user: str, why: str) -> None:
    end = follow(*words, user=user)
    assert (end.kind, end.why, end.fails) == ("unknown", why, "")


def test_a_user_whom_sudoers_ask_for_no_password() -> None:
    assert follow("sudo", "-n", "python", user="may").environment.uid == 0


def test_the_last_rule_of_sudoers_counts() -> None:
    more: Tree = {"etc/group": b"admin:x:50:may\n", "etc/sudoers": (SUDOERS + "%admin ALL=(ALL) ALL\n").encode()}
    assert "for a password" in follow("sudo", "python", user="may", more=more).why


def test_settings_of_sudoers() -> None:
    text = 'Defaults env_keep += "PYTHONPATH TORCH_*"\nroot ALL=(ALL) ALL\n'
    end = follow("sudo", "-u", "app", "python", more={"etc/sudoers": text.encode()})
    assert (end.path, end.environment.get("PYTHONPATH"), end.environment.get("TORCH_HOME")) == (GPU, "/x", "/t")
    rules = b"Defaults:root secure_path=/x\nroot ALL=(ALL) ALL\n"
    assert "settings" in follow("sudo", "python", more={"etc/sudoers": rules}).why


def test_the_environment_of_pam() -> None:
    more: Tree = {"etc/environment": b'PATH="/usr/bin:/bin:/usr/local/bin"\n'}
    assert follow("su", "app", *EXEC, more=more).path == GPU
    asked: Tree = {**more, "etc/pam.d/su": b"session required pam_env.so readenv=1\n"}
    assert follow("su", "app", *EXEC, more=asked).path == SYSTEM


@pytest.mark.parametrize("status", [b"Package: util-linux\nVersion: 2.31.1-0.4ubuntu3\n", None])
def test_the_su_of_others_is_not_followed(status: bytes | None) -> None:
    more: Tree = {"lib/apk/db/installed": b"P:busybox\n"} if status is None else {"var/lib/dpkg/status": status}
    assert "not followed" in follow("su", "app", *EXEC, more=more).why


@pytest.mark.parametrize(
    ("words", "more"),
    [
        (("sudo", "python"), {"etc/sudoers": b"@include sudoers\n" * 3000}),
        (("sudo", f"-{'n' * 1_000_000}", "python"), {}),
        (("su", f"-{'l' * 1_000_000}", "-c", "python"), {}),
        (("env", "-S", "${TORCH_HOME}" * 30_000), {"etc/environment": b"TORCH_HOME=/t\n"}),
    ],
)
def test_hostile_words_and_files_are_followed_in_bounded_work(words: tuple[str, ...], more: Tree) -> None:
    assert follow(*words, more=more).kind in ("python", "unknown", "nothing")
