"""No credential is ever in an error, a log, a cache, a value's text or a process list."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import threading
import traceback
from pathlib import Path

import msgspec
import pytest

from inspector.errors import InspectorError
from inspector.facts import gather
from inspector.layers.cache import IndexCache
from inspector.layers.documents import DocumentCache
from inspector.layers.indexer import Indexer
from inspector.reference import parse_reference
from inspector.registry.challenge import Login
from inspector.registry.credentials import Credentials
from inspector.registry.helpers import ask_helper
from inspector.registry.settings import Settings
from inspector.registry.tokens import Token
from inspector.sources.registry.open import Registries, open_registry_images
from inspector.testing.registry import Answer, Asked, FakeRegistry, answer_json
from tests.sources.samples import API

PASSWORD = "Geheim-4711"
TOKEN = "Token-4711"
SIGNATURE = "Signatur-4711"
BASIC_PART = "YW5uYTpHZWhlaW0tNDcxMQ"  # anna:Geheim-4711
SECRETS = (PASSWORD, TOKEN, SIGNATURE, BASIC_PART)


@pytest.fixture
def guarded(fake: FakeRegistry, elsewhere: FakeRegistry) -> FakeRegistry:
    """A registry with tokens from elsewhere and blobs at signed addresses; its errors repeat all that it was sent."""
    fake.push("a/b", "1", API)
    elsewhere.blobs = fake.blobs
    elsewhere.route("GET", "/token.*", answer_json({"token": TOKEN}))

    def answer(asked: Asked) -> Answer:
        challenge = {"WWW-Authenticate": f'Bearer realm="{elsewhere.url}/token",service="s"'}
        said = {"errors": [{"code": "DENIED", "message": json.dumps(asked.headers), "detail": asked.headers}]}
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, json.dumps(said).encode(), challenge)
        if "/blobs/" in asked.path:
            return Answer(307, headers={"Location": f"{elsewhere.url}{asked.path}?X-Amz-Signature={SIGNATURE}"})
        return fake.good(asked)

    for method in ("GET", "HEAD"):
        fake.route(method, "/v2/.+", answer)
    return fake


@pytest.fixture
def logged_in(settings: Settings, fake: FakeRegistry, elsewhere: FakeRegistry) -> Settings:
    environment = {
        "INSPECTOR_REGISTRY_HOST": fake.host,
        "INSPECTOR_REGISTRY_USER": "anna",
        "INSPECTOR_REGISTRY_PASSWORD": PASSWORD,
    }
    return msgspec.structs.replace(settings, environment=environment, insecure=frozenset({elsewhere.host}))


def read(fake: FakeRegistry, settings: Settings, cache: Path) -> None:
    """Facts of the image, through both caches."""
    indexes, documents = IndexCache(cache / "layers.sqlite"), DocumentCache(cache)
    registries = Registries(settings, kept=documents)
    try:
        reference = parse_reference(f"registry:{fake.host}/a/b:1")
        (image,) = open_registry_images(reference, None, registries)
        gather(image, Indexer(indexes, verify=False, meter=lambda _: None))
    finally:
        registries.close()
        indexes.close()
        documents.close()


def test_logs_and_caches(
    guarded: FakeRegistry,
    elsewhere: FakeRegistry,
    logged_in: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    read(guarded, logged_in, tmp_path / "cache")
    assert any(SIGNATURE in one.path for one in elsewhere.asked), "or nothing was tried"
    assert any(BASIC_PART in one.headers.get("authorization", "") for one in elsewhere.asked)
    kept = [file.read_bytes() for file in (tmp_path / "cache").iterdir()]
    assert len(kept) >= 2
    for secret in SECRETS:
        assert secret not in caplog.text
        assert not any(secret.encode() in content for content in kept)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 416, 429, 500])
@pytest.mark.parametrize("where", ["manifests", "blobs", "token", "elsewhere"])
def test_errors(
    status: int, where: str, guarded: FakeRegistry, elsewhere: FakeRegistry, logged_in: Settings, tmp_path: Path
) -> None:
    """Neither what a registry says nor what a library's exception holds comes through."""

    def echo(asked: Asked) -> Answer:
        said = {
            "errors": [{"code": asked.headers.get("authorization", ""), "message": asked.path + str(asked.headers)}]
        }
        return answer_json(said, status, headers={"Location": asked.path})

    if where in ("manifests", "blobs"):
        guarded.route("GET", f".*/{where}/.*", echo)
    else:
        elsewhere.route("GET", "/token.*" if where == "token" else ".*/blobs/.*", echo)
    with pytest.raises(InspectorError) as caught:
        read(guarded, logged_in, tmp_path / "cache")
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + str(caught.value)
    for secret in SECRETS:
        assert secret not in told


def test_a_connection_lost_at_a_signed_address(
    guarded: FakeRegistry, elsewhere: FakeRegistry, logged_in: Settings, tmp_path: Path
) -> None:
    def broken(_: Asked) -> Answer:
        raise ConnectionResetError

    elsewhere.route("GET", ".*/blobs/.*", broken)
    with pytest.raises(InspectorError) as caught:
        read(guarded, logged_in, tmp_path / "cache")
    assert SIGNATURE not in "".join(traceback.format_exception(caught.value))


def test_values_do_not_print_them(logged_in: Settings, fake: FakeRegistry) -> None:
    login = Credentials(logged_in).find(fake.host, "a/b")
    assert login is not None
    assert login.secret == PASSWORD
    token = Token(TOKEN, 0.0)
    texts = [form(value) for value in (login, token, [login], {"a": token}) for form in (str, repr, "{}".format)]
    texts += [str(msgspec.structs.replace(login, is_identity=True)), str(logged_in), repr(logged_in)]
    for secret in SECRETS:
        assert not any(secret in text for text in texts)


def test_process_lists(tmp_path: Path) -> None:
    """What a helper program is asked, and answers, goes by pipes."""
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("the process list can't be read here")
    program = tmp_path / "docker-credential-lab"
    program.write_text(
        f"#!{sys.executable}\nimport sys, time, json\nsys.stdin.read()\ntime.sleep(0.3)\n"
        f"print(json.dumps({{'Username': 'anna', 'Secret': {PASSWORD!r}}}))\n"
    )
    program.chmod(0o755)
    seen: list[str] = []
    found: list[Login | None] = []
    asking = threading.Thread(target=lambda: found.append(ask_helper("lab", "r.io", {"PATH": str(tmp_path)})))
    asking.start()
    while asking.is_alive():
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                seen.append(process.read_text(errors="replace"))
    assert found[0] is not None
    assert found[0].secret == PASSWORD
    assert any(str(program) in line for line in seen), "or nothing was seen"
    assert not any(PASSWORD in line for line in seen)
    assert PASSWORD not in str(dict(os.environ))
