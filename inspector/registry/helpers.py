"""Credential helpers: programs that keep logins, as github.com/docker/docker-credential-helpers defines them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping

import msgspec

from inspector.errors import Malformed, NotFound, Refused
from inspector.oci import decoder
from inspector.registry.challenge import Login

SECONDS = 30.0
"""How long a helper may take; one that asks its user on a screen needs some."""
MAX_ANSWER = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", re.ASCII)
_IDENTITY = "<token>"


class _Answer(msgspec.Struct, rename="pascal"):
    username: str = ""
    secret: str = ""

    def __repr__(self) -> str:
        return "_Answer()"


def ask_helper(name: str, server: str, environment: Mapping[str, str]) -> Login | None:
    """Return what the helper keeps for a server; None if it keeps nothing. Raises `NotFound`, `Refused`, `Malformed`.

    The Docker SDK's own way waits without end and repeats in its errors what a failing helper printed.
    """
    if not _NAME.fullmatch(name):
        raise Malformed(f"{name[:100]!a} is not the name of a credential helper")
    program = shutil.which(f"docker-credential-{name}", path=environment.get("PATH"))
    if program is None:
        raise NotFound(f"docker-credential-{name} is not in PATH")
    try:
        done = subprocess.run(  # noqa: S603 - the user's settings name it
            [program, "get"],
            input=server.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
            env=dict(environment),
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"docker-credential-{name} gives no answer within {SECONDS:.0f} seconds") from None
    except OSError as error:
        raise Refused(f"docker-credential-{name} can't be run: {error.strerror}") from None
    if done.returncode:
        if b"credentials not found" in done.stdout[:4096]:
            return None
        raise Refused(f"docker-credential-{name} fails with exit code {done.returncode}")
    return _parsed(done.stdout, name)


def _parsed(content: bytes, name: str) -> Login | None:
    try:
        answer = decoder(_Answer).decode(content[:MAX_ANSWER])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Malformed(f"docker-credential-{name} its answer is not JSON with Username and Secret") from None
    if not answer.username and not answer.secret:
        return None
    origin = f"docker-credential-{name}"
    if answer.username == _IDENTITY:
        return Login("", answer.secret, origin, is_identity=True)
    return Login(answer.username, answer.secret, origin)
