"""Makes the next items of an iterator in a thread, so that reading and training go on at the same time."""

import queue
import threading
from collections.abc import Iterator
from typing import Final, TypeVar

T = TypeVar("T")

# Items that wait.
_AHEAD: Final = 2


def read_ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items; a thread makes `_AHEAD` of them in advance, and ends when the caller stops reading.

    What making an item raises is raised where the item would have come.
    """
    waiting: queue.Queue[T | BaseException | None] = queue.Queue(maxsize=_AHEAD)
    stopped = threading.Event()

    def put(item: T | BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def fill() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(None)
        except BaseException as error:  # shown where the items are read
            put(error)

    def drain() -> Iterator[T]:
        threading.Thread(target=fill, name="read-ahead", daemon=True).start()
        try:
            while (item := waiting.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stopped.set()

    return drain()
