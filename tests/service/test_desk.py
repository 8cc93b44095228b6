"""Engine work: how many at a time, what waits, what is given up, and which engine a request keeps."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

import rulener

pytest.importorskip("fastapi", reason="the extra [serve] has it")
pytest.importorskip("httpx", reason="the extra [test] has it")

if TYPE_CHECKING:
    from tests.service.client import Client, HeldEngine

NOTE = {"text": "Denies chest pain."}
BODY = json.dumps(NOTE).encode()


@pytest.fixture
def held(engine: rulener.Engine) -> HeldEngine:
    from tests.service.client import HeldEngine

    return HeldEngine(engine)


async def until(condition: Callable[[], bool]) -> None:
    """Lets the others run until something is so."""

    async def come() -> None:
        while not condition():
            await asyncio.sleep(0)

    await asyncio.wait_for(come(), 60)


def begun(held: HeldEngine) -> Awaitable[bool]:
    """Waits until one more piece of work is in the engine."""
    return asyncio.to_thread(held.begun.acquire, timeout=60)


def test_what_finds_no_place_is_refused_at_once(serving: Callable[..., Client], held: HeldEngine) -> None:
    client = serving(held, threads=1, queue=1)
    desk = client.service.desk

    async def scene() -> None:
        first = asyncio.ensure_future(client.posted("/v1/annotate", NOTE))
        assert await begun(held)
        second = asyncio.ensure_future(client.posted("/v1/annotate", NOTE))
        await until(lambda: desk.waiting == 1)
        third = await client.posted("/v1/annotate", NOTE)
        assert (third.status_code, third.json()["code"]) == (503, "U309")
        assert third.headers["retry-after"] == "1"
        assert client.metric("rulener_queue_depth") == 1
        assert client.metric("rulener_working") == 1
        assert client.metric("rulener_places_taken") == client.metric("rulener_places") == 2
        assert (await client.http.get("/ready")).status_code == 200  # busy is not down
        held.gate.set()
        assert (await first).status_code == (await second).status_code == 200
        assert (await client.posted("/v1/annotate", NOTE)).status_code == 200

    client.run(scene())
    assert (desk.taken, desk.waiting, desk.running) == (0, 0, 0)
    assert client.metric('rulener_requests_total{route="/v1/annotate",status="503"}') == 1
    assert client.metric('rulener_requests_total{route="/v1/annotate",status="200"}') == 3


def test_threads_work_at_the_same_time(serving: Callable[..., Client], held: HeldEngine) -> None:
    client = serving(held, threads=2, queue=0)

    async def scene() -> None:
        both = [asyncio.ensure_future(client.posted("/v1/annotate", NOTE)) for _ in range(2)]
        assert await begun(held)
        assert await begun(held)
        assert client.service.desk.running == 2
        held.gate.set()
        assert [(await one).status_code for one in both] == [200, 200]

    client.run(scene())


def test_a_body_that_is_read_has_a_place(serving: Callable[..., Client]) -> None:
    from tests.service.client import JSON, Connection, chunk

    client = serving(threads=1, queue=0)

    async def scene() -> None:
        slow = Connection("/v1/annotate", JSON, [chunk(BODY[:5])], stays=True)
        sending = asyncio.ensure_future(client.app(slow.scope, slow.receive, slow.send))
        await until(lambda: slow.taken == 1)
        assert (await client.posted("/v1/annotate", NOTE)).status_code == 503
        slow.leave()
        await sending
        assert (await client.posted("/v1/annotate", NOTE)).status_code == 200

    client.run(scene())


def test_time_that_is_over(serving: Callable[..., Client], held: HeldEngine) -> None:
    client = serving(held, threads=1, queue=1, request_seconds=1)
    desk = client.service.desk

    async def scene() -> None:
        first = asyncio.ensure_future(client.posted("/v1/annotate", NOTE))
        assert await begun(held)
        second = await client.posted("/v1/annotate", NOTE)
        assert (second.status_code, second.json()["code"]) == (503, "U309")
        assert "not begun" in second.json()["detail"]
        refused = await first
        assert (refused.status_code, refused.json()["code"]) == (413, "U308")
        assert desk.taken == 1  # its thread is still in the engine
        held.gate.set()
        await until(lambda: desk.taken == 0)
        assert (desk.waiting, desk.running) == (0, 0)

    client.run(scene())


def test_who_leaves_while_waiting_is_forgotten(serving: Callable[..., Client], held: HeldEngine) -> None:
    from tests.service.client import JSON, Connection, chunk

    client = serving(held, threads=1, queue=1)
    desk = client.service.desk

    async def scene() -> None:
        first = asyncio.ensure_future(client.posted("/v1/annotate", NOTE))
        assert await begun(held)
        leaving = Connection("/v1/annotate", JSON, [chunk(BODY, more=False)])
        second = asyncio.ensure_future(client.app(leaving.scope, leaving.receive, leaving.send))
        await until(lambda: desk.waiting == 1)
        leaving.leave()
        await second
        assert (desk.waiting, desk.taken) == (0, 1)
        held.gate.set()
        assert (await first).status_code == 200

    client.run(scene())
    assert not held.begun.acquire(blocking=False)
    assert client.metric('rulener_requests_total{route="/v1/annotate",status="499"}') == 1


def test_who_leaves_while_a_batch_runs_ends_it(serving: Callable[..., Client], held: HeldEngine) -> None:
    from tests.service.client import JSON, Connection, chunk

    client = serving(held, threads=1, queue=0)
    body = json.dumps({"notes": [NOTE] * 1000}).encode()

    async def scene() -> None:
        leaving = Connection("/v1/annotate:batch", JSON, [chunk(body, more=False)])
        request = asyncio.ensure_future(client.app(leaving.scope, leaving.receive, leaving.send))
        assert await begun(held)
        leaving.leave()
        await request
        held.gate.set()
        await until(lambda: client.service.desk.taken == 0)

    client.run(scene())
    assert not held.begun.acquire(blocking=False)


def test_stopping_ends_what_does_not_end(serving: Callable[..., Client], held: HeldEngine) -> None:
    client = serving(held, threads=1, queue=1)

    async def scene() -> None:
        both = [asyncio.ensure_future(client.posted("/v1/annotate", NOTE)) for _ in range(2)]
        assert await begun(held)
        client.service.is_stopping = True
        assert (await client.http.get("/ready")).json()["code"] == "U310"
        client.service.desk.cut()
        answers = [await one for one in both]
        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(503, "U310")] * 2
        held.gate.set()

    client.run(scene())


def test_a_request_keeps_the_engine_it_began_with(
    serving: Callable[..., Client], held: HeldEngine, engine: rulener.Engine, tmp_path: Any
) -> None:
    other = rulener.Engine(engine.path, scheme="i2b2")
    client = serving(held, threads=2)
    client.engines._make = lambda: other

    async def scene() -> None:
        first = asyncio.ensure_future(client.posted("/v1/annotate", NOTE))
        assert await begun(held)
        assert await client.engines.reload() == "changed"
        second = await client.posted("/v1/annotate", NOTE)
        assert second.headers["rulener-engine"] == second.json()["engine"] == other.fingerprint
        assert [entity["label"] for entity in second.json()["entities"]] == ["problem"]
        held.gate.set()
        answer = await first
        assert answer.headers["rulener-engine"] == answer.json()["engine"] == engine.fingerprint
        assert [entity["label"] for entity in answer.json()["entities"]] == ["symptom"]

    client.run(scene())
