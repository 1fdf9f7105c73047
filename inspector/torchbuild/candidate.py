"""A torch that stands on the search path, with all that its checks need to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from inspector.python.environment import Environment
from inspector.python.folders import Folders
from inspector.python.installed import Installed
from inspector.python.model import Interpreter
from inspector.python.modules import Found, Suffixes
from inspector.python.requirements import Requirements
from inspector.rootfs import Rootfs
from inspector.torchbuild.model import Build
from inspector.torchbuild.releases import release_of
from inspector.torchbuild.survey import Survey
from inspector.torchbuild.version_file import VersionFile


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """The image as its interpreter sees it. `environment` is the container's, `started` its user.

    `root` is the file system with what the user may not see, too; where `blind`, nothing is known of libraries.
    `content` reads any file of the image; None where files can't be asked for.
    """

    root: Rootfs
    folders: Folders
    interpreter: Interpreter
    suffixes: Suffixes
    environment: Mapping[str, str]
    started: Environment
    installed: tuple[Installed, ...]
    requirements: Requirements
    survey: Survey
    blind: bool = False
    content: Callable[[str], bytes] | None = None


class Candidate(Surroundings, frozen=True, kw_only=True):
    """The torch that is loaded: what the finder says, its metadata if any, its version.py.

    `version` is the clause that says why version.py can't be read, where it can't. `contradictions` are why `build` is
    not known although version.py was read.
    """

    found: Found
    distribution: Installed | None
    version: VersionFile | str
    build: Build
    contradictions: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Return the package directory."""
        return self.found.path

    @property
    def raw_version(self) -> str | None:
        """Return the version that version.py states."""
        return self.version.version if isinstance(self.version, VersionFile) else None

    @property
    def release(self) -> tuple[int, int] | None:
        """Return major and minor, by version.py or else by the metadata."""
        stated = release_of(self.raw_version)
        return stated or release_of(self.distribution.version if self.distribution else None)

    def since(self, major: int, minor: int) -> bool | None:
        """Test whether this is release `major.minor` or a later one; None where its version is not known."""
        return None if self.release is None else self.release >= (major, minor)
