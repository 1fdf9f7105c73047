"""What an executor gives, taken by a thread, so that images are judged while layers are read."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator

from inspector.audit.executor import Failure, Unit
from inspector.layers.blob import Scanned

_TICK = 0.5
"""Seconds after which an interruption is noticed, where waiting for a lock can't be interrupted."""

Done = tuple[Unit, Scanned | Failure]


class Results:
    """What a thread takes from an executor, one at a time; None in between where others are not waited for."""

    def __init__(self, source: Iterator[Done]) -> None:
        self.idle = False
        self._queue: queue.Queue[Done | BaseException | None] = queue.Queue(1)
        self._stopped = threading.Event()
        self._source = source
        self._thread = threading.Thread(target=self._pump, name="inspector-results", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Done | None]:
        """Results; None while there is no new one, unless `idle`; ends after the last, once idle."""
        ended = False
        while not (ended and self.idle):
            try:
                item = None if ended else self._queue.get(self.idle, _TICK)
            except queue.Empty:
                if not self.idle:
                    yield None
                continue
            if isinstance(item, BaseException):
                raise item
            ended = ended or item is None
            yield item

    def stop(self) -> None:
        """End the executor's work, and wait for it."""
        self._stopped.set()
        with contextlib.suppress(queue.Empty):
            self._queue.get_nowait()
        self._thread.join()

    def _pump(self) -> None:
        last: BaseException | None = None
        try:
            with contextlib.closing(self._source) as source:  # type: ignore[type-var]  # a generator, as protocols have none
                for item in source:
                    self._queue.put(item)
                    if self._stopped.is_set():
                        return
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            last = error
        if not self._stopped.is_set():
            self._queue.put(last)


@contextlib.contextmanager
def pumped(source: Iterator[Done], halt: Callable[[], None]) -> Iterator[Results]:
    """The results of an executor; `halt` makes its work end where whoever takes them breaks off."""
    results = Results(source)
    try:
        yield results
    except BaseException:
        halt()
        raise
    finally:
        results.stop()
