"""The OpenAPI document says what the service does: checked here, and by Schemathesis, which makes requests from it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

pytest.importorskip("fastapi", reason="the extra [serve] has it")
pytest.importorskip("httpx", reason="the extra [test] has it")

if TYPE_CHECKING:
    import httpx

    from tests.service.client import Client

TOKEN = "a-token-made-for-this-test"
HEADERS = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
PATHS = {
    "/v1/annotate", "/v1/annotate:batch", "/v1/explain", "/v1/concepts", "/v1/reload", "/health", "/ready", "/metrics",
}  # fmt: skip


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def check(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    """Raises ValidationError. References lead into the document."""
    jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(value)


def test_everything_is_described(client: Client) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == PATHS
    for path, method, operation in operations(document):
        assert operation["summary"], path
        assert operation["description"], path
        assert "500" in operation["responses"]
        assert all(response["description"] for response in operation["responses"].values())
        assert ("requestBody" in operation) == (method == "post" and path != "/v1/reload")
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        for field, described in schema.get("properties", {}).items():
            assert described, f"{name}.{field}"


def test_it_has_this_services_limits_and_token(serving: Callable[..., Client]) -> None:
    document = serving(notes=7, characters=77).get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    assert schemas["BatchRequest"]["properties"]["notes"]["maxItems"] == 7
    assert schemas["Note"]["properties"]["text"]["maxLength"] == 77
    assert schemas["ExplainRequest"]["properties"]["text"]["maxLength"] == 77
    assert "securitySchemes" not in document["components"]
    document = serving(token=TOKEN.encode()).get("/openapi.json").json()
    needed = {path for path, _, operation in operations(document) if operation.get("security") == [{"token": []}]}
    assert needed == PATHS - {"/health", "/ready"}
    assert TOKEN not in str(document)


def test_examples_are_what_they_are_examples_of(client: Client) -> None:
    document = client.get("/openapi.json").json()
    for path, _, operation in operations(document):
        for response in operation["responses"].values():
            for content in response["content"].values():
                if "example" in content:
                    check(document, content["schema"], content["example"])
        if "requestBody" not in operation:
            continue
        content = operation["requestBody"]["content"]["application/json"]
        for example in content["examples"].values():
            check(document, content["schema"], example["value"])
            answer = client.post(path, example["value"])
            assert answer.status_code == 200
            check(document, operation["responses"]["200"]["content"]["application/json"]["schema"], answer.json())


def test_answers_have_their_schemas(serving: Callable[..., Client]) -> None:
    client = serving(token=TOKEN.encode(), notes=1, body_bytes=1000)
    document = client.get("/openapi.json").json()

    def documented(path: str, answer: httpx.Response) -> int:
        operation = next(iter(document["paths"][path].values()))
        response = operation["responses"][str(answer.status_code)]
        content = response["content"][answer.headers["content-type"].partition(";")[0]]
        if "json" in answer.headers["content-type"]:
            check(document, content["schema"], answer.json())
        return answer.status_code

    def posted(path: str, content: Any, headers: dict[str, str] = HEADERS) -> int:
        return documented(path, client.post(path, content, headers))

    text = "ASSESSMENT: Denies chest pain. Metformin 500 mg twice daily. Mother had breast cancer. EF 35 %. Temp 38.2."
    assert posted("/v1/annotate", {"text": text}) == 200
    assert posted("/v1/annotate:batch", {"notes": [{"text": text}]}) == 200
    assert posted("/v1/explain", {"text": text}) == 200
    assert posted("/v1/explain", {"text": text, "position": 3}) == 200
    assert posted("/v1/concepts", {"term": "MI"}) == 200
    assert posted("/v1/concepts", {"code": "D002637"}) == 200
    assert posted("/v1/concepts", {"text": text, "mentions": [{"start": 20, "end": 30, "label": "x"}]}) == 200
    assert posted("/v1/reload", b"") == 200
    for path in ("/health", "/ready", "/metrics"):
        assert documented(path, client.get(path, HEADERS)) == 200
    assert posted("/v1/annotate", b"{") == 400
    assert posted("/v1/annotate", {}, {}) == 401
    assert posted("/v1/annotate:batch", {"notes": [{"text": "x"}] * 2}) == 413
    assert posted("/v1/annotate", {"text": "x" * 1000}) == 413
    assert posted("/v1/annotate", {}, {**HEADERS, "content-type": "text/plain"}) == 415
    assert posted("/v1/annotate", {}) == 422


CONFIGURATION = """
[checks]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 413, 415, 422]

# A mention or a position outside its text is refused, which no schema can say.
[[operations]]
include-path-regex = "^/v1/(annotate|explain|concepts)$"
checks.positive_data_acceptance.enabled = false
"""


@pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="needs schemathesis, which CI installs")
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("seed", [1, 2])
def test_schemathesis_finds_nothing(seed: int, tmp_path: Path) -> None:
    """No 5xx, no answer that is not documented, nothing refused that the document allows or taken that it does not."""
    from tests.service.process import Process

    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION, "utf-8")
    small = ["--max-body", "50000", "--max-note", "1000", "--max-notes", "10"]
    process = Process(small, environment={"RULENER_TOKEN": TOKEN, "RULENER_CACHE_DIR": str(tmp_path / "cache")})
    try:
        with process.ready() as client:
            url = f"{client.base_url}/openapi.json".replace("//openapi", "/openapi")
        command = [sys.executable, "-m", "schemathesis.cli", "run", url, "--seed", str(seed), "--max-examples", "50"]
        command += ["--header", f"Authorization: Bearer {TOKEN}", "--continue-on-failure", "--no-color"]
        command += ["--suppress-health-check", "all"]
        ended = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=300, check=False)
        assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
        assert "No issues found" in ended.stdout
        log = process.rest()
        assert len(log) > 300
        assert not [line for line in log if " ERROR " in line]
    finally:
        process.kill()
