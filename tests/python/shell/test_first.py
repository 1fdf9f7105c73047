"""The files that shells read before their text, as dash and bash do."""

from __future__ import annotations

import pytest

from inspector.python.environment import environment_of
from inspector.python.follow import Follower
from inspector.testing.tree import Tree
from tests.python.test_follow import IMAGE
from tests.support import config_of, rootfs_of

FIRST: Tree = {
    **IMAGE,
    "etc/profile": b"A=$A:profile; export A\n",
    "etc/bash.bashrc": b'[ -z "$PS1" ] && return\nA=$A:system\n',
    "root/.profile": b'export A=$A:own\nif [ "$BASH" ]; then . ~/.bashrc; fi\n',
    "root/.bashrc": b"case $- in *i*) ;; *) return;; esac\nexport A=$A:rc\n",
    "rc.sh": b"export A=$A:other\n",
    "env.sh": b"export A=$A:named\n",
}
VARIABLES = {"PATH": "/usr/local/bin:/usr/bin:/bin", "A": "", "ENV": "$HOME/../env.sh", "BASH_ENV": "${HOME}/../env.sh"}


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (("bash", "-c"), ":named"),
        (("bash", "-p", "-c"), ""),
        (("bash", "-lc"), ":profile:own:named"),
        (("bash", "--noprofile", "-lc"), ":named"),
        (("bash", "-ic"), ":system:rc"),
        (("bash", "--norc", "-ic"), ""),
        (("bash", "--rcfile", "/rc.sh", "-ic"), ":system:other"),
        (("bash", "-lic"), ":profile:own:rc"),
        (("bash", "--posix", "-c"), ""),
        (("dash", "-c"), ""),
        (("dash", "-ic"), ":named"),
        (("dash", "-lc"), ":profile:own"),
    ],
)
def test_which_files_a_shell_reads(words: tuple[str, ...], value: str) -> None:
    fs, config = rootfs_of(FIRST), config_of(env=VARIABLES)
    (end,) = Follower(fs).follow((*words, "python"), environment_of(fs, config))
    assert (end.kind, end.environment.get("A"), end.doubts) == ("python", value, ())


def test_a_profile_that_ends_the_shell() -> None:
    fs, config = rootfs_of({**IMAGE, "etc/profile": b"set -e\nfalse\n"}), config_of(env=VARIABLES)
    (end,) = Follower(fs).follow(("bash", "-lc", "python"), environment_of(fs, config))
    assert (end.fails, end.certain) == ("`set -e` ends it where 'false' fails", True)
