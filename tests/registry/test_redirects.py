"""Where a registry may send us on to, and what goes along."""

from __future__ import annotations

import socket

import msgspec
import pytest

from inspector.errors import Refused, Unreachable
from inspector.http.address import Reach, origin_of, parse_address
from inspector.http.redirects import Limits, next_address
from inspector.http.tls import Tls
from inspector.registry.settings import Settings
from inspector.registry.transport import Transport
from inspector.testing.registry import Answer, FakeRegistry
from tests.registry.conftest import Opener, renamed
from tests.sources.samples import API

BASIC = Answer(401, headers={"WWW-Authenticate": "Basic realm=x"})
ENVIRONMENT = {"INSPECTOR_REGISTRY_USER": "anna", "INSPECTOR_REGISTRY_PASSWORD": "geheim"}


def to(address: str, status: int = 307) -> Answer:
    return Answer(status, b"<a>moved</a>", {"Location": address})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_another_host_is_followed_without_credentials(
    status: int, fake: FakeRegistry, elsewhere: FakeRegistry, repository: Opener
) -> None:
    """Storage refuses a request that is signed and has credentials besides."""
    elsewhere.push("a/b", "1", API)
    environment = {**ENVIRONMENT, "INSPECTOR_REGISTRY_HOST": fake.host}
    moved = to(f"{elsewhere.url}/v2/a/b/blobs/{API.image_id}?X-Amz-Signature=abc", status)
    fake.route("GET", ".*/blobs/.*", BASIC, moved)
    named = frozenset({elsewhere.host})
    assert repository(environment=environment, insecure=named).document(API.image_id) == API.config
    assert "authorization" in fake.asked[-1].headers
    (asked,) = elsewhere.asked
    assert "authorization" not in asked.headers
    assert asked.path.endswith("?X-Amz-Signature=abc")


def test_the_way_on_at_the_same_host_keeps_them(fake: FakeRegistry, repository: Opener) -> None:
    fake.push("a/b", "1", API)
    environment = {**ENVIRONMENT, "INSPECTOR_REGISTRY_HOST": fake.host}
    fake.route("GET", ".*/blobs/.*", BASIC, to("/moved"))
    fake.route("GET", "/moved", Answer(200, API.config))
    assert repository(environment=environment).document(API.image_id) == API.config
    assert fake.asked[-1].headers["authorization"].startswith("Basic ")


def test_once_elsewhere_credentials_do_not_come_back(
    fake: FakeRegistry, elsewhere: FakeRegistry, repository: Opener
) -> None:
    environment = {**ENVIRONMENT, "INSPECTOR_REGISTRY_HOST": fake.host}
    fake.route("GET", ".*/blobs/.*", BASIC, to(f"{elsewhere.url}/x"))
    elsewhere.route("GET", "/x", to(f"{fake.url}/back"))
    fake.route("GET", "/back", Answer(200, API.config))
    named = frozenset({elsewhere.host})
    assert repository(environment=environment, insecure=named).document(API.image_id) == API.config
    assert "authorization" not in fake.asked[-1].headers


def test_a_challenge_from_elsewhere_is_not_met(fake: FakeRegistry, elsewhere: FakeRegistry, repository: Opener) -> None:
    environment = {**ENVIRONMENT, "INSPECTOR_REGISTRY_HOST": fake.host}
    fake.route("GET", ".*/blobs/.*", to(f"{elsewhere.url}/x"))
    elsewhere.route("GET", "/x", BASIC)
    with pytest.raises(Refused, match="the host that the registry redirects to answers 401"):
        repository(environment=environment, insecure=frozenset({elsewhere.host})).document(API.image_id)
    assert len(elsewhere.asked) == 1


def test_circles_and_long_ways_are_refused(fake: FakeRegistry, repository: Opener) -> None:
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
def test_a_way_to_nowhere(location: str, fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", ".*/blobs/.*", to(location))
    with pytest.raises(Refused) as caught:
        repository().document(API.image_id)
    assert "u:p" not in str(caught.value)


def test_lists_are_not_followed_anywhere(fake: FakeRegistry, elsewhere: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", ".*/tags/list.*", to(f"{elsewhere.url}/v2/a/b/tags/list"))
    with pytest.raises(Refused, match="followed for manifests and blobs only"):
        list(repository().tags())
    assert elsewhere.asked == []


INWARD = [
    "127.0.0.1",
    "127.1.2.3:8443",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::FFFF:7f00:1]",
    "[::ffff:0:127.0.0.1]",
    "169.254.169.254",
    "169.254.0.1.",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "x.localhost",
    "0.0.0.0",
    "0.1.2.3",
    "[::]",
    "224.0.0.1",
    "[ff02::1]",
    "2130706433",
    "2852039166",
    "0x7f.1",
    "0x7f000001",
    "0177.1",
    "0177.0.0.1",
    "127.1",
    "[::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:7f00:1::]",
]
PRIVATE = [
    "10.0.0.7:9000",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "[fd00::1]",
    "[fec0::1]",
    "198.18.0.1",
    "167772167",
]


def limits(registry: str, reach: Reach, *named: str) -> Limits:
    return Limits(parse_address(registry, "a test").origin, reach, lambda origin: origin.named in named)


@pytest.mark.parametrize("reach", [Reach.PRIVATE, Reach.PUBLIC])
@pytest.mark.parametrize("registry", ["https://ghcr.io", "https://10.0.0.1", "http://127.0.0.1:5000"])
@pytest.mark.parametrize("host", INWARD)
def test_nobody_sends_us_to_this_machine_its_link_or_metadata(host: str, registry: str, reach: Reach) -> None:
    target = parse_address(f"https://{host}:1/x" if not host[-1].isdigit() or "]" in host else f"https://{host}/x", "a")
    with pytest.raises(
        Refused, match=r"an address of this machine, its link or a cloud's metadata.*--insecure-registry"
    ):
        limits(registry, reach).reach_to(target.origin, "a.io")
    assert limits(registry, reach, target.origin.named).reach_to(target.origin, "a.io") is Reach.ANY


@pytest.mark.parametrize("host", PRIVATE)
def test_private_addresses_are_for_the_blobs_of_private_registries(host: str) -> None:
    target = parse_address(f"https://{host}/x", "a test").origin
    with pytest.raises(Refused, match="an address of a private network"):
        limits("https://ghcr.io", Reach.PUBLIC).reach_to(target, "a.io")
    assert limits("https://10.0.0.1", Reach.PRIVATE).reach_to(target, "a.io") is Reach.PRIVATE
    plain = parse_address(f"http://{host}/x", "a test").origin
    with pytest.raises(Refused, match=r"without TLS.*--insecure-registry"):
        limits("https://10.0.0.1", Reach.PRIVATE).reach_to(plain, "a.io")


@pytest.mark.parametrize("host", ["8.8.8.8", "[2606:4700::1]", "[64:ff9b::808:808]", "storage.example.com", "1.2.3"])
def test_the_public_internet_is_asked_by_tls_only(host: str) -> None:
    for reach in (Reach.PRIVATE, Reach.PUBLIC):
        assert (
            limits("http://127.0.0.1:5000", reach).reach_to(parse_address(f"https://{host}", "a").origin, "a") is reach
        )
        with pytest.raises(Refused, match="without TLS"):
            limits("http://127.0.0.1:5000", reach).reach_to(parse_address(f"http://{host}", "a").origin, "a")


def test_how_far_a_registry_may_send_us_follows_from_where_it_answers(
    fake: FakeRegistry, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from its name, and only for blobs and tokens."""
    transport = Transport(settings)
    registry = parse_address(f"http://{renamed('r.test', fake, monkeypatch)}/", "a test")
    transport.send("GET", registry, Tls(), {}).close()
    assert transport.limits(registry.origin, to_private=True).reach is Reach.PUBLIC, "it is this machine"
    transport._reached[registry.origin.host, registry.origin.port] = Reach.PRIVATE
    assert transport.limits(registry.origin, to_private=True).reach is Reach.PRIVATE
    assert transport.limits(registry.origin, to_private=False).reach is Reach.PUBLIC
    assert transport.limits(origin_of("https", "10.0.0.1"), to_private=True).reach is Reach.PRIVATE
    assert transport.limits(origin_of("https", "unknown.test"), to_private=True).reach is Reach.PUBLIC
    transport.close()


@pytest.mark.parametrize(
    ("address", "reach"),
    [("127.0.0.1", Reach.PRIVATE), ("127.0.0.1", Reach.PUBLIC), ("10.255.255.1", Reach.PUBLIC), ("::1", Reach.PUBLIC)],
)
def test_the_address_that_is_connected_to_is_the_one_that_was_checked(
    address: str, reach: Reach, fake: FakeRegistry, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name may be looked up to lie inside, and to lie elsewhere the next time."""
    named = renamed("storage.test", fake, monkeypatch, address)
    transport = Transport(settings)
    with pytest.raises(Refused, match=r"storage\.test:\d+: an address of "):
        transport.send("GET", parse_address(f"http://{named}/", "a test"), Tls(), {}, reach=reach)
    assert fake.asked == []
    transport.close()


@pytest.mark.parametrize(
    ("reach", "tried"),
    [
        (Reach.ANY, ["127.0.0.1", "10.0.0.1", "8.8.8.8"]),
        (Reach.PRIVATE, ["10.0.0.1", "8.8.8.8"]),
        (Reach.PUBLIC, ["8.8.8.8"]),
    ],
)
def test_of_several_addresses_those_are_tried_that_may_be(
    reach: Reach, tried: list[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in ("127.0.0.1", "10.0.0.1", "8.8.8.8")]
    asked: list[str] = []

    def refuse(_: object, address: tuple[str, int]) -> None:
        asked.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr("socket.socket.connect", refuse)
    transport = Transport(settings)
    with pytest.raises(Unreachable, match="nothing listens there"):
        transport.send("GET", parse_address("https://storage.test/", "a test"), Tls(), {}, reach=reach)
    assert asked == tried


def test_a_host_is_named_with_or_without_its_usual_port(settings: Settings) -> None:
    registry = origin_of("https", "10.0.0.1")
    for named in ("storage.test", "storage.test:443"):
        transport = Transport(msgspec.structs.replace(settings, insecure=frozenset({named})))
        assert (
            transport.limits(registry, to_private=False).reach_to(origin_of("https", "storage.test"), "a") is Reach.ANY
        )
        assert (
            transport.limits(registry, to_private=False).reach_to(origin_of("https", "storage.test:444"), "a")
            is not Reach.ANY
        )


@pytest.mark.parametrize("what", ["HEAD", "manifests", "blobs"])
def test_a_registry_of_this_machine_sends_us_nowhere_on_it(
    what: str, fake: FakeRegistry, elsewhere: FakeRegistry, repository: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other ports of it are other services."""
    named = renamed("elsewhere.test", elsewhere, monkeypatch)
    port = elsewhere.host.rpartition(":")[2]
    for place in (elsewhere.url, f"http://localhost:{port}", f"http://2130706433:{port}", f"https://{named}"):
        for method in ("GET", "HEAD"):
            fake.route(method, "/v2/a/b/.*", to(f"{place}/internal"))
        opened = repository()
        ask = {"HEAD": opened.head, "manifests": opened.manifest, "blobs": opened.document}[what]
        with pytest.raises(Refused, match="an address of this machine"):
            ask(API.image_id)
    assert elsewhere.asked == []


def test_a_token_is_fetched_nowhere_inside_but_at_the_registrys_own_host(
    fake: FakeRegistry, elsewhere: FakeRegistry, repository: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = renamed("elsewhere.test", elsewhere, monkeypatch)
    port = elsewhere.host.rpartition(":")[2]
    for realm in (f"http://localhost:{port}", f"https://127.0.0.2:{port}", f"https://{named}"):
        fake.route("GET", ".*/manifests/.*", Answer(401, headers={"WWW-Authenticate": f'Bearer realm="{realm}/token"'}))
        with pytest.raises(Refused, match="an address of this machine"):
            repository().manifest("1")
    assert elsewhere.asked == []


def test_other_ways_to_write_an_address_are_no_loopback() -> None:
    """That one may be asked without TLS, so it has to be this machine for certain."""
    for host in ("2130706433", "[::127.0.0.1]", "[64:ff9b::7f00:1]"):
        origin = parse_address(f"https://{host}/", "a test").origin
        assert origin.reach() is Reach.ANY
        assert not origin.is_loopback()


def test_out_of_tls_there_is_no_way() -> None:
    start = parse_address("https://ghcr.io/v2/", "a test")
    response = _Response("http://ghcr.io/x")
    with pytest.raises(Refused, match="from TLS to"):
        next_address(response, start, "a.io")  # type: ignore[arg-type]


class _Response:
    status = 307

    def __init__(self, location: str) -> None:
        self.header = {"Location": location}.__getitem__


@pytest.mark.parametrize(
    "location",
    [
        "https://a.io\\@127.0.0.1/",
        "https://a.io%2f127.0.0.1/",
        "https://@127.0.0.1/",
        "https://./",
        "https://[fe80::1%25lo]/",
        "https://127.0.0.1%00.a.io/",
        "file:///etc/passwd",
        "gopher://a.io/",
        "https:///x",
    ],
)
def test_what_parsers_differ_about_is_refused(location: str) -> None:
    with pytest.raises(Refused):
        parse_address(location, "a test")


def test_no_error_tells_the_path_that_one_was_sent_to(fake: FakeRegistry, repository: Opener) -> None:
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
