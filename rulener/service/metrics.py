"""What the service counts, for Prometheus. Names and labels are listed in docs/guide/service.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from rulener import __version__

if TYPE_CHECKING:
    from rulener.service.answers import Answer
    from rulener.service.desk import Desk
    from rulener.service.engines import Engines

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_OTHER = "other"  # labels that a client gave with its mentions


class Metrics:
    """Counted here, or read from the desk and the engines when somebody asks."""

    def __init__(self, desk: Desk, engines: Engines) -> None:
        self._engines = engines
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        held = {"registry": self.registry}
        self._requests = Counter("rulener_requests", "Requests that ended.", ["route", "status"], **held)
        self._seconds = Histogram(
            "rulener_request_seconds", "Time from a request's head to its response.", ["route"], buckets=_SECONDS, **held
        )
        self._received = Counter("rulener_request_bytes", "Bytes of requests' bodies that were read.", **held)
        self._sent = Counter("rulener_response_bytes", "Bytes of responses' bodies.", **held)
        self._notes = Counter("rulener_notes", "Notes annotated or explained.", **held)
        self._characters = Counter("rulener_note_characters", "Code points of these notes.", **held)
        self._entities = Counter("rulener_entities", "Entities in responses.", ["label"], **held)
        self.registry.register(_Live(desk, engines))

    def request(self, route: str, status: int, seconds: float, received: int, sent: int) -> None:
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        self._received.inc(received)
        self._sent.inc(sent)

    def answer(self, answer: Answer) -> None:
        self._notes.inc(answer.notes)
        self._characters.inc(answer.characters)
        known = self._engines.current.labels if self._engines.current else ()
        for label, count in answer.entities.items():
            name = label.decode("utf-8", "replace")
            self._entities.labels(name if name in known else _OTHER).inc(count)

    def page(self) -> bytes:
        page: bytes = generate_latest(self.registry)
        return page


class _Live:
    """What is true now."""

    def __init__(self, desk: Desk, engines: Engines) -> None:
        self._desk = desk
        self._engines = engines

    def collect(self) -> Iterator[Any]:
        desk, engines = self._desk, self._engines
        yield GaugeMetricFamily("rulener_queue_depth", "Requests whose work waits for a thread.", value=desk.waiting)
        yield GaugeMetricFamily("rulener_working", "Requests whose work runs in a thread.", value=desk.running)
        yield GaugeMetricFamily("rulener_places_taken", "Requests that are read, wait or run.", value=desk.taken)
        yield GaugeMetricFamily("rulener_places", "How many may be read, wait or run at a time.", value=desk.places)
        yield GaugeMetricFamily("rulener_ready", "1: an engine is loaded.", value=int(engines.current is not None))
        info = GaugeMetricFamily("rulener_engine_info", "The engine in use and this version.", labels=["engine", "version"])
        info.add_metric([engines.fingerprint or "", __version__], 1)
        yield info
        reloads = CounterMetricFamily("rulener_engine_reloads", "Reloads by outcome.", labels=["outcome"])
        for outcome, count in engines.outcomes.items():
            reloads.add_metric([outcome], count)
        yield reloads
        failed = int(engines.failure is not None)
        yield GaugeMetricFamily(
            "rulener_engine_reload_failed", "1: the last reload failed, the engine before it serves.", value=failed
        )
