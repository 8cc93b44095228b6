"""Engine work in threads, outside the event loop: a bounded queue, deadlines, and clients that leave.

A request takes a place when it comes, before its body is read, and keeps it until its work has ended, also when nobody waits for
the answer any more. So memory is bounded by places times body size, and no more work is begun than there are threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import Any, TypeVar

from rulener.service import problems
from rulener.service.bodies import ClientGone

_T = TypeVar("_T")


class Stopped(Exception):
    """Nobody wants the result of this work any more."""


class Stop:
    """Told to work that should not go on; the work looks at it now and then."""

    __slots__ = ("_is_set",)

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def check(self) -> None:
        """Raises Stopped when it is set."""
        if self._is_set:
            raise Stopped


class Place:
    """A request's place at the desk, and until when it may take."""

    def __init__(self, until: float) -> None:
        self.until = until
        self.work: Future[Any] | None = None

    def seconds_left(self) -> float:
        return max(self.until - monotonic(), 0.001)


class Desk:
    """`threads` work, `queue` requests more have a place. All methods are called in the event loop's thread."""

    def __init__(self, threads: int, queue: int, seconds: float) -> None:
        self.places = threads + queue
        self.taken = 0
        self.running = 0
        self.waiting = 0
        self._seconds = seconds
        self._counting = threading.Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="rulener-serve")
        self._stops: set[Stop] = set()
        self._cut: asyncio.Event = asyncio.Event()

    @contextlib.contextmanager
    def place(self) -> Iterator[Place]:
        """A place for one request. Raises Problem (U309) when there is none."""
        if self.taken >= self.places:
            raise problems.full()
        self.taken += 1
        place = Place(monotonic() + self._seconds)
        try:
            yield place
        finally:
            if place.work is None or place.work.done():
                self._free()
            else:
                loop = asyncio.get_running_loop()
                place.work.add_done_callback(lambda _: _soon(loop, self._free))

    def _free(self) -> None:
        self.taken -= 1

    async def run(self, place: Place, function: Callable[[Stop], _T], receive: Callable[[], Awaitable[Any]]) -> _T:
        """What the function gives, called in a thread.

        Raises what it raises; Problem when its time is over (U308, or U309 when it had not begun), U310 when the service stops,
        and ClientGone.
        """
        stop = Stop()
        with self._counting:
            self.waiting += 1
        work = self._pool.submit(self._counted, function, stop)
        work.add_done_callback(self._ended_early)
        place.work = work
        self._stops.add(stop)
        result = asyncio.wrap_future(work)
        gone = asyncio.ensure_future(_gone(receive))
        cut = asyncio.ensure_future(self._cut.wait())
        try:
            left = place.seconds_left()
            first: set[asyncio.Future[Any]] = {result, gone, cut}
            await asyncio.wait(first, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if result.done():
                return result.result()
            raise self._why_not(work, gone.done(), cut.done())
        finally:
            stop.set()
            self._stops.discard(stop)
            result.cancel()
            gone.cancel()
            cut.cancel()

    def _why_not(self, work: Future[Any], is_gone: bool, is_cut: bool) -> Exception:
        had_begun = not work.cancel()
        if is_gone:
            return ClientGone()
        if is_cut:
            return problems.not_ready("the service stops")
        if had_begun:
            return problems.too_much_work(self._seconds)
        return problems.full(f"the request waited {self._seconds:g} seconds and was not begun")

    def _counted(self, function: Callable[[Stop], _T], stop: Stop) -> _T:
        with self._counting:
            self.waiting -= 1
            self.running += 1
        try:
            stop.check()
            return function(stop)
        finally:
            with self._counting:
                self.running -= 1

    def _ended_early(self, work: Future[Any]) -> None:
        """Work that was cancelled never ran, so it still counts as waiting."""
        if work.cancelled():
            with self._counting:
                self.waiting -= 1

    def cut(self) -> None:
        """Ends all that waits or runs: the service stops and its time is over."""
        self._cut.set()

    def close(self) -> None:
        """Ends the threads; work that runs stops at its next look."""
        for stop in self._stops:
            stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)


async def _gone(receive: Callable[[], Awaitable[Any]]) -> None:
    """Comes back when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _soon(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
        loop.call_soon_threadsafe(function)
