"""What the user and the machine say of how registries are to be reached, and how long to bear with them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from inspector.errors import UsageError
from inspector.home import home_directory
from inspector.registry.names import parse_host


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds in time, in seconds.

    `answer` is how long the head of an answer may take, from the connection on, repetitions and redirects included;
    `silence` how long a registry may send nothing meanwhile or later, `whole` how long one document may take, and
    `refusal` how long the body of an error. A blob must come with `min_rate` bytes a second, on the average of
    `window` seconds of waiting for it. A request whose connection is lost is repeated `retries` times, after
    `backoff` seconds and then twice as long each time; one that takes too long is not. Where a registry asks for
    pauses of more than `max_wait` for one request, it is not waited for.
    """

    connect: float = 10.0
    answer: float = 30.0
    silence: float = 30.0
    whole: float = 45.0
    refusal: float = 5.0
    window: float = 30.0
    min_rate: float = 2048.0
    retries: int = 4
    backoff: float = 1.0
    max_wait: float = 120.0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach registries: `environment` and `home` lead to the user's files, `etc` to the machine's.

    `insecure` are the hosts, as names begin with them, that may be spoken to without TLS or with a certificate
    that nobody vouches for; of those in `trust_toc` (all, where that is None) layers' tables of contents are believed.
    """

    environment: Mapping[str, str] = {}
    home: Path | None = None
    etc: Path = Path("/etc")
    insecure: frozenset[str] = frozenset()
    trust_toc: frozenset[str] | None = frozenset()
    patience: Patience = Patience()

    def __repr__(self) -> str:
        return f"Settings(home={str(self.home)!r})"  # an environment may hold anything

    def trusts_toc(self, host: str) -> bool:
        """Tell whether tables of contents of the layers that `host` has are believed without reading these."""
        return self.trust_toc is None or host in self.trust_toc

    def config_home(self) -> Path | None:
        """The folder of the user's settings by the XDG rules; None for a user without a home."""
        given = self.environment.get("XDG_CONFIG_HOME")
        if given:
            return Path(given)
        return None if self.home is None else self.home / ".config"


def user_settings(insecure: Sequence[str] = (), trust_toc: Literal["all"] | Sequence[str] = ()) -> Settings:
    """Give the settings of this user; `INSPECTOR_INSECURE_REGISTRIES` adds hosts.

    `trust_toc` are the hosts whose tables of contents are believed. Raises `UsageError`.
    """
    believed = None if trust_toc == "all" else frozenset(_host(host, "a trusted registry") for host in trust_toc)
    listed = os.environ.get("INSPECTOR_INSECURE_REGISTRIES", "").replace(",", " ").split()
    return Settings(
        environment=dict(os.environ),
        home=home_directory(),
        insecure=frozenset(_host(host, "an insecure registry") for host in (*insecure, *listed)),
        trust_toc=believed,
    )


def _host(text: str, what: str) -> str:
    try:
        return parse_host(text)
    except UsageError as error:
        raise UsageError(f"{what}: {error}") from error
