"""A project under Git, with the pre-push hook in it and a bare repository to push to."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.deploy.steps import PROJECT, environment

HOOK = PROJECT / "deploy" / "hooks" / "pre-push"


class Clone:
    """The clone in `folder`, whose inspector.toml is committed; the other repository lies beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.remote = folder.parent / "remote.git"
        self.env = environment(folder.parent, {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"})
        self.env |= {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.remote))
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("remote", "add", "origin", str(self.remote))
        self.git("add", "inspector.toml")
        self.git("commit", "--quiet", "--message=first")
        shutil.copy(HOOK, folder / ".git" / "hooks" / "pre-push")

    def git(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A git command that must go well."""
        done = self.attempt(*words)
        assert done.returncode == 0, done.stderr
        return done

    def attempt(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A git command."""
        words = ("git", *words)
        return subprocess.run(words, cwd=self.folder, env=self.env, check=False, capture_output=True, text=True)

    @property
    def pushed(self) -> bool:
        """Whether the other repository has got the branch."""
        return self.attempt("ls-remote", "--exit-code", "origin", "main").returncode == 0
