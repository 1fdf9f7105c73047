"""Tokens: which servers may be asked for one, and how (distribution's token authentication, and its OAuth2 form)."""

from __future__ import annotations

import re
import time
from urllib.parse import urlencode

import msgspec

from inspector.errors import Denied, LimitExceeded, Malformed, Refused
from inspector.http.address import Address, Origin, Reach, parse_address
from inspector.http.bodies import read_document, words_of
from inspector.http.connections import Response
from inspector.http.pacing import Pacing
from inspector.http.redirects import REDIRECTS, Limits
from inspector.http.tls import Tls
from inspector.oci import decoder
from inspector.registry.challenge import Challenge, Login
from inspector.registry.transport import Transport

MAX_TOKEN = 1 << 20
"""The largest answer of a token server, in bytes."""
SHORTEST_LIFE = 60.0
"""How long a token is good for unless more is said, in seconds; the specification allows no less."""
_MARGIN = 10.0
_CLIENT = "inspector"
_USABLE = re.compile(r"[\x21-\x7e]+", re.ASCII)


class Token(msgspec.Struct, frozen=True):
    """A bearer token, which nothing prints, and when it ends, by the monotonic clock."""

    secret: str
    ends: float

    def header(self) -> str:
        """Return the value of an `Authorization` header."""
        return f"Bearer {self.secret}"

    def is_fresh(self, lasting: float = 0.0) -> bool:
        """Tell whether it is worth showing, `lasting` seconds from now still."""
        return time.monotonic() + lasting < self.ends

    def __repr__(self) -> str:
        return "Token()"


class _Answer(msgspec.Struct):
    token: str | None = None
    access_token: str | None = None
    expires_in: float | None = None

    def __repr__(self) -> str:
        return "_Answer()"


class Grant(msgspec.Struct, frozen=True):
    """What a token is asked for: the server, and the registry's own words for itself and the right."""

    realm: Address
    service: str
    scope: str
    reach: Reach


def check_realm(realm: Origin, limits: Limits) -> Reach:
    """Return what the connection to a token server may reach. Raises `Refused` unless a credential may be sent there.

    That takes TLS, and no more private an address than `limits` say; but for the registry's own host, which may be
    asked without TLS if the registry is, and for hosts that the user named.
    """
    registry = limits.registry
    if realm.host == registry.host and realm.scheme in ("https", registry.scheme):
        return Reach.ANY
    return limits.reach_to(realm, f"{registry}, for a token")


class TokenServer:
    """Asks token servers; `tls` says whose certificates count."""

    def __init__(self, transport: Transport, pacing: Pacing) -> None:
        self._transport = transport
        self._pacing = pacing

    def grant(self, challenge: Challenge, registry: Origin, scope: str) -> Grant:
        """Return what the challenge asks us to fetch; `scope` stands in where it names none.

        Raises as `check_realm`.
        """
        realm = challenge.get("realm")
        if not realm:
            raise Refused(f"{registry}: asks for a token, and doesn't say where to fetch it")
        address = parse_address(realm, str(registry))
        reach = check_realm(address.origin, self._transport.limits(registry, to_private=True))
        return Grant(address, challenge.get("service")[:1000], challenge.get("scope")[:4000] or scope, reach)

    def fetch(self, grant: Grant, login: Login | None, tls: Tls) -> Token:
        """Fetch a token. Raises `Denied`, `Refused`, `Malformed`, `Unreachable`, `RateLimited`, `LimitExceeded`."""
        where = f"the token server {grant.realm.origin}"
        response = self._pacing.ask(lambda: self._ask(grant, login, tls), where)
        if response.status != 200:
            words_of(response)
            raise _refusal(response.status, where, login)
        content = read_document(response, MAX_TOKEN, where)
        return _parsed(content, where)

    def _ask(self, grant: Grant, login: Login | None, tls: Tls) -> Response:
        if login is not None and login.is_identity:
            form = {
                "grant_type": "refresh_token",
                "service": grant.service,
                "client_id": _CLIENT,
                "scope": grant.scope,
                "refresh_token": login.secret,
            }
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            body = urlencode(form).encode()
            return self._transport.send("POST", grant.realm, tls, headers, body=body, reach=grant.reach)
        query = [("service", grant.service)] if grant.service else []
        query += [("scope", one) for one in grant.scope.split(" ") if one]
        if login is not None:
            query.append(("account", login.user))
        joint = "&" if "?" in grant.realm.path else "?"
        address = Address(grant.realm.origin, f"{grant.realm.path}{joint}{urlencode(query)}")
        headers = {"Authorization": login.basic()} if login else {}
        return self._transport.send("GET", address, tls, headers, reach=grant.reach)


def _refusal(status: int, where: str, login: Login | None) -> Denied | Refused:
    if status in (401, 403, 400):
        who = f"the credentials from {login.origin} are not accepted" if login else "nothing without credentials"
        return Denied(f"{where}: {who} ({status}); log in again, as in `docker login`")
    if status in REDIRECTS:
        return Refused(f"{where}: redirects, and credentials are not sent to another host")
    return Refused(f"{where}: answers {status}")


def _parsed(content: bytes, where: str) -> Token:
    try:
        answer = decoder(_Answer).decode(content)
    except RecursionError:
        raise LimitExceeded(f"{where}: its answer is nested deeper than JSON is read here") from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Malformed(f"{where}: the answer is not JSON with a token") from None
    secret = answer.token or answer.access_token or ""
    if not _USABLE.fullmatch(secret):
        raise Malformed(f"{where}: the answer has no usable token")
    life = max(min(answer.expires_in or 0.0, 86400.0), SHORTEST_LIFE)
    return Token(secret, time.monotonic() + life - _MARGIN)
