"""The user's home directory, which a user without an entry in the user database may lack."""

from __future__ import annotations

from pathlib import Path


def home_directory() -> Path | None:
    """Return the home that HOME or the user database names; None where neither does, as for a container's user id."""
    try:
        return Path.home()
    except RuntimeError:
        return None
