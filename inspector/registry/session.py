"""Requests to one registry: with its scheme, its certificates, its credentials, its redirects and its refusals."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from functools import partial
from typing import Literal

import msgspec

from inspector.errors import InspectorError, NotFound, RateLimited, Refused, Unreachable
from inspector.http.address import Address, Origin, Reach, origin_of
from inspector.http.bodies import words_of
from inspector.http.connections import Response
from inspector.http.pacing import Pacing
from inspector.http.redirects import REDIRECTS, follow
from inspector.names import api_host
from inspector.oci import decoder
from inspector.registry.authorizer import Authorizer
from inspector.registry.challenge import parse_challenges
from inspector.registry.credentials import Credentials
from inspector.registry.delegation import Lent
from inspector.registry.settings import Settings, tls_for
from inspector.registry.tokens import TokenServer
from inspector.registry.transport import Transport

_PROBE_SECONDS = 5.0

Redirects = Literal["none", "manifest", "blob"]
"""What is asked for, where redirects are followed; blobs of registries in private networks may lie in others."""

_CODE = re.compile(r"[A-Z][A-Z_]{2,39}", re.ASCII)


class Session:
    """One registry, known by its `host` as names begin with it; from any thread."""

    def __init__(self, host: str, settings: Settings, transport: Transport, credentials: Credentials) -> None:
        self.host = host
        self.pacing = Pacing(settings.patience, refusal)
        self._plain_allowed = host in settings.insecure
        self.trusts_toc = settings.trusts_toc(host)
        self._trusted = tuple(sorted(settings.insecure - {host}))
        self._transport = transport
        self._trust = tls_for(host, settings)
        self._others = self._trust.for_others()
        self._authorizer = Authorizer(host, credentials, TokenServer(transport, self.pacing), self._others)
        self._lock = threading.Lock()
        self._origin: Origin | None = None

    def ask(
        self,
        method: str,
        path: str,
        where: str,
        *,
        repository: str = "",
        headers: Mapping[str, str] | None = None,
        redirects: Redirects = "none",
    ) -> Response:
        """Return the answer: a success, or a refusal that is about the thing asked for. The caller closes it.

        `repository` says what right is needed, an empty one that to the catalog. Raises `Denied`, `RateLimited`,
        `Refused`, `Unreachable`, `Malformed`.
        """
        address = Address(self.origin(), path)
        stale = self._authorizer.header(repository)
        once = partial(self._once, method, address, where, dict(headers or {}), redirects=redirects)
        reply = once(stale)
        for _ in range(2):  # a token that ended early, and one that was not enough
            if reply.status != 401 or not reply.is_own:
                break
            challenges = parse_challenges(reply.headers.get_all("WWW-Authenticate"))
            words_of(reply)
            fresh = self._authorizer.answer(challenges, address.origin, repository, stale)
            reply, stale = once(fresh), fresh
        return self._accepted(reply, where, repository)

    def lend(self, repository: str, *, with_token: bool) -> Lent:
        """Return what another machine needs to pull from a repository that was asked before.

        Raises as `Authorizer.lend`.
        """
        here = self.origin().is_loopback()
        token = self._authorizer.lend(repository) if with_token else None
        return Lent(
            host=self.host,
            insecure=self._plain_allowed,
            trusted=self._trusted,
            here=here,
            trusts_toc=self.trusts_toc,
            patience=self.pacing.patience,
            token=token,
        )

    def origin(self) -> Origin:
        """Find where it answers: by TLS; on this machine, or where it is allowed, without if that is all it speaks."""
        with self._lock:
            if self._origin is None:
                self._origin = self._found()
            return self._origin

    def _found(self) -> Origin:
        secure = origin_of("https", api_host(self.host))
        if not (self._plain_allowed or secure.is_loopback()):
            return secure
        try:
            self._probe(secure)
        except Unreachable as error:
            plain = origin_of("http", api_host(self.host))
            try:
                if self._probe(plain) != 400:  # by which servers that want TLS answer a client without it
                    return plain
            except Unreachable:
                pass
            raise error from None
        return secure

    def _probe(self, origin: Origin) -> int:
        headers = {"Connection": "close"}
        address = Address(origin, "/v2/")
        response = self._transport.send("GET", address, self._trust, headers, seconds=_PROBE_SECONDS)
        response.close()
        return response.status

    def _once(
        self,
        method: str,
        address: Address,
        where: str,
        headers: dict[str, str],
        authorization: str | None,
        *,
        redirects: Redirects,
    ) -> Response:
        if authorization:
            headers = {**headers, "Authorization": authorization}

        def send(target: Address, shown: Mapping[str, str], reach: Reach) -> Response:
            trust = self._trust if target.origin == address.origin else self._others
            return self._transport.send(method, target, trust, shown, reach=reach)

        limits = partial(self._transport.limits, address.origin, to_private=redirects == "blob")
        known = None if redirects == "none" else limits
        return self.pacing.ask(lambda: follow(send, address, headers, known), where)

    def _accepted(self, reply: Response, where: str, repository: str) -> Response:
        """Return the reply, unless it is a refusal of us and not of what was asked."""
        if reply.status not in (401, 403, *REDIRECTS):
            return reply
        words_of(reply)
        if reply.status in REDIRECTS:
            raise Refused(f"{where}: redirects, which is followed for manifests and blobs only")
        if not reply.is_own:
            raise Refused(f"{where}: the host that the registry redirects to answers {reply.status}")
        raise self._authorizer.denied(repository, reply.status)


class _Error(msgspec.Struct):
    code: str = ""


class _Errors(msgspec.Struct):
    errors: list[_Error] = []


def error_code(body: bytes) -> str:
    """Return the first of the specification's error codes in an answer; its free text may repeat what we sent."""
    try:
        codes = [error.code for error in decoder(_Errors).decode(body).errors]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return next((code for code in codes if _CODE.fullmatch(code)), "")


def refusal(where: str, status: int, body: bytes) -> InspectorError:
    """Return the error for a status that says no, and that no one had a better sentence for."""
    code = error_code(body)
    said = f"{status} ({code})" if code else str(status)
    if status == 404:
        return NotFound(f"{where}: not found in the registry: {said}")
    if status == 429:
        return RateLimited(f"{where}: rate limited by the registry; try again later, or log in")
    return Refused(f"{where}: the registry answers {said}")
