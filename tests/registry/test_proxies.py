"""Proxies from the environment."""

from __future__ import annotations

import pytest

from inspector.errors import Refused, Unreachable, UsageError
from inspector.http.address import origin_of
from inspector.http.proxies import proxy_for
from inspector.testing.registry import Answer, FakeRegistry
from tests.registry.conftest import Opener
from tests.sources.samples import API

BOTH = {"HTTPS_PROXY": "http://secure:3128", "http_proxy": "plain:8080"}


@pytest.mark.parametrize(
    ("scheme", "environment", "url"),
    [
        ("https", {}, None),
        ("https", BOTH, "http://secure:3128"),
        ("http", BOTH, "http://plain:8080"),
        ("https", {"https_proxy": "low", "HTTPS_PROXY": "high"}, "http://low:80"),
        ("https", {"all_proxy": "https://any"}, "https://any:443"),
        ("https", {"HTTP_PROXY": "http://plain:8080"}, None),
        ("http", {"HTTP_PROXY": "http://plain:8080", "REQUEST_METHOD": "GET"}, None),
        ("https", {"HTTPS_PROXY": "http://[::1]:3128"}, "http://[::1]:3128"),
    ],
)
def test_which_variable_counts(scheme: str, environment: dict[str, str], url: str | None) -> None:
    proxy = proxy_for(origin_of(scheme, "r.corp:5000"), environment)
    assert (proxy and proxy.url) == url


@pytest.mark.parametrize(
    ("registry", "listed", "goes_straight"),
    [
        ("r.corp", "", False),
        ("r.corp", "*", True),
        ("r.corp", "r.corp", True),
        ("r.corp", "x, .corp", True),
        ("r.corp", "*.corp", True),
        ("r.corp", "corp", True),
        ("r.corp", "R.CORP", True),
        ("rr.corp", "r.corp", False),
        ("r.corp:5000", "r.corp:5000", True),
        ("r.corp:5000", "r.corp:5001", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("r.corp", "10.0.0.0/8", False),
        ("10.1.2.3", "10.1.2.3/x", False),
        ("[fd00::1]", "fd00::/8", True),
        ("[fd00::1]", "[fd00::1]", True),
        ("127.0.0.1:5000", "", True),
        ("localhost", "", True),
    ],
)
def test_who_is_asked_without(registry: str, listed: str, goes_straight: bool) -> None:  # noqa: FBT001 - a column
    proxy = proxy_for(origin_of("https", registry), {"HTTPS_PROXY": "http://p", "NO_PROXY": listed})
    assert (proxy is None) is goes_straight


@pytest.mark.parametrize(
    "value", ["socks5://anna:geheim@p", "http://", "http://anna:geheim@p:x", "http://[anna:geheim"]
)
def test_a_proxy_that_is_none_is_named_by_its_variable_alone(value: str) -> None:
    with pytest.raises(UsageError, match="HTTPS_PROXY: names no http or https proxy") as caught:
        proxy_for(origin_of("https", "r.corp"), {"HTTPS_PROXY": value})
    assert "geheim" not in str(caught.value)


def test_a_login_for_the_proxy_is_not_printed() -> None:
    proxy = proxy_for(origin_of("https", "r.corp"), {"HTTPS_PROXY": "http://anna:ge%20heim@p:1"})
    assert proxy is not None
    assert proxy.login == "anna:ge heim"
    assert "heim" not in repr(proxy) + str(proxy)


def test_a_registry_behind_a_proxy(fake: FakeRegistry, repository: Opener) -> None:
    """The proxy sees its own login and the whole address, the registry behind it sees neither login nor proxy."""
    with FakeRegistry() as proxy:
        digest = proxy.push("a/b", "1", API)
        proxy.route("GET", r"http://r\.test:5000/v2/.*", lambda _: proxy._manifest("a/b", "1"))
        environment = {"HTTP_PROXY": f"http://anna:geheim@{proxy.host}"}
        opened = repository(host="r.test:5000", environment=environment, insecure=frozenset({"r.test:5000"}))
        assert opened.manifest("1").digest == digest
        assert {one.headers.get("proxy-authorization") for one in proxy.asked} == {"Basic YW5uYTpnZWhlaW0="}
        assert not any("authorization" in one.headers for one in proxy.asked)
    assert fake.asked == []


def test_a_proxy_that_is_not_there_is_to_blame(repository: Opener) -> None:
    environment = {"HTTPS_PROXY": "http://anna:geheim@127.0.0.1:1"}
    with pytest.raises(
        Unreachable, match=r"https://r\.test by way of the proxy http://127\.0\.0\.1:1: nothing listens"
    ):
        repository(host="r.test", environment=environment).manifest("1")


@pytest.mark.parametrize(
    "location", ["https://169.254.169.254/x", "https://10.0.0.1/x", "https://2130706433/x", "http://storage.test/x"]
)
def test_through_a_proxy_too_nobody_sends_us_inside(location: str, repository: Opener) -> None:
    """As far as addresses say where they lie; a name is looked up by the proxy, which knows its own network."""
    with FakeRegistry() as proxy:
        proxy.route("GET", r"http://r\.test:5000/v2/.*", Answer(307, headers={"Location": location}))
        environment = {"HTTP_PROXY": f"http://{proxy.host}", "HTTPS_PROXY": f"http://{proxy.host}"}
        opened = repository(host="r.test:5000", environment=environment, insecure=frozenset({"r.test:5000"}))
        with pytest.raises(Refused, match=r"to which a registry may not send us|without TLS"):
            opened.document(API.image_id)
        assert {one.path for one in proxy.asked} <= {
            "r.test:5000",
            f"http://r.test:5000/v2/a/b/blobs/{API.image_id}",
        } | {"http://r.test:5000/v2/"}
