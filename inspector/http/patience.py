"""How long to bear with a server."""

from __future__ import annotations

import msgspec


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds in time, in seconds.

    `answer` is how long the head of an answer may take, from the connection on, repetitions and redirects included;
    `silence` how long a registry may send nothing meanwhile or later, `whole` how long one document may take, and
    `refusal` how long the body of an error. A blob must come with `min_rate` bytes a second, on the average of
    `window` seconds of waiting for it. A request whose connection is lost is repeated `retries` times, after
    `backoff` seconds and then twice as long each time; one that takes too long is not. Where a registry asks for
    pauses of more than `max_wait` for one request, it is not waited for.
    """

    connect: float = 10.0
    answer: float = 30.0
    silence: float = 30.0
    whole: float = 45.0
    refusal: float = 5.0
    window: float = 30.0
    min_rate: float = 2048.0
    retries: int = 4
    backoff: float = 1.0
    max_wait: float = 120.0
