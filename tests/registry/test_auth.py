"""Challenges and how they are met: Basic, tokens with and without a login, identity tokens; and who sees what."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import pytest

from inspector.errors import Denied, LimitExceeded, Malformed, Refused, UsageError
from inspector.http.address import Reach, parse_address
from inspector.http.redirects import Limits
from inspector.names import ImageName
from inspector.registry import authorizer
from inspector.registry.client import Client
from inspector.registry.settings import Settings
from inspector.registry.tokens import check_realm
from inspector.testing.registry import Answer, Asked, FakeRegistry, answer_json
from tests.registry.conftest import Opener
from tests.sources.samples import API

BASIC = "Basic " + base64.b64encode(b"anna:geh:eim").decode()


@pytest.fixture
def tokens() -> Iterator[FakeRegistry]:
    """A token server of its own, which gives everybody the token `t-N`."""
    with FakeRegistry() as server:
        server.route("GET", "/token.*", lambda _: answer_json({"token": f"t-{len(server.asked)}", "expires_in": 300}))
        yield server


def login(fake: FakeRegistry, **more: str) -> dict[str, str]:
    """An environment with credentials for the registry."""
    return {
        "INSPECTOR_REGISTRY_HOST": fake.host,
        "INSPECTOR_REGISTRY_USER": "anna",
        "INSPECTOR_REGISTRY_PASSWORD": "geh:eim",
        **more,
    }


def guarded(fake: FakeRegistry, challenge: str, *good: str, path: str = "/v2/.+") -> None:
    """Let nobody in but with one of the headers."""

    def answer(asked: Asked) -> Answer:
        if asked.headers.get("authorization") in good:
            return fake.good(asked)
        return Answer(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}', {"WWW-Authenticate": challenge})

    for method in ("GET", "HEAD"):
        fake.route(method, path, answer)


def bearer(tokens: FakeRegistry, scope: str = "repository:a/b:pull") -> str:
    return f'Bearer realm="{tokens.url}/token",service="the registry",scope="{scope}"'


def test_basic(fake: FakeRegistry, repository: Opener) -> None:
    digest = fake.push("a/b", "1", API)
    guarded(fake, 'Basic realm="x"', BASIC)
    opened = repository(environment=login(fake))
    assert opened.manifest("1").digest == digest
    list(opened.tags())
    shown = ["authorization" in one.headers for one in fake.asked if one.path != "/v2/"]
    assert shown == [False, True, True], "shown when asked for, and from then on"


def test_basic_without_a_login(fake: FakeRegistry, repository: Opener) -> None:
    guarded(fake, 'Basic realm="x"')
    with pytest.raises(
        Denied, match=rf"a/b: not allowed without credentials .401.; log in, as in `docker login {fake.host}`"
    ):
        repository().manifest("1")


def test_basic_with_the_wrong_login(fake: FakeRegistry, repository: Opener) -> None:
    guarded(fake, 'Basic realm="x"')
    with pytest.raises(Denied, match="with the credentials from the environment") as caught:
        repository(environment=login(fake)).manifest("1")
    assert "geh" not in str(caught.value)
    assert len([one for one in fake.asked if "authorization" in one.headers]) == 1


def test_forbidden(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", ".*/manifests/.*", Answer(403, b'{"errors":[{"code":"DENIED"}]}'))
    with pytest.raises(Denied, match=r"\(403\).*registries give the same answer for repositories"):
        repository().manifest("1")


def test_an_anonymous_token(fake: FakeRegistry, tokens: FakeRegistry, repository: Opener) -> None:
    digest = fake.push("a/b", "1", API)
    guarded(fake, bearer(tokens), "Bearer t-1")
    opened = repository()
    assert opened.manifest("1").digest == digest
    assert opened.head("1") is not None
    assert opened.document(API.image_id) == API.config
    (asked,) = tokens.asked
    assert asked.query == {"service": ["the registry"], "scope": ["repository:a/b:pull"]}
    assert "authorization" not in asked.headers
    assert [one.headers.get("authorization") for one in fake.asked if one.path != "/v2/"] == [None, *["Bearer t-1"] * 3]


def test_a_token_for_a_login(fake: FakeRegistry, tokens: FakeRegistry, repository: Opener) -> None:
    digest = fake.push("a/b", "1", API)
    guarded(fake, bearer(tokens), "Bearer t-1")
    assert repository(environment=login(fake)).manifest("1").digest == digest
    assert tokens.asked[0].headers["authorization"] == BASIC
    assert tokens.asked[0].query["account"] == ["anna"]
    assert BASIC not in [one.headers.get("authorization") for one in fake.asked]


def test_each_repository_has_a_token_of_its_own(fake: FakeRegistry, tokens: FakeRegistry, settings: Settings) -> None:
    fake.push("a/b", "1", API)
    fake.push("c/d", "1", API)
    for name, token in (("a/b", "t-1"), ("c/d", "t-2")):
        challenge = Answer(401, headers={"WWW-Authenticate": bearer(tokens, f"repository:{name}:pull")})

        def answer(asked: Asked, token: str = token, challenge: Answer = challenge) -> Answer:
            return fake.good(asked) if asked.headers.get("authorization") == f"Bearer {token}" else challenge

        fake.route("GET", f"/v2/{name}/.*", answer)
    client = Client(settings)
    parse = import_module("inspector.names").parse_name
    for name in ("a/b", "c/d", "a/b", "c/d"):
        client.repositories(parse(f"{fake.host}/{name}"))[0].manifest("1")
    client.close()
    assert [one.query["scope"] for one in tokens.asked] == [["repository:a/b:pull"], ["repository:c/d:pull"]]


def test_few_tokens_are_held_whatever_the_number_of_repositories(
    fake: FakeRegistry, tokens: FakeRegistry, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that was dropped is fetched again."""
    monkeypatch.setattr(authorizer, "MAX_TOKENS", 2)
    names = [f"a/{number}" for number in range(5)]
    for name in names:
        fake.push(name, "1", API)
        challenge = Answer(401, headers={"WWW-Authenticate": bearer(tokens, f"repository:{name}:pull")})

        def answer(asked: Asked, challenge: Answer = challenge) -> Answer:
            return fake.good(asked) if "authorization" in asked.headers else challenge

        fake.route("GET", f"/v2/{name}/.*", answer)
    with contextlib.closing(Client(settings)) as client:
        for name in (*names, names[0]):
            client.repositories(ImageName(fake.host, name))[0].manifest("1")
        assert len(client._session(fake.host)._authorizer._slots) == 2
    assert len(tokens.asked) == 6


def asked_by_threads(client: Client, *names: ImageName) -> None:
    """Ask for the manifest `1` of each repository at once."""
    places = [client.repositories(name)[0] for name in names]
    with ThreadPoolExecutor(len(places)) as pool:
        list(pool.map(lambda place: place.manifest("1"), places))


def test_tokens_of_several_repositories_are_asked_for_at_once(
    fake: FakeRegistry, tokens: FakeRegistry, settings: Settings
) -> None:
    together = threading.Barrier(4)

    def met(asked: Asked) -> Answer:
        together.wait(10)  # broken, and so a refusal, unless four requests are under way
        return answer_json({"token": asked.query["scope"][0]})

    tokens.route("GET", "/token.*", met)
    names = [ImageName(fake.host, f"a/{number}") for number in range(4)]
    for name in names:
        fake.push(name.repository, "1", API)
        scope = f"repository:{name.repository}:pull"
        guarded(fake, bearer(tokens, scope), f"Bearer {scope}", path=f"/v2/{name.repository}/.+")
    with contextlib.closing(Client(settings)) as client:
        asked_by_threads(client, *names)
    assert len(tokens.asked) == 4


def test_who_wants_the_same_token_waits_for_it(fake: FakeRegistry, tokens: FakeRegistry, settings: Settings) -> None:
    fake.push("a/b", "1", API)
    guarded(fake, bearer(tokens), "Bearer t-1")
    together = threading.Barrier(4)
    challenged = fake.answer

    def all_at_once(asked: Asked) -> Answer:
        if "authorization" not in asked.headers and asked.path != "/v2/":
            together.wait(10)
        return challenged(asked)

    fake.answer = all_at_once  # type: ignore[method-assign]
    with contextlib.closing(Client(settings)) as client:
        asked_by_threads(client, *[ImageName(fake.host, "a/b")] * 4)
    assert len(tokens.asked) == 1


def test_a_token_that_can_not_be_had_is_asked_for_by_the_next(
    fake: FakeRegistry, tokens: FakeRegistry, repository: Opener
) -> None:
    """A failure leaves nothing locked, and no stale token behind."""
    fake.push("a/b", "1", API)
    tokens.route("GET", "/token.*", Answer(404), answer_json({"token": "t-2"}))
    guarded(fake, bearer(tokens), "Bearer t-2")
    opened = repository()
    with pytest.raises(Refused):
        opened.manifest("1")
    opened.manifest("1")


def test_the_challenge_of_each_request_counts(fake: FakeRegistry, tokens: FakeRegistry, repository: Opener) -> None:
    """There are registries whose /v2/ is open, or asks for something else."""
    fake.push("a/b", "1", API)
    guarded(fake, bearer(tokens), "Bearer t-1")
    fake.route("GET", "/v2/", Answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'}))
    repository().manifest("1")


def test_a_missing_scope_is_the_right_to_pull(fake: FakeRegistry, tokens: FakeRegistry, repository: Opener) -> None:
    fake.push("a/b", "1", API)
    guarded(fake, f"Bearer realm={tokens.url}/token", "Bearer t-1")
    repository().manifest("1")
    assert tokens.asked[0].query == {"scope": ["repository:a/b:pull"]}


def test_the_catalog_has_a_right_of_its_own(fake: FakeRegistry, tokens: FakeRegistry, settings: Settings) -> None:
    fake.push("a/b", "1", API)
    guarded(fake, f"Bearer realm={tokens.url}/token", "Bearer t-1")
    client = Client(settings)
    assert list(client.catalog(fake.host)) == ["a/b"]
    assert tokens.asked[0].query == {"scope": ["registry:catalog:*"]}
    client.close()


def test_several_scopes_are_several_parameters(fake: FakeRegistry, tokens: FakeRegistry, repository: Opener) -> None:
    fake.push("a/b", "1", API)
    guarded(fake, bearer(tokens, "repository:a/b:pull repository:c:pull"), "Bearer t-1")
    repository().manifest("1")
    assert tokens.asked[0].query["scope"] == ["repository:a/b:pull", "repository:c:pull"]


def test_a_token_that_ends_is_fetched_anew(fake: FakeRegistry, tokens: FakeRegistry, repository: Opener) -> None:
    """Refused once, a token is replaced; whatever a server says of its life."""
    digest = fake.push("a/b", "1", API)
    good = ["Bearer t-1"]
    guarded(fake, bearer(tokens), *good)
    opened = repository()
    opened.manifest("1")
    guarded(fake, bearer(tokens), "Bearer t-2")
    assert opened.manifest("1").digest == digest
    assert len(tokens.asked) == 2


def test_a_token_past_its_time_is_not_shown(
    fake: FakeRegistry, tokens: FakeRegistry, repository: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.push("a/b", "1", API)
    guarded(fake, bearer(tokens), "Bearer t-1", "Bearer t-2")
    opened = repository()
    opened.manifest("1")
    now = time.monotonic()
    monkeypatch.setattr(import_module("inspector.registry.tokens").time, "monotonic", lambda: now + 295)
    opened.manifest("1")
    assert [one.headers.get("authorization") for one in fake.asked][-1] == "Bearer t-2"


def test_a_token_that_is_not_enough(fake: FakeRegistry, tokens: FakeRegistry, repository: Opener) -> None:
    """Servers grant less than was asked for, and say nothing."""
    guarded(fake, bearer(tokens))
    with pytest.raises(Denied, match=r"not allowed without credentials \(401\)"):
        repository().manifest("1")
    assert len(tokens.asked) == 2


def test_an_access_token_is_one_too(fake: FakeRegistry, tokens: FakeRegistry, repository: Opener) -> None:
    fake.push("a/b", "1", API)
    tokens.route("GET", ".*", answer_json({"access_token": "other"}))
    guarded(fake, bearer(tokens), "Bearer other")
    repository().manifest("1")


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (Answer(401), Denied, "nothing without credentials"),
        (Answer(403), Denied, "nothing without credentials"),
        (Answer(404), Refused, "answers 404"),
        (Answer(307, headers={"Location": "http://127.0.0.1:1/"}), Refused, "redirects"),
        (Answer(200, b"{"), Malformed, "not JSON with a token"),
        (Answer(200, b"[]"), Malformed, "not JSON with a token"),
        (Answer(200, b"{}"), Malformed, "no usable token"),
        (answer_json({"token": ""}), Malformed, "no usable token"),
        (answer_json({"token": "a\r\nX: y"}), Malformed, "no usable token"),
        (answer_json({"token": "x" * (2 << 20)}), LimitExceeded, "more than 1048576 bytes"),
    ],
)
def test_a_token_server_that_does_not_do_its_work(
    answer: Answer, error: type[Exception], says: str, fake: FakeRegistry, tokens: FakeRegistry, repository: Opener
) -> None:
    tokens.route("GET", ".*", answer)
    guarded(fake, bearer(tokens))
    with pytest.raises(error, match=says):
        repository().manifest("1")


def test_a_login_that_the_token_server_refuses(fake: FakeRegistry, tokens: FakeRegistry, repository: Opener) -> None:
    tokens.route("GET", ".*", Answer(401))
    guarded(fake, bearer(tokens))
    with pytest.raises(
        Denied, match=r"the credentials from the environment .* are not accepted .401.; log in again"
    ) as caught:
        repository(environment=login(fake)).manifest("1")
    assert "geh" not in str(caught.value)


def test_an_identity_token_is_traded_in(
    fake: FakeRegistry, tokens: FakeRegistry, repository: Opener, settings: Settings
) -> None:
    fake.push("a/b", "1", API)
    assert settings.home is not None
    folder = settings.home / ".docker"
    folder.mkdir(parents=True)
    config = {"auths": {fake.host: {"auth": "", "identitytoken": "id-1"}}}
    (folder / "config.json").write_text(json.dumps(config))
    tokens.route("POST", "/token", answer_json({"access_token": "t-9", "refresh_token": "id-2"}))
    guarded(fake, bearer(tokens), "Bearer t-9")
    repository().manifest("1")
    (asked,) = tokens.asked
    assert asked.form == {
        "grant_type": ["refresh_token"],
        "service": ["the registry"],
        "client_id": ["inspector"],
        "scope": ["repository:a/b:pull"],
        "refresh_token": ["id-1"],
    }
    assert "id-1" not in asked.path


def test_a_ready_token_is_shown_as_it_is(fake: FakeRegistry, tokens: FakeRegistry, repository: Opener) -> None:
    fake.push("a/b", "1", API)
    guarded(fake, bearer(tokens), "Bearer ready")
    environment = {"INSPECTOR_REGISTRY_HOST": fake.host, "INSPECTOR_REGISTRY_TOKEN": "ready"}
    repository(environment=environment).manifest("1")
    assert tokens.asked == []


def test_a_login_is_for_the_registry_that_it_names(fake: FakeRegistry, repository: Opener) -> None:
    guarded(fake, 'Basic realm="x"', BASIC)
    with pytest.raises(Denied, match="without credentials"):
        repository(environment=login(fake, INSPECTOR_REGISTRY_HOST="ghcr.io")).manifest("1")
    with pytest.raises(UsageError, match="say with INSPECTOR_REGISTRY_HOST"):
        repository(environment=login(fake, INSPECTOR_REGISTRY_HOST="")).manifest("1")


@pytest.mark.parametrize("challenge", ["Negotiate", "Digest realm=x", "", 'Bearer service="x"'])
def test_a_challenge_that_none_can_meet(challenge: str, fake: FakeRegistry, repository: Opener) -> None:
    guarded(fake, challenge)
    with pytest.raises(Refused):
        repository().manifest("1")


@pytest.mark.parametrize(
    ("registry", "realm", "is_fine"),
    [
        ("https://registry-1.docker.io", "https://auth.docker.io/token", True),
        ("https://ghcr.io", "https://ghcr.io/token", True),
        ("https://10.0.0.1", "https://10.0.0.2/token", True),
        ("https://r.corp", "https://r.corp:5001/token", True),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token", True),
        ("http://localhost:5000", "http://127.0.0.1:5001/token", False),
        ("http://r.corp:5000", "http://r.corp:5001/token", True),
        ("http://127.0.0.1:5000", "https://auth.corp/token", True),
        ("https://ghcr.io", "http://ghcr.io/token", False),
        ("https://ghcr.io", "http://127.0.0.1/token", False),
        ("https://ghcr.io", "https://127.0.0.1/token", False),
        ("https://ghcr.io", "https://10.0.0.2/token", False),
        ("https://ghcr.io", "https://[fe80::1]/token", False),
        ("https://ghcr.io", "https://169.254.169.254/latest", False),
        ("http://127.0.0.1:5000", "http://auth.corp/token", False),
        ("http://r.corp:5000", "http://other.corp/token", False),
        ("https://127.0.0.1:5000", "http://127.0.0.1:5001/token", False),
        ("http://127.0.0.1:5000", "https://127.0.0.2/token", False),
        ("http://127.0.0.1:5000", "https://10.0.0.2/token", False),
        ("https://10.0.0.1", "https://169.254.169.254/token", False),
        ("https://10.0.0.1", "https://127.0.0.1/token", False),
        ("https://10.0.0.1", "https://100.100.100.200/token", False),
    ],
)
def test_where_a_credential_may_go(registry: str, realm: str, is_fine: bool) -> None:  # noqa: FBT001 - a column
    origin, server = parse_address(registry, "a test").origin, parse_address(realm, "a test").origin
    reach = Reach.PRIVATE if origin.reach() is Reach.PRIVATE else Reach.PUBLIC
    limits = Limits(origin, reach, lambda _: False)
    if is_fine:
        check_realm(server, limits)
    else:
        with pytest.raises(Refused, match="for a token: "):
            check_realm(server, limits)
        check_realm(server, Limits(origin, reach, lambda named: named == server))


@pytest.mark.parametrize(
    "realm", ["http://auth.example/token", "file:///etc/passwd", "http://u:p@127.0.0.1/", "/token x"]
)
def test_a_realm_that_is_refused_sees_nothing(realm: str, fake: FakeRegistry, repository: Opener) -> None:
    guarded(fake, f'Bearer realm="{realm}"')
    with pytest.raises(Refused):
        repository(environment=login(fake)).manifest("1")
