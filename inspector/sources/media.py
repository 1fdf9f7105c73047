"""The engines and registries of one run, each had once, when it is first asked for; files need neither."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal

from inspector import work

if TYPE_CHECKING:
    from pathlib import Path

    from inspector.sources.engine.open import Engines
    from inspector.sources.registry.contents import Kept
    from inspector.sources.registry.open import Registries


class Media:
    """What lies outside of files; `offline`, nothing but engines on this machine. From any thread.

    `insecure` are registries that may be asked without verified TLS, `trust_toc` those whose tables of contents are
    believed, and `kept` holds what they told earlier runs. With `guess_registry`, a registry is asked for
    a bare name that names no host, too: fine to look at an image, but no verdict may come from who owns the name.
    `config` is a file with the configuration of root file systems, which have none of their own.
    `namespace` is the only one of containerd's that is searched, if it is not None.
    """

    def __init__(
        self,
        *,
        offline: bool = False,
        insecure: tuple[str, ...] = (),
        trust_toc: Literal["all"] | tuple[str, ...] = (),
        guess_registry: bool = False,
        kept: Kept | None = None,
        config: Path | None = None,
        namespace: str | None = None,
    ) -> None:
        self.namespace = namespace
        self.guess_registry = guess_registry
        self._trust_toc = trust_toc
        self.offline = offline
        self.config = config
        self._insecure = insecure
        self._kept = kept
        self._lock = threading.Lock()
        self._engines: Engines | None = None
        self._registries: Registries | None = None

    def engines(self) -> Engines:
        """Return the engines."""
        from inspector.sources.engine.open import Engines  # 30 ms that archives don't pay

        with self._lock:
            self._engines = self._engines or Engines(offline=self.offline)
            return self._engines

    def registries(self) -> Registries:
        """Return the registries. Raises `UsageError` for invalid settings."""
        from inspector.registry.settings import user_settings
        from inspector.sources.registry.open import Registries

        with self._lock:
            if self._registries is None:
                settings = user_settings(self._insecure, self._trust_toc)
                self._registries = Registries(settings, kept=self._kept, offline=self.offline, gate=work.check)
            return self._registries

    def close(self) -> None:
        """Let go of registries, so that who waits for one gives up, and of engines' idle connections."""
        if self._registries is not None:
            self._registries.close()
        if self._engines is not None:
            self._engines.close()
