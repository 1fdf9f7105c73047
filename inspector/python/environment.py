"""What a container made from the image starts with: environment, user, home and working directory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from inspector.errors import LimitExceeded
from inspector.oci import ImageConfig
from inspector.python.files import read_text
from inspector.python.overlay import Laid
from inspector.rootfs import Rootfs

if TYPE_CHECKING:
    from inspector.python.shell.syntax import Command

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""PATH where the image sets none, as Docker, containerd and Podman fill it in."""

MAX_VARIABLE = 128 << 10
"""Bytes of one variable, its name included, that the kernel passes on (execve(2), MAX_ARG_STRLEN)."""

_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)
_MAX_NUMBER = 2**31 - 1
"""The largest number of a user that engines take where one is stated."""
_SIGNED = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """The state that the first program of a container finds.

    `user` is the user part of the image's `User` as written, `uid` None where it can't be told.
    `trouble` says why an engine would refuse to start anything under that user. `own_folder` is the home that
    passwd(5) gives the user, empty for one without an entry. `groups` are the user's own group and all others;
    `stated` is the user as it was asked for, with its group. `changed` are the files that programs may have
    written or removed since the container's start, `laid` what they surely did. `functions` are those that a bash
    hands on to others. `architecture` is the image's. `site` tells whether a Python started here runs site.py.
    """

    variables: Mapping[str, str]
    cwd: str
    home: str
    user: str
    uid: int | None
    trouble: str | None = None
    own_folder: str = ""
    groups: frozenset[int] = frozenset()
    stated: str = ""
    changed: frozenset[str] = frozenset()
    laid: Laid = msgspec.field(default_factory=dict)
    functions: Mapping[str, Command] = msgspec.field(default_factory=dict)
    architecture: str = ""
    site: bool = True

    @property
    def path(self) -> tuple[str, ...]:
        """The folders of PATH, in order, empty and relative ones as written; none where PATH is empty."""
        value = self.variables["PATH"]
        return tuple(value.split(":")) if value else ()

    def get(self, name: str) -> str:
        """Return the variable's value, empty where it is unset: CPython treats both alike."""
        return self.variables.get(name, "")


class Account(msgspec.Struct, frozen=True):
    """One line of passwd(5), as far as it matters."""

    name: str
    uid: int
    home: str
    gid: int = 0
    shell: str = ""


def environment_of(fs: Rootfs, config: ImageConfig) -> Environment:
    """Return what the engine passes to the container's first program.

    HOME comes from passwd(5) where it is unset or empty, and is `/` for a user without an entry there
    (seen with runc 1.1). Raises `NotKept`, and `LimitExceeded` for a variable longer than the kernel takes.
    """
    variables = config.env
    for name, value in variables.items():
        if len(name) + len(value) + 2 > MAX_VARIABLE:
            raise LimitExceeded(f"the variable {name[:100]!r} of the image is longer than Linux passes on")
    variables.setdefault("PATH", DEFAULT_PATH)
    environment = Environment(
        variables=variables,
        cwd=config.working_dir,
        home=variables.get("HOME", ""),
        user="",
        uid=0,
        architecture=config.platform.architecture,
    )
    return run_as(fs, environment, config.run.user or "")


def run_as(fs: Rootfs, environment: Environment, stated: str, *, sets_home: bool = False) -> Environment:
    """Return the environment under another user, `NAME`, `UID`, or either with `:GROUP`, as engines and gosu take it.

    HOME stays where it is set, unless `sets_home`. Raises `NotKept`.
    """
    user, _, group = stated.partition(":")
    account, trouble = _account(fs, user)
    groups: frozenset[int] = frozenset()
    if not trouble:
        groups, trouble = _groups(fs, account, group)
    home = account.home if sets_home else environment.variables.get("HOME") or _home(fs, account)
    return msgspec.structs.replace(
        environment,
        variables={**environment.variables, "HOME": home},
        home=home,
        user=user,
        uid=None if trouble else account.uid,
        trouble=trouble,
        own_folder="" if trouble or account.home == "/" else account.home,
        groups=frozenset() if trouble else groups,
        stated=stated,
    )


def accounts(fs: Rootfs) -> list[Account]:
    """Return the accounts of /etc/passwd as engines read them (moby/sys, user.go). Raises `NotKept`.

    A field that a line lacks is empty, and text in place of a number is 0: a remark is an account of root's number.
    """
    found = []
    for line in (read_text(fs, "/etc/passwd") or "").split("\n"):  # engines take newlines alone for line ends
        if line.strip():
            name, _, uid, gid, _, home, shell, *_ = [*line.strip().split(":"), *[""] * 6]
            found.append(Account(name, _number(uid), home or "/", _number(gid), shell))
    return found


def _number(text: str) -> int:
    """Return what Go's `strconv.Atoi` makes of a text, 0 where it refuses it."""
    return int(text) if _SIGNED.fullmatch(text) else 0


def account_of(fs: Rootfs, user: str) -> Account | None:
    """Return the account of a name or number; None where passwd(5) has none. Raises `NotKept`."""
    account, _ = _account(fs, user)
    return account if account in accounts(fs) else None


def _home(fs: Rootfs, account: Account) -> str:
    """Return the home that a runtime sets: it knows the user's number alone, and takes the first line that has it."""
    return next((each.home for each in accounts(fs) if each.uid == account.uid), account.home)


def group_names(fs: Rootfs, groups: frozenset[int]) -> set[str]:
    """Return the names of groups, as group(5) has them. Raises `NotKept`."""
    lines = (line.strip().split(":") for line in (read_text(fs, "/etc/group") or "").split("\n"))
    return {fields[0] for fields in lines if len(fields) > 2 and _number(fields[2]) in groups}


def _account(fs: Rootfs, user: str) -> tuple[Account, str | None]:
    """Return the first account of the name or number, or one made up for a number without an entry.

    What is wrong, if so.
    """
    number = int(user) if _NUMBER.fullmatch(user) else None if user else 0
    if number is not None and number > _MAX_NUMBER:
        return Account(user, -1, "/"), f"user {user!r} is a larger number than engines take"
    for account in accounts(fs):
        if account.uid == number if number is not None else account.name == user:
            return account, f"user {user!r} has the number {account.uid}" if account.uid < 0 else None
    if number is None:
        return Account(user, -1, "/"), f"user {user!r} has no entry in /etc/passwd"
    return Account(user, number, "/"), None


def _groups(fs: Rootfs, account: Account, stated: str) -> tuple[frozenset[int], str | None]:
    """List the groups of a process: the one stated, else the account's and those of group(5) that list its name."""
    if account.uid == 0 and not stated:
        return frozenset({account.gid}), None  # root needs no group, and each file asked for costs an engine's answer
    number = int(stated) if _NUMBER.fullmatch(stated) else None
    found = {number if number is not None else account.gid}
    for line in (read_text(fs, "/etc/group") or "").split("\n"):
        name, _, gid, members, *_ = [*line.strip().split(":"), "", "", "", ""]
        if stated and number is None and name == stated:
            return frozenset({_number(gid)}), None
        if not stated and account.name in members.split(","):
            found.add(_number(gid))
    if stated and number is None:
        return frozenset(), f"group {stated!r} has no entry in /etc/group"
    return frozenset(found), None
