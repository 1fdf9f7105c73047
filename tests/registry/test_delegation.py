"""What is lent to other machines: a token of the registry's own making, which lasts a while, and nothing else."""

from __future__ import annotations

import base64
import time

import pytest

from inspector.errors import Refused
from inspector.registry.delegation import LONG_ENOUGH
from inspector.registry.tokens import Token
from inspector.testing.registry import Answer, Asked, FakeRegistry, answer_json
from tests.registry.conftest import Opener
from tests.sources.samples import API

PASSWORD = "Geheim-4711"
BASIC = "Basic " + base64.b64encode(f"anna:{PASSWORD}".encode()).decode()


def login(fake: FakeRegistry) -> dict[str, str]:
    return {
        "INSPECTOR_REGISTRY_HOST": fake.host,
        "INSPECTOR_REGISTRY_USER": "anna",
        "INSPECTOR_REGISTRY_PASSWORD": PASSWORD,
    }


def guard(fake: FakeRegistry, scheme: str, *given: str, seconds: int = 300) -> None:
    """Have the registry ask for the password, or for tokens, of which it gives one after the other."""
    left = list(given)
    challenge = {"WWW-Authenticate": f'{scheme} realm="{fake.url}/token",service="s"'}

    def guarded(asked: Asked) -> Answer:
        is_known = asked.headers.get("authorization") in {BASIC, *(f"Bearer {one}" for one in given)}
        return fake.good(asked) if is_known else Answer(401, headers=challenge)

    for method in ("GET", "HEAD"):
        fake.route(method, "/v2/.+", guarded)
    fake.route("GET", "/token.*", lambda _: answer_json({"token": left.pop(0), "expires_in": seconds}))
    fake.push("a/b", "1", API)


def test_a_registry_that_asks_for_nothing(fake: FakeRegistry, repository: Opener) -> None:
    fake.push("a/b", "1", API)
    opened = repository(environment=login(fake))
    opened.head("1")
    lent = opened.lend()
    assert (lent.host, lent.token, lent.here, lent.insecure) == (fake.host, None, True, False)


def test_a_token_is_lent_and_shown_to_nobody(fake: FakeRegistry, repository: Opener) -> None:
    guard(fake, "Bearer", "one")
    opened = repository(environment=login(fake), insecure=frozenset({fake.host}))
    opened.head("1")
    lent = opened.lend()
    assert lent.token is not None
    assert (lent.token.secret, lent.insecure) == ("one", True)
    assert "one" not in repr(lent) + str(lent) + repr([lent])
    assert opened.lend() == lent, "the same as long as it lasts"
    assert opened.lend(with_token=False).token is None


def test_a_token_that_ends_soon_is_replaced(
    fake: FakeRegistry, repository: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard(fake, "Bearer", "one", "two", seconds=60)
    opened = repository(environment=login(fake))
    opened.head("1")
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 50.5 - LONG_ENOUGH)
    lent = opened.lend()
    assert isinstance(lent.token, Token)
    assert lent.token.secret == "two"


def test_a_password_is_not_lent(fake: FakeRegistry, repository: Opener) -> None:
    guard(fake, "Basic")
    opened = repository(environment=login(fake))
    opened.head("1")
    with pytest.raises(Refused, match=r"takes the credentials from the environment .* themselves; those are not lent"):
        opened.lend()
    assert opened.lend(with_token=False).token is None


def test_a_token_of_the_users_own_is_not_lent(fake: FakeRegistry, repository: Opener) -> None:
    """Nobody here knows how long it lasts, and what it opens."""
    guard(fake, "Bearer", "mine")
    opened = repository(environment={"INSPECTOR_REGISTRY_HOST": fake.host, "INSPECTOR_REGISTRY_TOKEN": "mine"})
    opened.head("1")
    with pytest.raises(Refused, match="those are not lent"):
        opened.lend()


@pytest.mark.parametrize(
    "token",
    [
        PASSWORD,
        f"v1.{PASSWORD}",
        base64.b64encode(PASSWORD.encode()).decode(),
        base64.urlsafe_b64encode(f"x:{PASSWORD}".encode()).decode().rstrip("="),
        BASIC[6:],
    ],
)
def test_a_token_that_holds_the_password_is_not_lent(token: str, fake: FakeRegistry, repository: Opener) -> None:
    guard(fake, "Bearer", token)
    opened = repository(environment=login(fake))
    opened.head("1")
    with pytest.raises(Refused, match="holds the very secret") as caught:
        opened.lend()
    assert token not in str(caught.value)
