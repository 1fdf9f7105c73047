"""Docker's contexts as its command line keeps them: names of endpoints, in small files below its folder."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeVar

import msgspec

from inspector.errors import LimitExceeded, Malformed, NotFound
from inspector.http.tls import Tls, docker_tls
from inspector.oci import MAX_DOCUMENT, parse

Document = TypeVar("Document")


class Found(msgspec.Struct, frozen=True):
    """What a context says of its Docker endpoint."""

    host: str
    tls: Tls | None


class _Config(msgspec.Struct, rename="camel"):
    current_context: str | None = None


class _Endpoint(msgspec.Struct, rename={"host": "Host", "skip": "SkipTLSVerify"}):
    host: str = ""
    skip: bool = False


class _Meta(msgspec.Struct, rename="pascal"):
    endpoints: dict[str, _Endpoint] = {}


def current_context(folder: Path) -> str:
    """Return `currentContext` of `config.json` in Docker's folder; empty where none is set. Raises `Malformed`."""
    path = folder / "config.json"
    content = read_if_there(path)
    return "" if content is None else parse(content, _Config, str(path)).current_context or ""


def context_endpoint(folder: Path, name: str, origin: str) -> Found:
    """Return the Docker endpoint of the context `name`, which `origin` asked for. Raises `NotFound`, `Malformed`."""
    key = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    path = folder / "contexts" / "meta" / key / "meta.json"
    content = read_if_there(path)
    if content is None:
        raise NotFound(
            f"{origin}: there is no Docker context {name[:100]!a} in {folder}; `docker context ls` lists them"
        )
    endpoint = parse(content, _Meta, str(path)).endpoints.get("docker")
    if endpoint is None or not endpoint.host:
        raise Malformed(f"{path}: the context {name[:100]!a} has no Docker endpoint")
    tls = docker_tls(folder / "contexts" / "tls" / key / "docker", verify=not endpoint.skip)
    return Found(endpoint.host, tls if endpoint.skip or tls.authorities or tls.certificate else None)


def read_if_there(path: Path) -> bytes | None:
    """Return the bytes of a settings file; None if it does not exist. Raises `Malformed`, `LimitExceeded`."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_DOCUMENT + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Malformed(f"{path}: can't be read: {error.strerror}") from error
    if len(content) > MAX_DOCUMENT:
        raise LimitExceeded(f"{path}: a settings file of more than {MAX_DOCUMENT} bytes is refused")
    return content
