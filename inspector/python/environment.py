"""What a container made from the image starts with: environment, user, home and working directory."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from inspector.errors import LimitExceeded
from inspector.oci import ImageConfig
from inspector.python.files import read_text
from inspector.rootfs import Rootfs

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""PATH where the image sets none, as Docker, containerd and Podman fill it in."""

MAX_VARIABLE = 128 << 10
"""Bytes of one variable, its name included, that the kernel passes on (execve(2), MAX_ARG_STRLEN)."""

_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """The state that the first program of a container finds.

    `user` is the user part of the image's `User` as written, `uid` None where it can't be told.
    `trouble` says why an engine would refuse to start anything under that user. `own_folder` is the home that
    passwd(5) gives the user, empty for one without an entry.
    """

    variables: Mapping[str, str]
    cwd: str
    home: str
    user: str
    uid: int | None
    trouble: str | None = None
    own_folder: str = ""

    @property
    def path(self) -> tuple[str, ...]:
        """The folders of PATH, in order, empty and relative ones as written; none where PATH is empty."""
        value = self.variables["PATH"]
        return tuple(value.split(":")) if value else ()

    def get(self, name: str) -> str:
        """The variable's value, empty where it is unset: CPython treats both alike."""
        return self.variables.get(name, "")


class Account(msgspec.Struct, frozen=True):
    """One line of passwd(5), as far as it matters."""

    name: str
    uid: int
    home: str


def environment_of(fs: Rootfs, config: ImageConfig) -> Environment:
    """What the engine passes to the container's first program.

    HOME comes from passwd(5) where it is unset or empty, and is `/` for a user without an entry there
    (seen with runc 1.1). Raises `NotKept`, and `LimitExceeded` for a variable longer than the kernel takes.
    """
    variables = config.env
    for name, value in variables.items():
        if len(name) + len(value) + 2 > MAX_VARIABLE:
            raise LimitExceeded(f"the variable {name[:100]!r} of the image is longer than Linux passes on")
    variables.setdefault("PATH", DEFAULT_PATH)
    user = (config.run.user or "").partition(":")[0]
    account, trouble = _account(fs, user)
    home = variables.get("HOME") or account.home
    variables["HOME"] = home
    return Environment(
        variables=variables,
        cwd=config.working_dir,
        home=home,
        user=user,
        uid=None if trouble else account.uid,
        trouble=trouble,
        own_folder="" if trouble or account.home == "/" else account.home,
    )


def accounts(fs: Rootfs) -> list[Account]:
    """The accounts of /etc/passwd, malformed lines left out. Raises `NotKept`."""
    found = []
    for line in (read_text(fs, "/etc/passwd") or "").split("\n"):  # engines take newlines alone for line ends
        fields = line.strip().split(":")
        if len(fields) >= 6 and _NUMBER.fullmatch(fields[2]):
            found.append(Account(fields[0], int(fields[2]), fields[5] or "/"))
    return found


def _account(fs: Rootfs, user: str) -> tuple[Account, str | None]:
    """The first account of the name or number, or one made up for a number without an entry; what is wrong, if so."""
    number = int(user) if _NUMBER.fullmatch(user) else None if user else 0
    for account in accounts(fs):
        if account.uid == number if number is not None else account.name == user:
            return account, None
    if number is None:
        return Account(user, -1, "/"), f"user {user!r} has no entry in /etc/passwd"
    return Account(user, number, "/"), None
