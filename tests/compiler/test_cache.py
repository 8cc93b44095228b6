"""The compile cache: what it keeps, when it compiles again, and races."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import rulener
from rulener import artifact, errors
from rulener import engine as engine_module
from rulener.compiler import build, cache
from tests.small import NOTES, RULES, write_lexicon, write_pack

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Arguments of `load`; the cache is the folder `cache`."""
    monkeypatch.delenv("RULENER_CACHE_DIR", raising=False)
    write_pack(tmp_path / "small")
    return {"base": None, "lexicons": [write_lexicon(tmp_path / "lexicon.tsv", 20)], "cache_dir": tmp_path / "cache"}


def load(tmp_path: Path, inputs: dict[str, Any]) -> rulener.Engine:
    return rulener.load(tmp_path / "small", **inputs)


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache").glob("*"))


def refuse(*arguments: Any, **options: Any) -> None:
    raise AssertionError("it was compiled")


def test_the_second_load_does_not_compile(tmp_path: Path, inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(tmp_path, inputs)
    monkeypatch.setattr(build, "compile_artifact", refuse)
    second = load(tmp_path, inputs)
    assert first.fingerprint == second.fingerprint
    assert first.path == second.path
    assert [path.name for path in kept(tmp_path)] == [f"{first.fingerprint}.rnr"]


def test_any_changed_input_compiles_again(tmp_path: Path, inputs: dict[str, Any]) -> None:
    seen = {load(tmp_path, inputs).fingerprint}

    def is_new() -> bool:
        found = load(tmp_path, inputs).fingerprint
        known = found in seen
        seen.add(found)
        return not known

    assert not is_new()
    write_pack(tmp_path / "small", rules=RULES + "# a comment\n")
    assert is_new()
    (tmp_path / "small" / "more.yaml").write_text("words:\n  - id: more\n    any: [x]\n")
    assert is_new()
    (tmp_path / "small" / "more.yaml").rename(tmp_path / "small" / "other.yaml")
    assert is_new()
    (tmp_path / "small" / "it.cases.yaml").write_text("cases: []\n")
    assert not is_new()
    text = inputs["lexicons"][0].read_text()
    inputs["lexicons"][0].write_text(text.replace("hiccups 3", "hiccups 4", 1))
    assert is_new()
    inputs["lexicons"] = [inputs["lexicons"][0].rename(tmp_path / "renamed.tsv")]
    assert is_new()
    inputs["lexicons"] = [*inputs["lexicons"], write_lexicon(tmp_path / "second.tsv", 4)]
    assert is_new()
    inputs["lexicons"].reverse()
    assert is_new()
    inputs["resolution"] = "all"
    assert is_new()


def test_a_scheme_is_an_option_of_use_not_of_compiling(tmp_path: Path, inputs: dict[str, Any]) -> None:
    plain = load(tmp_path, inputs)
    viewed = rulener.load(tmp_path / "small", scheme="i2b2", **inputs)
    assert plain.fingerprint != viewed.fingerprint
    assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize("damage", ["cut", "header", "empty", "description", "table"])
def test_a_damaged_entry_is_made_again(damage: str, tmp_path: Path, inputs: dict[str, Any]) -> None:
    engine = load(tmp_path, inputs)
    whole = engine.path.read_bytes()
    sections = artifact.read_header(whole, engine.path).sections
    damages = {
        "cut": whole[:1000],
        "header": b"x" * 200 + whole[200:],
        "empty": b"",
        "description": overwritten(whole, sections["meta"]),
        "table": overwritten(whole, sections["rules"]),
    }
    engine.path.unlink()  # the engine in use keeps its mapping
    engine.path.write_bytes(damages[damage])
    again = load(tmp_path, inputs)
    assert again.path.read_bytes() == whole
    assert [e.text for e in again.annotate(NOTES[1]).entities] == [e.text for e in engine.annotate(NOTES[1]).entities]


def overwritten(whole: bytes, section: tuple[int, int]) -> bytes:
    offset, length = section
    return whole[:offset] + b"\xff" * length + whole[offset + length :]


def test_two_processes_that_race_leave_one_good_file(tmp_path: Path, inputs: dict[str, Any]) -> None:
    code = (
        "import sys, rulener; sys.stdin.readline(); "
        "e = rulener.load(sys.argv[1], base=None, lexicons=[sys.argv[2]], cache_dir=sys.argv[3]); print(e.fingerprint)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "small"), str(inputs["lexicons"][0]), str(tmp_path / "cache")]
    racing = [
        subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for process in racing:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    found = {process.communicate(timeout=120)[0].strip() for process in racing}
    assert [process.returncode for process in racing] == [0] * 4
    assert len(found) == 1
    assert [path.name for path in kept(tmp_path)] == [f"{found.pop()}.rnr"]
    artifact.verify(kept(tmp_path)[0])


def test_a_cache_that_cannot_be_written(tmp_path: Path, inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    with pytest.raises(errors.UsageError) as caught:
        rulener.load("small", **{**inputs, "cache_dir": "file/cache"})
    assert str(caught.value) == (
        "[U108] file/cache: the cache cannot be written: Not a directory (RULENER_CACHE_DIR or `cache_dir` name another folder)"
    )


def test_a_failed_compilation_leaves_nothing(tmp_path: Path, inputs: dict[str, Any]) -> None:
    inputs["lexicons"][0].write_text("term\tlabel\nx\tnothing\n")
    with pytest.raises(errors.LexiconError):
        load(tmp_path, inputs)
    assert kept(tmp_path) == []


def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RULENER_CACHE_DIR", str(tmp_path / "named"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    assert cache.cache_folder() == tmp_path / "named"
    assert cache.cache_folder(tmp_path / "given") == tmp_path / "given"
    monkeypatch.setenv("RULENER_CACHE_DIR", "")
    assert "rulener" in cache.cache_folder().name


def test_the_hash_of_a_large_lexicon_is_remembered_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_MEMO_FROM_BYTES", 10)
    table = write_lexicon(tmp_path / "lexicon.tsv", 20)
    os.utime(table, (1, 1))
    first = cache.hash_lexicon(table, tmp_path)
    real = cache._sha256
    monkeypatch.setattr(cache, "_sha256", refuse)
    assert cache.hash_lexicon(table, tmp_path) == first
    monkeypatch.setattr(cache, "_sha256", real)
    table.write_text(table.read_text() + "more\tailment\n")
    os.utime(table, (2, 2))
    assert cache.hash_lexicon(table, tmp_path) != first


# --- what is kept


def compiled(tmp_path: Path, inputs: dict[str, Any], word: str) -> rulener.Engine:
    """An engine of its own for each word."""
    write_pack(tmp_path / "small", rules=RULES + f"# {word}\n")
    return load(tmp_path, inputs)


def aged(*engines: rulener.Engine) -> None:
    """Used last in this order, some time ago."""
    for age, engine in enumerate(engines):
        os.utime(engine.path, (1_000_000 + age, 1_000_000 + age))


def test_what_was_used_longest_ago_goes_when_there_are_too_many(
    tmp_path: Path, inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "KEPT_FILES", 3)
    first, second, third = (compiled(tmp_path, inputs, word) for word in ("a", "b", "c"))
    others = [tmp_path / "cache" / name for name in ("mine.rnr", "notes.txt")]
    for path in others:
        path.touch()
    aged(first, second, third)
    again = compiled(tmp_path, inputs, "a")  # used once more
    fourth = compiled(tmp_path, inputs, "d")
    assert set(kept(tmp_path)) == {again.path, third.path, fourth.path, *others}
    assert second.annotate(NOTES[1]).entities  # still mapped
    assert compiled(tmp_path, inputs, "b").fingerprint == second.fingerprint


def test_what_was_used_longest_ago_goes_when_it_is_too_much(
    tmp_path: Path, inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = compiled(tmp_path, inputs, "a"), compiled(tmp_path, inputs, "b")
    aged(first, second)
    monkeypatch.setattr(cache, "KEPT_BYTES", 2 * second.path.stat().st_size + 1000)
    third = compiled(tmp_path, inputs, "c")
    assert set(kept(tmp_path)) == {second.path, third.path}
    monkeypatch.setenv("RULENER_CACHE_MB", "0")
    last = compiled(tmp_path, inputs, "d")
    assert kept(tmp_path) == [last.path]
    facts = engine_module.cache_facts(tmp_path / "cache")
    assert (facts["folder"], facts["files"], facts["bytes"]) == (str(tmp_path / "cache"), 1, last.path.stat().st_size)
    assert (facts["keeps_files"], facts["keeps_bytes"]) == (32, 0)
    monkeypatch.setenv("RULENER_CACHE_MB", "much")
    with pytest.raises(errors.UsageError, match=r"U109.*RULENER_CACHE_MB is 'much', not a number of megabytes"):
        compiled(tmp_path, inputs, "e")
