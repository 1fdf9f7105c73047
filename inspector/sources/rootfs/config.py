"""What a container of a root file system would get: the configuration that the user gives, or Docker's defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from inspector.errors import Malformed, NotFound
from inspector.oci import MAX_DOCUMENT, ImageConfig, Platform, RuntimeConfig, converted, parse, parse_config

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""As Docker, containerd and Podman set it where an image states none."""
DEFAULTED = (
    f"no configuration was given: taken are Docker's defaults (PATH={DEFAULT_PATH}, user root, working directory /, no "
    "command); --config FILE gives an image's, or what `docker inspect` prints"
)
Document = TypeVar("Document")

_EXPECTED = "expected is an image's configuration, or what `docker inspect` prints of an image or a container"


class _Inspected(msgspec.Struct, frozen=True, rename="pascal"):
    """What `docker inspect` and `podman inspect` print of an image or a container, as far as it matters here.

    Of a container, `path` and `args` are the words that it runs.
    """

    config: RuntimeConfig
    architecture: str = ""
    variant: str | None = None
    os: str = ""
    path: str = ""
    args: list[str] | None = None


def default_config() -> ImageConfig:
    """Return what Docker gives a container whose image states nothing."""
    return ImageConfig(os="linux", config=RuntimeConfig(env=[f"PATH={DEFAULT_PATH}"]))


def read_config(path: Path) -> ImageConfig:
    """Return the configuration in a file. Raises `NotFound`, `Malformed`, `LimitExceeded`."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_DOCUMENT + 1)  # more than is parsed, so that it is refused
    except OSError as error:
        raise NotFound(f"--config {path}: can't be read: {error.strerror or error}") from error
    return config_of(content, f"--config {path}")


def config_of(content: bytes, where: str) -> ImageConfig:
    """Return the configuration that a document holds; its `os` and `architecture` are empty where it states none."""
    said = _document(parse(content, Any, where), where)
    if "rootfs" in said:
        return parse_config(msgspec.json.encode(said), where)
    if "Config" in said:
        return _of_inspected(_converted(said, _Inspected, where))
    if "config" in said:  # an image's, without its layers
        return _converted(said, ImageConfig, where)
    raise Malformed(f"{where}: no configuration in it; {_EXPECTED}")


def stated_platform(config: ImageConfig) -> Platform | None:
    """Return the platform that a configuration states, if it does."""
    return config.platform if config.os and config.architecture else None


def _document(said: Any, where: str) -> dict[str, Any]:
    """Return the one document; `docker inspect` prints a list, and `buildah inspect` has the image's own inside."""
    if isinstance(said, list):
        if len(said) != 1:
            raise Malformed(f"{where}: describes {len(said)} images or containers; write one to the file")
        said = said[0]
    if isinstance(said, dict) and isinstance(said.get("OCIv1"), dict):
        said = said["OCIv1"]
    if not isinstance(said, dict):
        raise Malformed(f"{where}: no configuration in it; {_EXPECTED}")
    return said


def _converted(said: dict[str, Any], kind: type[Document], where: str) -> Document:
    try:
        return converted(said, kind)
    except msgspec.ValidationError as error:
        raise Malformed(f"{where}: {error}; {_EXPECTED}") from error


def _of_inspected(said: _Inspected) -> ImageConfig:
    entrypoint, cmd = said.config.entrypoint, said.config.cmd
    if isinstance(entrypoint, str) and said.path:  # Podman before 5 joins a container's words with spaces
        words = [said.path, *(said.args or ())]
        count = next((count for count in range(len(words) + 1) if " ".join(words[:count]) == entrypoint), 0)
        entrypoint, cmd = (words[:count], words[count:]) if count else (entrypoint, cmd)
    return ImageConfig(
        os=said.os,
        architecture=said.architecture,
        variant=said.variant or None,
        config=msgspec.structs.replace(said.config, entrypoint=entrypoint, cmd=cmd),
    )
