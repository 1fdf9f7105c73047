"""Real registries: what real tools pushed to them, by TLS, logins and tokens, and the facts that come of it."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from fixtures.forms import FORMS
from fixtures.roles import right_images
from inspector.errors import Denied, NotFound, PlatformMissing, Unreachable
from inspector.facts import Evidence, ImageFacts, Size, gather
from inspector.layers.cache import IndexCache
from inspector.names import parse_name
from inspector.oci import Platform
from inspector.reference import parse_reference
from inspector.registry.settings import Settings
from inspector.sources.registry.open import Registries, open_registry_images, tags_of
from inspector.testing.registry import Answer, Asked, FakeRegistry, answer_json
from tests.lab import engine
from tests.lab import registries as lab
from tests.lab.conftest import _not_here
from tests.lab.ours import facts_of, indexer
from tests.registry.certificates import Authority
from tests.registry.conftest import HASTE

AMD64 = Platform("linux", "amd64")
GPU = right_images()["worker-gpu"]
USER, PASSWORD = "anna", "geheim"
BCRYPT = "$2b$05$abcdefghijklmnopqrstuuVWu8RjbNovPZWAMRdd7iqaaG0mI53Uu"  # of the password
NOWHERE = Evidence(bytes_read=0, layers_read=0, layers_cached=0, digests_verified=False, how="")
PATIENCE = msgspec.structs.replace(HASTE, silence=30.0, whole=60.0, window=30.0)


@pytest.fixture(scope="module")
def host(skopeo: None) -> str:
    """Ask for the lab's registry."""
    del skopeo
    if not lab.answers(lab.LAB):
        _not_here(f"no registry answers at {lab.LAB}")
    return lab.LAB


@pytest.fixture(scope="module")
def own(skopeo: None) -> None:
    """Ask for the program of a registry, and for certificates."""
    del skopeo
    for program in ("docker-registry", "openssl"):
        if shutil.which(program) is None:
            _not_here(f"there is no {program} command")


@pytest.fixture
def repository(host: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A repository of the test's own in the lab's registry."""
    name = f"{host}/test-{os.getpid()}/{re.sub(r'[^a-z0-9]+', '-', request.node.name.lower()).strip('-')}"
    yield name
    lab.delete(name)


def read(
    name: str, settings: Settings, cache: IndexCache | None = None, wanted: Platform | str | None = AMD64
) -> list[ImageFacts]:
    """The facts of all images that a name leads to."""
    registries = Registries(settings, kept=cache.documents if cache else None)
    try:
        images = open_registry_images(parse_reference(f"registry:{name}"), wanted, registries)  # type: ignore[arg-type]
        return [gather(image, indexer(cache)) for image in images]
    finally:
        registries.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a user who has none."""
    return Settings(home=tmp_path, etc=tmp_path / "etc", patience=PATIENCE)


def comparable(facts: ImageFacts) -> ImageFacts:
    """The facts without what differs by the way that the image came."""
    layers = tuple(
        msgspec.structs.replace(layer, digest=None, compressed_size=None, cached=False) for layer in facts.layers
    )
    size = Size(facts.size.uncompressed, None)
    same = {"reference": "", "source": "", "size": size, "layers": layers, "evidence": NOWHERE, "tags": ()}
    return msgspec.structs.replace(facts, **same, manifest_digest=None)


def form(name: str, folder: Path) -> str:
    """The image of a GPU worker in one of the forms, for skopeo to read."""
    return FORMS[name](folder / name, [GPU])


@pytest.mark.parametrize(
    ("source", "words", "media_type"),
    [
        ("oci-gzip", [], "vnd.oci.image.layer.v1.tar+gzip"),
        ("oci-gzip", ["--format", "v2s2"], "vnd.docker.image.rootfs.diff.tar.gzip"),
        ("oci-plain", ["--dest-compress-format", "zstd"], "vnd.oci.image.layer.v1.tar+zstd"),
        ("oci-zstd", [], "vnd.oci.image.layer.v1.tar+zstd"),
    ],
)
def test_what_skopeo_pushes(
    source: str, words: Sequence[str], media_type: str, repository: str, settings: Settings, tmp_path: Path
) -> None:
    """The same facts as from the form that was pushed, whatever the registry holds it as."""
    reference = form(source, tmp_path)
    lab.push(reference, f"{repository}:1", *words)
    (facts,) = read(f"{repository}:1", settings)
    assert comparable(facts) == comparable(facts_of(reference))
    assert facts.evidence.digests_verified
    assert media_type in _manifest(f"{repository}:1")


@pytest.mark.parametrize("source", ["oci-platforms", "oci-platforms-docker-types"])
def test_an_index_of_platforms_with_attestations(
    source: str, repository: str, settings: Settings, tmp_path: Path
) -> None:
    reference = form(source, tmp_path)
    lab.push(reference, f"{repository}:1", "--all")
    (facts,) = read(f"{repository}:1", settings)
    assert facts.image_id == GPU.image_id
    platforms = sorted(str(one.platform) for one in read(f"{repository}:1", settings, wanted="all"))
    assert platforms == ["linux/amd64", "linux/arm64"]
    with pytest.raises(PlatformMissing):
        read(f"{repository}:1", settings, wanted=Platform("linux", "s390x"))


def test_what_docker_pushes(repository: str, settings: Settings, tmp_path: Path) -> None:
    name = f"{repository}:1"
    archive = FORMS["docker-24"](tmp_path / "image.tar", [replace(GPU, tags=[name])])
    engine.docker("load", "--input", archive.partition(":")[2])
    try:
        engine.docker("push", "--quiet", name)
    finally:
        engine.docker("rmi", name)
    (facts,) = read(name, settings)
    assert comparable(facts) == comparable(facts_of(archive))
    assert facts.tags == (name,)


def test_a_role_image_from_the_registry_and_from_a_layout(
    copies: dict[str, str], repository: str, settings: Settings, tmp_path: Path
) -> None:
    """Real layers: the same facts both ways, then from the cache, by a single question to the registry."""
    lab.push(copies["oci"], f"{repository}:prod")
    cache = IndexCache(tmp_path / "cache" / "layers.sqlite")
    (facts,) = read(f"{repository}:prod", settings, cache)
    assert comparable(facts) == comparable(facts_of(copies["oci"]))
    (again,) = read(f"{repository}:prod", settings, cache)
    assert again.evidence.layers_cached == len(again.layers)
    assert comparable(again) == comparable(facts)
    cache.close()


def test_what_is_not_there_is_told_apart(host: str, repository: str, settings: Settings, tmp_path: Path) -> None:
    lab.push(form("oci-gzip", tmp_path), f"{repository}:1")
    with pytest.raises(NotFound, match="no such tag: 2; the repository is there"):
        read(f"{repository}:2", settings)
    with pytest.raises(NotFound, match="no such repository"):
        read(f"{host}/none/such:1", settings)
    with pytest.raises(Unreachable, match="nothing listens there"):
        read("127.0.0.1:1/a:1", settings)


def test_tags_and_catalog(host: str, repository: str, settings: Settings, tmp_path: Path) -> None:
    layout = form("oci-gzip", tmp_path)
    for tag in ("1", "2", "latest"):
        lab.push(layout, f"{repository}:{tag}")
    registries = Registries(settings)
    assert set(tags_of(parse_name(repository), registries)) == {"1", "2", "latest"}
    assert repository.partition("/")[2] in set(registries.client.catalog(host))
    registries.close()


@pytest.fixture
def logged_in(settings: Settings) -> Callable[[str, str], Settings]:
    """Settings of a user who has a login for one host."""

    def of(host: str, password: str) -> Settings:
        environment = {
            "INSPECTOR_REGISTRY_HOST": host,
            "INSPECTOR_REGISTRY_USER": USER,
            "INSPECTOR_REGISTRY_PASSWORD": password,
        }
        return msgspec.structs.replace(settings, environment=environment)

    return of


def test_a_registry_with_tls_and_passwords(
    own: None, settings: Settings, logged_in: Callable[[str, str], Settings], tmp_path: Path
) -> None:
    del own
    authority = Authority(tmp_path)
    certificate, key = authority.issue("127.0.0.1")
    (tmp_path / "htpasswd").write_text(f"{USER}:{BCRYPT}\n")
    tls = {"tls": {"certificate": str(certificate), "key": str(key)}}
    auth = {"htpasswd": {"realm": "the lab", "path": str(tmp_path / "htpasswd")}}
    layout = form("oci-gzip", tmp_path)
    with lab.registry(tmp_path, http=tls, auth=auth) as host:
        lab.push(layout, f"{host}/a/b:1", "--dest-creds", f"{USER}:{PASSWORD}")
        with pytest.raises(Unreachable, match="its certificate is not trusted"):
            read(f"{host}/a/b:1", logged_in(host, PASSWORD))
        folder = settings.etc / "docker" / "certs.d" / host
        folder.mkdir(parents=True)
        shutil.copy(authority.certificate, folder / "ca.crt")
        with pytest.raises(Denied, match="not allowed without credentials"):
            read(f"{host}/a/b:1", settings)
        with pytest.raises(Denied, match="not allowed with the credentials from the environment"):
            read(f"{host}/a/b:1", logged_in(host, "wrong"))
        (facts,) = read(f"{host}/a/b:1", logged_in(host, PASSWORD))
        assert comparable(facts) == comparable(facts_of(layout))


class TokenServer:
    """Gives everybody the right to pull from `public/`, and the user every right that is asked for."""

    def __init__(self, authority: Authority, registry: str) -> None:
        self._certificate, self._key = authority.issue("tokens")
        self._registry = registry
        self.granted: list[tuple[bool, str]] = []

    def answer(self, asked: Asked) -> Answer:
        """A token for the scopes in the query."""
        login = asked.headers.get("authorization")
        if login not in (None, "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()):
            return Answer(401)
        access: list[dict[str, object]] = []
        for scope in asked.query.get("scope", []):
            kind, name, actions = scope.split(":")
            self.granted.append((login is not None, scope))
            if login or name.startswith("public/"):
                access.append({"type": kind, "name": name, "actions": actions.split(",") if login else ["pull"]})
        return answer_json({"token": self._signed(access), "expires_in": 300})

    def _signed(self, access: list[dict[str, object]]) -> str:
        der = re.sub(r"-----.*?-----|\s", "", self._certificate.read_text())
        now = int(time.time())
        claims = {"iss": "the test", "sub": USER, "aud": self._registry, "jti": "1", "access": access}
        header = {"typ": "JWT", "alg": "RS256", "x5c": [der]}
        parts = (header, {**claims, "iat": now, "nbf": now - 10, "exp": now + 300})
        text = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
        words = ["openssl", "dgst", "-sha256", "-sign", str(self._key)]
        return (
            f"{text}.{_base64url(subprocess.run(words, input=text.encode(), check=True, capture_output=True).stdout)}"
        )


def test_a_registry_with_tokens(
    own: None, settings: Settings, logged_in: Callable[[str, str], Settings], tmp_path: Path
) -> None:
    del own
    authority = Authority(tmp_path)
    tokens = TokenServer(authority, "the lab")
    layout = form("oci-gzip", tmp_path)
    with FakeRegistry() as server:
        server.route("GET", "/token.*", tokens.answer)
        auth = {
            "token": {
                "realm": f"{server.url}/token",
                "service": "the lab",
                "issuer": "the test",
                "rootcertbundle": str(authority.certificate),
            }
        }
        with lab.registry(tmp_path, auth=auth) as host:
            for name in ("public/a", "own/b"):
                lab.push(layout, f"{host}/{name}:1", "--dest-creds", f"{USER}:{PASSWORD}")
            tokens.granted.clear()
            (facts,) = read(f"{host}/public/a:1", settings)
            assert comparable(facts) == comparable(facts_of(layout))
            assert tokens.granted == [(False, "repository:public/a:pull")], "once, for all requests"
            with pytest.raises(Denied, match=r"own/b: not allowed without credentials \(401\)"):
                read(f"{host}/own/b:1", settings)
            with pytest.raises(Denied, match="are not accepted"):
                read(f"{host}/own/b:1", logged_in(host, "wrong"))
            (facts,) = read(f"{host}/own/b:1", logged_in(host, PASSWORD))
            assert comparable(facts) == comparable(facts_of(layout))
            registries = Registries(logged_in(host, PASSWORD))
            assert list(registries.client.catalog(host)) == ["own/b", "public/a"]
            registries.close()


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _manifest(name: str) -> str:
    words = ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
