"""Loading packs and lexicons again while requests come in."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import rulener
from rulener.errors import UsageError

pytest.importorskip("fastapi", reason="the extra [serve] has it")
pytest.importorskip("httpx", reason="the extra [test] has it")

if TYPE_CHECKING:
    from tests.service.client import Client

TOKEN = "a-token-made-for-this-test"
BEARER = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
PACK = "name: mine\nversion: 1.0.0\nlabels:\n  - id: ailment\n"
COUGH = "terms:\n  - {id: cough, label: ailment, any: [cough]}\n"
WHEEZE = "terms:\n  - {id: cough, label: ailment, any: [cough, wheeze]}\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The file of rules of a small pack."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "pack.yaml").write_text(PACK, "utf-8")
    (folder / "rules.yaml").write_text(COUGH, "utf-8")
    return folder / "rules.yaml"


@pytest.fixture
def client(serving: Callable[..., Client], rules: Path, tmp_path: Path) -> Client:
    from rulener.service.engines import Engines

    engines = Engines(lambda: rulener.load(rules.parent, base=None, cache_dir=tmp_path / "cache"))
    made = serving(None, engines, token=TOKEN.encode())
    made.run(made.service.start())
    return made


def test_over_http(client: Client, rules: Path) -> None:
    first = client.get("/ready").json()["engine"]
    assert client.post("/v1/reload", b"", BEARER).json() == {"outcome": "unchanged", "engine": first}
    rules.write_text(WHEEZE, "utf-8")
    answer = client.post("/v1/reload", b"", BEARER)
    assert answer.json() == {"outcome": "changed", "engine": answer.headers["rulener-engine"]}
    assert answer.json()["engine"] != first
    found = client.post("/v1/annotate", {"text": "Wheeze."}, BEARER).json()
    assert (found["engine"], len(found["entities"])) == (answer.json()["engine"], 1)
    assert client.post("/v1/reload", b"").status_code == 401


def test_what_is_broken_is_said_and_the_engine_stays(client: Client, rules: Path) -> None:
    first = client.get("/ready").json()
    rules.write_text("terms:\n  - {id: cough, label: ailment, any: [cough], ayn: 1}\n", "utf-8")
    answer = client.post("/v1/reload", b"", BEARER)
    assert (answer.status_code, answer.json()["code"]) == (409, "R114")
    assert answer.json()["detail"].startswith(f"{rules}:2:")
    assert client.get("/ready").json() == {**first, "reload": {"status": "failed", "code": "R114"}}
    assert client.metric("rulener_engine_reload_failed") == 1
    assert client.post("/v1/annotate", {"text": "Cough."}, BEARER).json()["engine"] == first["engine"]
    rules.unlink()
    rules.parent.joinpath("pack.yaml").unlink()
    rules.parent.rmdir()
    assert client.post("/v1/reload", b"", BEARER).json()["code"] == "U103"
    rules.parent.mkdir()
    rules.parent.joinpath("pack.yaml").write_text(PACK, "utf-8")
    rules.write_text(COUGH, "utf-8")
    assert client.post("/v1/reload", b"", BEARER).json() == {"outcome": "unchanged", "engine": first["engine"]}
    assert client.get("/ready").json() == first
    assert client.metric('rulener_engine_reloads_total{outcome="unchanged"}') == 1
    assert client.metric('rulener_engine_reloads_total{outcome="failed"}') == 2


def test_not_for_everybody(serving: Callable[..., Client]) -> None:
    answer = serving().post("/v1/reload", b"")
    assert (answer.status_code, answer.json()["code"]) == (403, "U312")


def test_a_bug_while_loading_is_no_end(client: Client) -> None:
    def broken() -> rulener.Engine:
        raise ValueError("Zaphod")

    client.engines._make = broken
    answer = client.post("/v1/reload", b"", BEARER)
    assert (answer.status_code, answer.json()["code"]) == (409, "U199")
    assert "Zaphod" not in answer.text
    assert client.get("/ready").status_code == 200


def test_no_request_is_dropped(client: Client, rules: Path) -> None:
    """Requests come in all the while; each is answered by one engine, whole."""

    async def scene() -> list[Any]:
        asked = []
        for number in range(6):
            rules.write_text(WHEEZE if number % 2 else COUGH, "utf-8")
            reload = asyncio.ensure_future(client.engines.reload())
            while not reload.done():
                asked.append(await client.posted("/v1/annotate", {"text": "Cough and wheeze."}, BEARER))
            await reload
        return asked

    answers = client.run(scene())
    counts = set()
    for answer in answers:
        assert answer.status_code == 200
        assert answer.json()["engine"] == answer.headers["rulener-engine"]
        counts.add((answer.json()["engine"], len(answer.json()["entities"])))
    assert len(counts) == 2
    assert sorted(count for _, count in counts) == [1, 2]


def test_many_who_ask_at_once_share_a_reload() -> None:
    from rulener.service.engines import Engines

    made = []
    engines = Engines(lambda: made.append(1) or Named(str(len(made))))  # type: ignore[arg-type, func-returns-value, return-value]

    async def scene() -> list[str]:
        return await asyncio.gather(*(engines.reload() for _ in range(20)))

    assert set(asyncio.run(scene())) == {"changed"}
    assert len(made) in (1, 2)
    engines.close()


class Named:
    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint


def test_the_first_engine_raises_what_is_wrong() -> None:
    from rulener.service.engines import Engines

    with pytest.raises(UsageError, match="U103"):
        asyncio.run(Engines(lambda: rulener.load("no such pack")).load())


# --- watching


def test_files_that_have_changed_and_are_settled(tmp_path: Path) -> None:
    from rulener.service.engines import Watch

    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("1", "utf-8")
    watch = Watch(lambda: [one, two])
    assert not watch.look()
    one.write_text("12", "utf-8")
    assert not watch.look()  # perhaps somebody is still writing
    one.write_text("123", "utf-8")
    assert not watch.look()
    assert watch.look()
    assert not watch.look()
    two.write_text("1", "utf-8")  # one more
    assert [watch.look(), watch.look(), watch.look()] == [False, True, False]
    os.utime(one, ns=(1, 1))  # the same size, another time
    assert [watch.look(), watch.look(), watch.look()] == [False, True, False]
    two.unlink()
    assert [watch.look(), watch.look(), watch.look()] == [False, True, False]


def test_a_change_that_is_taken_back_is_none(tmp_path: Path) -> None:
    from rulener.service.engines import Watch

    file = tmp_path / "one"
    file.write_text("1", "utf-8")
    status = file.stat()
    watch = Watch(lambda: [file])
    file.write_text("12", "utf-8")
    assert not watch.look()
    file.write_text("1", "utf-8")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert [watch.look(), watch.look()] == [False, False]


def test_a_folder_that_is_gone_is_a_change(tmp_path: Path) -> None:
    from rulener.engine import pack_folders
    from rulener.service.engines import Watch

    folder = tmp_path / "pack"
    folder.mkdir()
    watch = Watch(lambda: pack_folders([folder], None))
    folder.rmdir()
    assert [watch.look(), watch.look(), watch.look()] == [False, True, False]


def test_the_files_of_an_engine(tmp_path: Path, rules: Path) -> None:
    from rulener.service.engines import files_of

    table, compiled, decided = str(tmp_path / "t.tsv"), str(tmp_path / "c.rnr"), str(tmp_path / "d.tsv")
    make = {"packs": (str(rules.parent),), "lexicons": [table], "base": None, "decisions": None}
    assert files_of(make) == [rules.parent / "pack.yaml", rules, Path(table)]
    shipped = files_of({**make, "lexicons": [], "base": "english"})
    assert {"patterns.yaml", "disorders.tsv", "rules.yaml"} <= {path.name for path in shipped}
    assert files_of({**make, "packs": (compiled,), "lexicons": [], "decisions": decided}) == [Path(compiled), Path(decided)]
