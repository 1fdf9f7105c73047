"""Where a registry may send us on to, and what goes along."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from inspector.errors import Refused
from inspector.registry.address import Address, origin_of, parse_address
from inspector.registry.redirects import next_address
from tests.registry.conftest import Opener
from tests.registry.fake import Answer, Fake, serving
from tests.sources.samples import API

BASIC = Answer(401, headers={"WWW-Authenticate": "Basic realm=x"})
ENVIRONMENT = {"INSPECTOR_REGISTRY_USER": "anna", "INSPECTOR_REGISTRY_PASSWORD": "geheim"}


@pytest.fixture
def elsewhere() -> Iterator[Fake]:
    """Where blobs really lie."""
    with serving() as store:
        yield store


def to(address: str, status: int = 307) -> Answer:
    return Answer(status, b"<a>moved</a>", {"Location": address})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_another_host_is_followed_without_credentials(
    status: int, fake: Fake, elsewhere: Fake, repository: Opener
) -> None:
    """Storage refuses a request that is signed and has credentials besides."""
    elsewhere.push("a/b", "1", API)
    environment = {**ENVIRONMENT, "INSPECTOR_REGISTRY_HOST": fake.host}
    moved = to(f"{elsewhere.url}/v2/a/b/blobs/{API.image_id}?X-Amz-Signature=abc", status)
    fake.route("GET", ".*/blobs/.*", BASIC, moved)
    assert repository(environment=environment).document(API.image_id) == API.config
    assert "authorization" in fake.asked[-1].headers
    (asked,) = elsewhere.asked
    assert "authorization" not in asked.headers
    assert asked.path.endswith("?X-Amz-Signature=abc")


def test_the_way_on_at_the_same_host_keeps_them(fake: Fake, repository: Opener) -> None:
    fake.push("a/b", "1", API)
    environment = {**ENVIRONMENT, "INSPECTOR_REGISTRY_HOST": fake.host}
    fake.route("GET", ".*/blobs/.*", BASIC, to("/moved"))
    fake.route("GET", "/moved", Answer(200, API.config))
    assert repository(environment=environment).document(API.image_id) == API.config
    assert fake.asked[-1].headers["authorization"].startswith("Basic ")


def test_once_elsewhere_credentials_do_not_come_back(fake: Fake, elsewhere: Fake, repository: Opener) -> None:
    environment = {**ENVIRONMENT, "INSPECTOR_REGISTRY_HOST": fake.host}
    fake.route("GET", ".*/blobs/.*", BASIC, to(f"{elsewhere.url}/x"))
    elsewhere.route("GET", "/x", to(f"{fake.url}/back"))
    fake.route("GET", "/back", Answer(200, API.config))
    assert repository(environment=environment).document(API.image_id) == API.config
    assert "authorization" not in fake.asked[-1].headers


def test_a_challenge_from_elsewhere_is_not_met(fake: Fake, elsewhere: Fake, repository: Opener) -> None:
    environment = {**ENVIRONMENT, "INSPECTOR_REGISTRY_HOST": fake.host}
    fake.route("GET", ".*/blobs/.*", to(f"{elsewhere.url}/x"))
    elsewhere.route("GET", "/x", BASIC)
    with pytest.raises(Refused, match="the host that the registry sends us to answers 401"):
        repository(environment=environment).document(API.image_id)
    assert len(elsewhere.asked) == 1


def test_circles_and_long_ways_are_refused(fake: Fake, repository: Opener) -> None:
    fake.route("GET", ".*/blobs/.*", to("/a"))
    fake.route("GET", "/a", to("/b"))
    fake.route("GET", "/b", to("/a"))
    with pytest.raises(Refused, match="round in a circle"):
        repository().document(API.image_id)
    fake.route("GET", "/.*", lambda asked: to(f"{asked.path}x"))
    with pytest.raises(Refused, match="more than 5 times"):
        repository().document(API.image_id)


@pytest.mark.parametrize(
    "location", ["", "ftp://a/b", "http://u:p@a/b", "http://[", "//\x7f", "http://a:99999/", "x" * 20_000]
)
def test_a_way_to_nowhere(location: str, fake: Fake, repository: Opener) -> None:
    fake.route("GET", ".*/blobs/.*", to(location))
    with pytest.raises(Refused) as caught:
        repository().document(API.image_id)
    assert "u:p" not in str(caught.value)


def test_lists_are_not_followed_anywhere(fake: Fake, elsewhere: Fake, repository: Opener) -> None:
    fake.route("GET", ".*/tags/list.*", to(f"{elsewhere.url}/v2/a/b/tags/list"))
    with pytest.raises(Refused, match="followed for manifests and blobs only"):
        list(repository().tags())
    assert elsewhere.asked == []


class _Response:
    status = 307

    def __init__(self, location: str) -> None:
        self.headers = {"Location": location}


@pytest.mark.parametrize(
    ("registry", "location"),
    [
        ("https://ghcr.io", "http://ghcr.io/x"),
        ("https://ghcr.io", "https://127.0.0.1/x"),
        ("https://ghcr.io", "https://127.1.2.3:8443/x"),
        ("https://ghcr.io", "https://[::1]/x"),
        ("https://ghcr.io", "https://[::ffff:127.0.0.1]/x"),
        ("https://ghcr.io", "https://169.254.169.254/latest/meta-data"),
        ("https://ghcr.io", "https://localhost/x"),
        ("https://ghcr.io", "https://localhost./x"),
        ("https://ghcr.io", "https://0.0.0.0/x"),
        ("https://ghcr.io", "https://2852039166/latest/meta-data"),
        ("https://ghcr.io", "https://0x7f.1/x"),
        ("https://ghcr.io", "https://[::127.0.0.1]/x"),
        ("https://ghcr.io", "https://[64:ff9b::a9fe:a9fe]/x"),
        ("https://ghcr.io", "https://[2002:7f00:1::]/x"),
        ("http://10.0.0.1", "http://169.254.169.254/x"),
    ],
)
def test_out_of_tls_and_inward_is_refused(registry: str, location: str) -> None:
    start = parse_address(f"{registry}/v2/", "a test")
    with pytest.raises(Refused):
        next_address(_Response(location), start, start.origin, "a.io")  # type: ignore[arg-type]


def test_private_storage_of_a_private_registry_is_fine() -> None:
    start = Address(origin_of("https", "registry.corp"), "/v2/")
    found = next_address(_Response("https://10.0.0.7:9000/blob"), start, start.origin, "a.io")  # type: ignore[arg-type]
    assert str(found) == "https://10.0.0.7:9000/blob"


def test_other_ways_to_write_an_address_are_no_loopback() -> None:
    """That one may be asked without TLS, so it has to be this machine for certain."""
    for host in ("2130706433", "[::127.0.0.1]", "[64:ff9b::7f00:1]"):
        origin = parse_address(f"https://{host}/", "a test").origin
        assert origin.is_inward()
        assert not origin.is_loopback()


def test_no_error_tells_the_path_that_one_was_sent_to(fake: Fake, repository: Opener) -> None:
    """It may be signed, or hold what we showed."""
    fake.route("GET", ".*/blobs/.*", to("/geheim/x"))
    fake.route("GET", "/geheim/.*", to("/geheim/x"))
    with pytest.raises(Refused, match="in a circle") as caught:
        repository().document(API.image_id)
    assert "geheim" not in str(caught.value)
    fake.route("GET", "/geheim/.*", to("ftp://a.io/"))
    with pytest.raises(Refused, match="only https and http") as caught:
        repository().document(API.image_id)
    assert "geheim" not in str(caught.value)
