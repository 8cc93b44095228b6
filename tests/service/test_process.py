"""The process: signals, saturation, what it refuses to start with."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rulener.cli.main import ended

pytest.importorskip("fastapi", reason="the extra [serve] has it")
httpx = pytest.importorskip("httpx", reason="the extra [test] has it")

if TYPE_CHECKING:
    from tests.service.process import Process

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

PACK = "name: mine\nversion: 1.0.0\nlabels:\n  - id: ailment\n"
RULES = "terms:\n  - {id: cough, label: ailment, any: [cough]}\npatterns:\n"
RULES += "  - {id: runaway, label: ailment, regex: '\\bkey (?:a|aa)+\\d'}\n"
SLOW = "key " + "a" * 200
"""A note on which a regex runs until its time is over: one second."""

REPOSITORY = Path(__file__).parents[2]
Start = Callable[..., "Process"]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "pack.yaml").write_text(PACK, "utf-8")
    (folder / "rules.yaml").write_text(RULES, "utf-8")
    return folder


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    from tests.service.process import Process

    made = []

    def begin(*arguments: str | Path, **environment: str) -> Process:
        made.append(
            Process([str(one) for one in arguments], environment={"RULENER_CACHE_DIR": str(tmp_path / "cache"), **environment})
        )
        return made[-1]

    yield begin
    for process in made:
        process.kill()


def found(answer: httpx.Response) -> list[str]:
    return [entity["text"] for entity in answer.json()["entities"]]


def slow_batch(client: httpx.Client, pool: ThreadPoolExecutor, seconds: int) -> Future[httpx.Response]:
    """A request that takes so long; it is in the engine."""
    body = {"notes": [{"text": SLOW}] * seconds}
    running = pool.submit(httpx.post, f"{client.base_url}/v1/annotate:batch", json=body, timeout=60)
    while "rulener_working 1.0" not in client.get("/metrics").text:
        assert not running.done()
    return running


def test_from_start_to_stop(start: Start, pack: Path) -> None:
    """What runs when SIGTERM comes is finished, nothing more is accepted, and the process ends with 0."""
    process = start("--pack", pack, "--no-base", "--threads", "1", "--queue", "1")
    with process.ready() as client, ThreadPoolExecutor(1) as pool:
        assert client.get("/ready").status_code == 200
        assert found(client.post("/v1/annotate", json={"text": "Cough."})) == ["Cough"]
        running = slow_batch(client, pool, 2)
        process.signal(signal.SIGTERM)
        process.said("stopping: what runs has 30 seconds")
        answer = running.result()
        assert answer.status_code == 200
        assert [error["code"] for error in answer.json()["errors"]] == ["N301", "N301"]
        assert process.ended() == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{client.base_url}/health")
    assert process.log[-1].endswith("stopped")
    assert "Traceback" not in "".join(process.log)


def test_what_does_not_end_in_time_is_cut_off(start: Start, pack: Path) -> None:
    process = start("--pack", pack, "--no-base", "--threads", "1", "--stop-seconds", "0")
    with process.ready() as client, ThreadPoolExecutor(1) as pool:
        running = slow_batch(client, pool, 60)
        process.signal(signal.SIGINT)
        answer = running.result()
        assert (answer.status_code, answer.json()["code"]) == (503, "U310")
        assert process.ended() == 0  # though its thread is in the middle of 60 seconds of regex
    assert process.log[-1].endswith("stopped; 1 piece of work was cut off")


def test_more_than_it_can_take(start: Start, pack: Path) -> None:
    process = start("--pack", pack, "--no-base", "--threads", "1", "--queue", "2")
    with process.ready() as client, ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(httpx.post, f"{client.base_url}/v1/annotate", json={"text": SLOW}, timeout=60) for _ in range(12)]
        codes = sorted(one.result().status_code for one in asked)
        assert set(codes) == {422, 503}  # 422: N301
        assert codes.count(422) >= 3
        assert found(client.post("/v1/annotate", json={"text": "Cough."})) == ["Cough"]
        assert "rulener_places_taken 0.0" in client.get("/metrics").text
        process.signal(signal.SIGTERM)
        assert process.ended() == 0


def test_packs_are_loaded_again(start: Start, pack: Path) -> None:
    process = start("--pack", pack, "--no-base")
    rules = pack / "rules.yaml"
    with process.ready() as client:
        first = client.get("/ready").json()
        process.signal(signal.SIGHUP)
        process.said("reload: nothing has changed")

        rules.write_text(RULES.replace("[cough]", "[cough, wheeze]"), "utf-8")
        process.signal(signal.SIGHUP)
        fingerprint = process.said("reload: engine ([0-9a-f]{64})")[1]
        answer = client.post("/v1/annotate", json={"text": "Wheeze."})
        assert found(answer) == ["Wheeze"]
        assert answer.headers["rulener-engine"] == fingerprint != first["engine"]

        rules.write_text("terms: [\n", "utf-8")
        process.signal(signal.SIGHUP)
        process.said(r"reload failed, the engine stays as it is: \[R102\]")
        assert client.get("/ready").json() == {
            "status": "ready",
            "engine": fingerprint,
            "reload": {"status": "failed", "code": "R102"},
        }
        assert "rulener_engine_reload_failed 1.0" in client.get("/metrics").text
        assert found(client.post("/v1/annotate", json={"text": "Wheeze."})) == ["Wheeze"]

        rules.write_text(RULES, "utf-8")
        process.signal(signal.SIGHUP)
        process.said(f"reload: engine {first['engine']}")
        assert client.get("/ready").json() == first


def test_files_are_watched(start: Start, pack: Path) -> None:
    process = start("--pack", pack, "--no-base", "--watch", "0.01")
    with process.ready() as client:
        (pack / "rules.yaml").write_text(RULES.replace("[cough]", "[cough, wheeze]"), "utf-8")
        process.said("reload: engine ([0-9a-f]{64})")
        assert found(client.post("/v1/annotate", json={"text": "Wheeze."})) == ["Wheeze"]
        process.signal(signal.SIGTERM)
        assert process.ended() == 0


def test_chunks_headers_and_rubbish(start: Start, pack: Path) -> None:
    """What goes wrong below HTTP does no harm."""
    process = start("--pack", pack, "--no-base", "--max-body", "1000")
    with process.ready() as client:
        body = iter([b'{"text": ', b'"Cough."}'])
        assert found(client.post("/v1/annotate", content=body, headers={"content-type": "application/json"})) == ["Cough"]
        endless = (b"x" * 500 for _ in range(100))
        refused = client.post("/v1/annotate", content=endless, headers={"content-type": "application/json"})
        assert (refused.status_code, refused.json()["code"]) == (413, "U303")
        host, port = client.base_url.host, client.base_url.port
        for rubbish in (
            b"\0\1\2\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"POST /v1/annotate HTTP/1.1\r\ncontent-length: -5\r\n\r\n",
        ):
            with socket.create_connection((host, port), timeout=60) as raw:
                raw.sendall(rubbish)
                assert raw.recv(1000).startswith(b"HTTP/1.1 4")
        with socket.create_connection((host, port), timeout=60) as raw:  # leaves in the middle of a body
            raw.sendall(b"POST /v1/annotate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{")
        assert client.get("/health").status_code == 200
    assert not [line for line in process.log if "Traceback" in line]


# --- what it does not start with


def test_a_broken_pack(start: Start, pack: Path) -> None:
    (pack / "rules.yaml").write_text("terms: [\n", "utf-8")
    process = start("--pack", pack, "--no-base")
    assert process.ended() == 3
    assert any("error[R102]" in line for line in process.log)
    assert not any("Traceback" in line for line in process.log)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_no_listening_to_others_without_a_token(
    host: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RULENER_TOKEN", raising=False)
    assert ended(["serve", "--host", host, "--port", "0"]) == 2
    assert "error[U321]" in capfd.readouterr().err


def test_a_port_that_is_taken(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert ended(["serve", "--port", str(port)]) == 2
    assert f"error[U322]: 127.0.0.1:{port}: cannot listen" in capfd.readouterr().err


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_small_answers_are_sent_at_once(host: str) -> None:
    """asyncio turns Nagle's algorithm off for sockets whose protocol is named: else each answer waits for 40 ms."""
    from rulener.service.server import bound

    with bound(host, 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_an_address_that_is_none(capfd: pytest.CaptureFixture[str]) -> None:
    assert ended(["serve", "--host", "192.0.2.1", "--no-token", "--port", "0"]) == 2
    assert "error[U322]" in capfd.readouterr().err


def test_a_bad_token_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "token").write_text("short", "utf-8")
    assert ended(["serve", "--token-file", str(tmp_path / "token")]) == 2
    assert "error[U320]" in capfd.readouterr().err


def test_without_the_extra() -> None:
    code = "import sys; sys.modules['uvicorn'] = None; from rulener.cli.main import main; main(['serve'])"
    ended = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "error[U101]" in ended.stderr
    assert "rulener[serve]" in ended.stderr
