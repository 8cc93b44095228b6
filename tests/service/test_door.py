"""Who may come in, and what is known of the service from outside."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import rulener
from rulener.errors import UsageError
from rulener.service.settings import Settings, read_token

pytest.importorskip("fastapi", reason="the extra [serve] has it")
pytest.importorskip("httpx", reason="the extra [test] has it")

if TYPE_CHECKING:
    from tests.service.client import Client

TOKEN = "a-token-made-for-this-test"
NOTE = {"text": "Denies chest pain."}


def headers(value: str | None = None) -> dict[str, str]:
    return {"content-type": "application/json"} | ({} if value is None else {"authorization": value})


@pytest.fixture
def guarded(serving: Callable[..., Client]) -> Client:
    return serving(token=TOKEN.encode())


def test_the_token_opens(guarded: Client) -> None:
    assert guarded.post("/v1/annotate", NOTE, headers(f"Bearer {TOKEN}")).status_code == 200
    assert guarded.post("/v1/annotate", NOTE, headers(f"bearer  {TOKEN} ")).status_code == 200


def test_without_one_nothing_is_read(guarded: Client) -> None:
    refused = guarded.post("/v1/annotate", NOTE, headers())
    assert (refused.status_code, refused.json()["code"]) == (401, "U311")
    assert refused.headers["www-authenticate"] == 'Bearer realm="rulener"'
    assert guarded.metric("rulener_request_bytes_total") == 0


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer é"]
)
def test_another_is_refused(guarded: Client, value: str) -> None:
    refused = guarded.run(guarded.http.post("/v1/annotate", json=NOTE, headers=[(b"authorization", value.encode())]))
    assert (refused.status_code, refused.json()["code"]) == (401, "U311")
    assert refused.headers["www-authenticate"] == 'Bearer realm="rulener", error="invalid_token"'
    assert TOKEN[:8] not in refused.text


def test_two_tokens_are_none(guarded: Client) -> None:
    twice = [(b"authorization", b"Bearer x"), (b"authorization", f"Bearer {TOKEN}".encode())]
    for given in (twice, twice[::-1]):
        assert guarded.run(guarded.http.post("/v1/annotate", json=NOTE, headers=given)).status_code == 401


def test_what_is_open_and_what_is_not(guarded: Client) -> None:
    for path in ("/health", "/ready", "/openapi.json"):
        assert guarded.get(path).status_code == 200
    for path in ("/metrics", "/v1/annotate", "/nothing", "/docs", "/health/"):
        assert guarded.get(path).status_code == 401
    assert guarded.get("/metrics", headers(f"Bearer {TOKEN}")).status_code == 200
    assert guarded.get("/docs", headers(f"Bearer {TOKEN}")).status_code == 404


def test_the_token_is_in_no_description() -> None:
    assert TOKEN not in repr(Settings(token=TOKEN.encode()))


def test_a_token_is_the_first_line_of_a_file_or_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_text(f"  {TOKEN}\r\nnot this\n", "utf-8")
    monkeypatch.setenv("RULENER_TOKEN", f"{TOKEN}-2")
    assert read_token(str(file)) == TOKEN.encode()
    assert read_token(None) == f"{TOKEN}-2".encode()
    monkeypatch.delenv("RULENER_TOKEN")
    assert read_token(None) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the token cannot be read: No such file or directory"),
        ("", "the token has 0 characters, fewer than 16"),
        ("\nsecret-secret-secret", "the token has 0 characters, fewer than 16"),
        ("short", "the token has 5 characters, fewer than 16"),
        ("secret secret secret", "the token has characters that no header can carry"),
        ("geheim-geheim-gehéim", "the token has characters that no header can carry"),
    ],
)
def test_a_token_that_is_none(tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content, "utf-8")
    with pytest.raises(UsageError) as caught:
        read_token(str(file))
    assert (caught.value.code, caught.value.message) == ("U320", message)
    assert "secret-" not in str(caught.value)


# --- how it is


def test_alive_and_ready(client: Client, engine: rulener.Engine) -> None:
    assert client.get("/health").json() == {"status": "alive", "version": rulener.__version__}
    ready = {"status": "ready", "engine": engine.fingerprint, "reload": {"status": "ok", "code": None}}
    assert client.get("/ready").json() == ready


def test_before_the_engine_is_there(serving: Callable[..., Client], engine: rulener.Engine) -> None:
    client = serving(None)
    client.engines._make = lambda: engine
    assert client.get("/health").status_code == 200
    for answer in (client.get("/ready"), client.post("/v1/annotate", NOTE)):
        assert (answer.status_code, answer.json()["code"]) == (503, "U310")
        assert int(answer.headers["retry-after"]) > 0
        assert "rulener-engine" not in answer.headers
    assert client.metric("rulener_ready") == 0
    client.run(client.service.start())
    assert client.get("/ready").status_code == 200
    assert client.metric("rulener_ready") == 1


def test_what_is_counted(client: Client, engine: rulener.Engine) -> None:
    body = b'{"text": "Denies chest pain \xf0\x9f\x98\x80 and fever."}'
    answer = client.post("/v1/annotate", body)
    client.post("/v1/annotate:batch", {"notes": [{"text": "Asthma."}, {"text": "No cough."}]})
    client.post("/v1/annotate", {"text": "pain", "mentions": [{"start": 0, "end": 4, "label": "Zaphod"}]})
    client.get("/a/b?c")
    assert client.metric('rulener_requests_total{route="/v1/annotate",status="200"}') == 2
    assert client.metric('rulener_requests_total{route="other",status="404"}') == 1
    assert client.metric('rulener_request_seconds_count{route="/v1/annotate"}') == 2
    assert client.metric("rulener_notes_total") == 4
    assert client.metric("rulener_note_characters_total") == 30 + 7 + 9 + 4
    assert client.metric('rulener_entities_total{label="symptom"}') == 3
    assert client.metric('rulener_entities_total{label="disorder"}') == 1
    assert client.metric('rulener_entities_total{label="other"}') == 1
    assert client.metric("rulener_request_bytes_total") > len(body)
    assert client.metric("rulener_response_bytes_total") > len(answer.content)
    assert client.metric(f'rulener_engine_info{{engine="{engine.fingerprint}",version="{rulener.__version__}"}}') == 1


def test_the_page_of_metrics(client: Client) -> None:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    for line in answer.text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) .+|[a-z_]+(\{[^{}]*\})? [-+0-9.e]+(Inf|NaN)?", line), line
    assert "Zaphod" not in answer.text


def test_responses_are_not_kept_by_others(client: Client) -> None:
    for answer in (client.get("/ready"), client.post("/v1/annotate", NOTE), client.get("/nothing")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
