"""What docs/guide/service.md shows is so: its requests are sent to a service, its tables are those of the code."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rulener.service import settings as limits

pytest.importorskip("fastapi", reason="the extra [serve] has it")
pytest.importorskip("httpx", reason="the extra [test] has it")

if TYPE_CHECKING:
    from tests.service.client import Client

PAGE = (Path(__file__).parents[2] / "docs/guide/service.md").read_text(encoding="utf-8")
_SHOWN = re.compile(
    r'^```sh no-run="tests/service/test_guide.py runs it"\n(.*?)^```\n\n```text\n(.*?)^```', re.MULTILINE | re.DOTALL
)
EXAMPLES = _SHOWN.findall(PAGE)


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """The cells of a section's tables, without their heads."""
    found = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in section(title).splitlines() if line.startswith("|")
    ]
    return [cells for cells in found[2:] if not cells[0].startswith("---")]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == PAGE.count("curl ") == 4


@pytest.mark.parametrize("command", range(len(EXAMPLES)))
def test_requests_have_the_answers_that_are_shown(client: Client, command: int) -> None:
    asked, shown = EXAMPLES[command]
    words = shlex.split(asked.replace("\\\n", ""))
    assert words[:2] == ["curl", "-s"]
    assert words[3:5] == ["-H", "Content-Type: application/json"]
    assert words[5] == "-d"
    path = words[2].removeprefix("http://127.0.0.1:8350")
    answer = client.post(path, words[6].encode())
    pattern = re.escape(squeezed(shown)).replace(re.escape("..."), ".*?")
    assert re.fullmatch(pattern, squeezed(json.dumps(answer.json(), ensure_ascii=False)))


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_every_route_is_in_the_table(client: Client) -> None:
    document = client.get("/openapi.json").json()
    routes = {f"`{method.upper()} {path}`" for path, methods in document["paths"].items() for method in methods}
    assert {cells[0] for cells in rows("What it answers")} == routes | {"`GET /openapi.json`"}


def test_every_problem_is_in_the_table() -> None:
    written = (Path(limits.__file__).parent / "problems.py").read_text(encoding="utf-8")
    codes = set(re.findall(r'Problem\(\d+, "(\w+)"', written))
    assert codes == {code for code in re.findall(r"errors/([UN]\d+)\.md\)", section("What it refuses")) if code != "N301"}
    statuses = set(re.findall(r"Problem\((\d+), ", written))
    assert statuses == {status for cells in rows("What it refuses") for status in cells[0].split(", ")}


def test_the_limits_are_those_of_the_code() -> None:
    defaults = {cells[1]: cells[2] for cells in rows("Limits")}
    assert defaults["`--max-body`"] == f"{limits.BODY_BYTES:,}"
    assert defaults["`--max-notes`"] == f"{limits.NOTES:,}"
    assert defaults["`--max-note`"] == f"{limits.CHARACTERS:,}"
    assert defaults["`--seconds`"] == f"{limits.REQUEST_SECONDS:g}"
    assert defaults["`--stop-seconds`"] == f"{limits.STOP_SECONDS:g}"
    assert defaults["`--queue`"] == str(limits.QUEUE)
    by_name = {cells[0]: cells[2] for cells in rows("Limits")}
    assert by_name["characters of a text to explain"] == f"{limits.EXPLAIN_CHARACTERS:,}"
    assert by_name["mentions of a request"] == f"{limits.MENTIONS:,}"
    assert (
        by_name["characters of a `note_id`, a `label`, a `term`"] == f"{limits.MAX_ID}, {limits.MAX_LABEL}, {limits.MAX_TERM:,}"
    )
    assert f"({limits.ROWS}, and how many `more`)" in section("What it answers")
    from rulener.service import answers

    assert f"slices of {answers._SLICE_NOTES} notes or {answers._SLICE_CHARACTERS:,} characters" in section("Limits")


def test_every_option_is_on_the_page() -> None:
    from rulener.cli.serve import command

    options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
    assert {option for option in options if f"{option}" not in PAGE} == set()


def test_every_metric_is_in_the_table(client: Client) -> None:
    client.post("/v1/annotate", {"text": "Denies chest pain."})
    page = client.service.metrics.page().decode()
    families = {name for name in re.findall(r"^# TYPE (rulener_\w+) ", page, re.MULTILINE) if not name.endswith("_created")}
    named = {name for cells in rows("Metrics") for name in re.findall(r"`(\w+)`", cells[0])}
    assert named == families
    for cells in rows("Metrics"):
        labels = set(re.findall(r"`(\w+)`", cells[1]))
        (sample,) = re.findall(rf"^{re.findall('`(.*?)`', cells[0])[0]}(?:_count)?(\{{.*\}})? ", page, re.MULTILINE)[:1]
        assert set(re.findall(r"(\w+)=", sample)) == labels
