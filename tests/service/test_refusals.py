"""Every refusal: its status, its code, the place, and that it never repeats what was sent."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi", reason="the extra [serve] has it")
pytest.importorskip("httpx", reason="the extra [test] has it")

if TYPE_CHECKING:
    import httpx

    from tests.service.client import Client

SECRET = "Zaphod complains of"
JSON = {"content-type": "application/json"}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem document that is as RFC 9457 wants it."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "about:blank"
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["detail"]
    assert set(problem) <= {"type", "title", "status", "code", "detail", "hint", "errors"}
    assert SECRET not in answer.text
    return answer.status_code, problem["code"]


def pointers(answer: httpx.Response) -> list[str]:
    return [error["pointer"] for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("path", "body", "wrong"),
    [
        ("annotate", {}, {"#/text": "is missing"}),
        ("annotate", {"text": ""}, {"#/text": "is empty"}),
        ("annotate", {"text": None}, {"#/text": "is not a text"}),
        ("annotate", {"text": 17}, {"#/text": "is not a text"}),
        ("annotate", {"text": [SECRET]}, {"#/text": "is not a text"}),
        ("annotate", {"text": f"{SECRET} \0"}, {"#/text": "holds the character U+0000"}),
        ("annotate", {"text": f"{SECRET} \ud800"}, {"#/text": "holds half of a surrogate pair"}),
        ("annotate", {"text": f"\udfff {SECRET}"}, {"#/text": "holds half of a surrogate pair"}),
        ("annotate", {"text": "x", "note_id": f"{SECRET} \ud800"}, {"#/note_id": "holds half of a surrogate pair"}),
        ("annotate", {"text": "x", "note_id": 17}, {"#/note_id": "is not a text"}),
        ("annotate", {"text": "x", "note_id": SECRET * 20}, {"#/note_id": "is longer than 256 characters"}),
        ("annotate", {"text": SECRET, "txet": SECRET}, {"#/txet": "is no field here"}),
        ("annotate", {"text": SECRET, SECRET: SECRET}, {"#/(a field)": "is no field here"}),
        ("annotate", [SECRET], {"#": "is not an object"}),
        ("annotate", SECRET, {"#": "is not an object"}),
        ("annotate", None, {"#": "is not an object"}),
        ("annotate", {"text": "x", "mentions": {}}, {"#/mentions": "is not a list"}),
        ("annotate", {"text": "x", "mentions": [SECRET]}, {"#/mentions/0": "is not an object"}),
        (
            "annotate",
            {"text": "x", "mentions": [{"start": "0", "end": 1.5, "label": ""}]},
            {
                "#/mentions/0/start": "is not a whole number",
                "#/mentions/0/end": "is not a whole number",
                "#/mentions/0/label": "is empty",
            },
        ),
        (
            "annotate",
            {"text": "x", "mentions": [{"start": -1, "end": True, "label": "a" * 65}]},
            {
                "#/mentions/0/start": "is less than 0",
                "#/mentions/0/end": "is not a whole number",
                "#/mentions/0/label": "is longer than 64 characters",
            },
        ),
        (
            "annotate",
            {"text": SECRET, "mentions": [{"start": 0, "end": 3, "label": "a"}, {"start": 2, "end": 1 << 70, "label": "a"}]},
            {"#/mentions/1": "does not lie within the text of 19 characters"},
        ),
        (
            "annotate",
            {"text": SECRET, "mentions": [{"start": 3, "end": 2, "label": "a"}]},
            {"#/mentions/0": "does not lie within the text of 19 characters"},
        ),
        ("annotate:batch", {"notes": []}, {"#/notes": "is empty"}),
        ("annotate:batch", {"notes": SECRET}, {"#/notes": "is not a list"}),
        ("annotate:batch", {"notes": [{"text": "x"}, {"note_id": SECRET}]}, {"#/notes/1/text": "is missing"}),
        ("annotate:batch", {"notes": [{"text": "x"}, {"text": "\ud83d"}]}, {"#/notes/1/text": "holds half of a surrogate pair"}),
        ("concepts", {}, {"#": "must have one of term, code and text"}),
        ("concepts", {"term": SECRET, "code": SECRET}, {"#": "must have one of term, code and text"}),
        ("concepts", {"term": ""}, {"#/term": "is empty"}),
        ("concepts", {"term": None}, {"#/term": "is not a text"}),
        ("concepts", {"term": "x" * 1001}, {"#/term": "is longer than 1000 characters"}),
        ("concepts", {"text": SECRET}, {"#/mentions": "is missing or empty"}),
        (
            "concepts",
            {"term": "x", "mentions": [{"start": 0, "end": 0, "label": "a"}]},
            {"#/mentions": "is no field beside a term or a code"},
        ),
        (
            "concepts",
            {"text": SECRET, "mentions": [{"start": 0, "end": 20, "label": "a"}]},
            {"#/mentions/0": "does not lie within the text of 19 characters"},
        ),
        ("explain", {"text": SECRET, "position": 19}, {"#/position": "lies outside the text of 19 characters"}),
        ("explain", {"text": SECRET, "position": -1}, {"#/position": "is less than 0"}),
        ("explain", {"text": SECRET, "position": "1"}, {"#/position": "is not a whole number"}),
    ],
)
def test_a_body_of_another_form_is_refused(client: Client, path: str, body: Any, wrong: dict[str, str]) -> None:
    answer = client.post(f"/v1/{path}", body)
    assert refusal(answer) == (422, "U302")
    assert {error["pointer"]: error["detail"] for error in answer.json()["errors"]} == wrong


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "the body is not JSON: it goes wrong at line 1 column 0"),
        (b'{"text": "Zaphod complains of', "the body is not JSON: it goes wrong at line 1 column 29"),
        (b'{"text": "x"} Zaphod complains of', "the body is not JSON: it goes wrong at line 1 column 15"),
        (b'{"text": "x\ny"}', "the body is not JSON: it goes wrong at line 2 column 0"),
        (b'{"text": "\\ud800', "the body is not JSON: it goes wrong at line 1 column 16"),
        (b"{'text': 'x'}", "the body is not JSON: it goes wrong at line 1 column 2"),
        (b'{"text": "caf\xe9"}', "the body is not UTF-8: byte 13 cannot be decoded"),
        (b'\xef\xbb\xbf{"text": "x"}', "the body is not JSON: it goes wrong at line 1 column 1"),
        ('{"text": "x"}'.encode("utf-16"), "the body is not UTF-8: byte 0 cannot be decoded"),
        (b"[" * 100_000, None),
        (b'{"text": ' + b"[" * 100_000, None),
    ],
)
def test_what_is_no_json_is_refused(client: Client, body: bytes, detail: str | None) -> None:
    answer = client.post("/v1/annotate", body)
    assert refusal(answer) == (400, "U301")
    if detail is not None:
        assert answer.json()["detail"] == detail


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
def test_what_is_not_said_to_be_json_is_refused(client: Client, headers: dict[str, str]) -> None:
    answer = client.post("/v1/annotate", {"text": SECRET}, headers)
    assert refusal(answer) == (415, "U306")
    assert answer.headers["accept"] == "application/json"


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=UTF-8", "application/fhir+json"])
def test_other_ways_to_say_json_are_taken(client: Client, kind: str) -> None:
    assert client.post("/v1/annotate", {"text": "x"}, {"content-type": kind}).status_code == 200


def test_paths_and_methods(client: Client) -> None:
    assert refusal(client.get(f"/{SECRET}?q={SECRET}")) == (404, "U313")
    assert refusal(client.get("/v1/annotate/")) == (404, "U313")
    wrong = client.get("/v1/annotate")
    assert refusal(wrong) == (405, "U314")
    assert wrong.headers["allow"] == "POST"


def test_many_errors_are_counted_and_some_shown(client: Client) -> None:
    fields = {f"f{number}": 1 for number in range(900)}
    answer = client.post("/v1/annotate", {"text": "x", **fields})
    assert refusal(answer) == (422, "U302")
    assert answer.json()["detail"] == "#/f0 is no field here (and 899 more)"
    assert len(answer.json()["errors"]) == 20
    answer = client.post("/v1/annotate", {"text": "x", **{f"f{number}": 1 for number in range(5000)}})
    assert refusal(answer) == (422, "U302")
    assert len(answer.text) < 1000
    # a list ends at its first mistake
    answer = client.post("/v1/annotate:batch", {"notes": [1] * 100_000})
    assert pointers(answer) == ["#/notes/0"]


# --- limits


def test_a_body_is_refused_by_its_length_before_it_is_read(serving: Callable[..., Client]) -> None:
    from tests.service.client import Connection, chunk

    client = serving(body_bytes=100)
    connection = Connection("/v1/annotate", {**JSON, "content-length": "101"}, [chunk(b"x" * 101, more=False)])
    client.run(client.app(connection.scope, connection.receive, connection.send))
    assert (connection.status, connection.problem["code"]) == (413, "U303")
    assert connection.taken == 0
    assert refusal(client.post("/v1/annotate", {"text": "x" * 100})) == (413, "U303")
    assert client.post("/v1/annotate", {"text": "x" * (100 - len('{"text": ""}'))}).status_code == 200


def test_a_body_without_a_length_is_read_to_the_limit(serving: Callable[..., Client]) -> None:
    from tests.service.client import Connection, chunk

    client = serving(body_bytes=100)
    connection = Connection("/v1/annotate", JSON, (chunk(b"x" * 30) for _ in range(1000)))
    client.run(client.app(connection.scope, connection.receive, connection.send))
    assert (connection.status, connection.problem["code"]) == (413, "U303")
    assert connection.taken == 4
    parts = [chunk(b'{"text":'), chunk(b""), chunk(b'"x"}', more=False)]
    connection = Connection("/v1/annotate", JSON, parts)
    client.run(client.app(connection.scope, connection.receive, connection.send))
    assert connection.status == 200


def test_a_body_that_does_not_arrive_is_given_up(serving: Callable[..., Client]) -> None:
    from tests.service.client import Connection, chunk

    client = serving(request_seconds=0.02)
    connection = Connection("/v1/annotate", JSON, [chunk(b'{"te')])
    client.run(client.app(connection.scope, connection.receive, connection.send))
    assert (connection.status, connection.problem["code"]) == (408, "U307")
    assert client.service.desk.taken == 0


def test_a_client_that_leaves_while_it_sends_gets_no_answer(serving: Callable[..., Client]) -> None:
    from tests.service.client import Connection, chunk

    client = serving()
    connection = Connection("/v1/annotate", JSON, [chunk(b'{"te')], stays=False)
    client.run(client.app(connection.scope, connection.receive, connection.send))
    assert connection.status in (None, 499)
    assert client.metric('rulener_requests_total{route="/v1/annotate",status="499"}') == 1
    assert client.service.desk.taken == 0


def test_counts_and_lengths_have_limits(serving: Callable[..., Client]) -> None:
    client = serving(notes=2, characters=30)
    many = client.post("/v1/annotate:batch", {"notes": [{"text": "x"}] * 3})
    assert refusal(many) == (413, "U304")
    assert pointers(many) == ["#/notes"]
    assert client.post("/v1/annotate:batch", {"notes": [{"text": "x"}] * 2}).status_code == 200

    assert client.post("/v1/annotate", {"text": "😀" * 30}).status_code == 200
    assert refusal(client.post("/v1/annotate", {"text": "x" * 31})) == (413, "U305")
    long = client.post("/v1/annotate:batch", {"notes": [{"text": "x"}, {"text": "x" * 31}]})
    assert refusal(long) == (413, "U305")
    assert pointers(long) == ["#/notes/1/text"]
    assert refusal(client.post("/v1/explain", {"text": "x" * 31})) == (413, "U305")

    mentions = [{"start": 0, "end": 1, "label": "a"}] * 1001
    for path in ("annotate", "concepts"):
        many = client.post(f"/v1/{path}", {"text": "x", "mentions": mentions})
        assert refusal(many) == (413, "U304")
        assert many.json()["detail"] == "too many mentions; at most 1,000 are taken"
        assert pointers(many) == ["#/mentions"]
    assert client.post("/v1/annotate", {"text": "x", "mentions": mentions[:1000]}).status_code == 200


# --- what leaves the house


def test_no_text_in_the_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        client.post("/v1/annotate", {"text": SECRET, "note_id": SECRET})
        client.post("/v1/annotate", {"text": SECRET, SECRET: 1})
        client.post("/v1/annotate", SECRET.encode())
        client.get(f"/v1/annotate/{SECRET}?text={SECRET}")
        client.get(f"/health?{SECRET}")
        client.run(client.http.request(SECRET.replace(" ", "-"), "/health"))
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("rulener")]
    assert [line.split(" ")[:3] for line in ours] == [
        ["POST", "/v1/annotate", "200"],
        ["POST", "/v1/annotate", "422"],
        ["POST", "/v1/annotate", "400"],
        ["GET", "other", "404"],
        ["GET", "/health", "200"],
        ["other", "/health", "405"],
    ]
    assert "Zaphod" not in "".join(ours)


def test_a_bug_says_where_and_not_what(serving: Callable[..., Client], caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        fingerprint = "0" * 64
        labels = ()

        def batch(self, texts: list[str], *_: Any) -> Any:
            raise ValueError(texts[0])

    client = serving(Broken())
    with caplog.at_level(logging.DEBUG):
        answer = client.post("/v1/annotate", {"text": SECRET})
    assert refusal(answer) == (500, "U199")
    assert "unexpected ValueError at test_refusals.py:" in answer.json()["detail"]
    assert SECRET not in caplog.text
    assert "unexpected ValueError at test_refusals.py:" in caplog.text


def test_the_errors_of_pydantic_do_not_travel_along() -> None:
    from rulener.service.bodies import parsed
    from rulener.service.forms import AnnotateRequest
    from rulener.service.problems import Problem

    for body in (json.dumps({"text": [SECRET]}), f'{{"text": "{SECRET}'):
        with pytest.raises(Problem) as caught:
            parsed(body.encode(), AnnotateRequest)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        assert SECRET not in repr(caught.value)
