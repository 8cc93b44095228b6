"""Large lexicons are read once: what the next compilation takes from the cache makes the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import rulener
from rulener import errors
from rulener.compiler import layers, unicode
from rulener.core.automaton import Builder
from rulener.engine import compile_to
from tests.small import NOTES, RULES, write_lexicon, write_pack

REPOSITORY = Path(__file__).parents[2]
CODE = """
import sys
from rulener.compiler import layers
layers.LEAST_BYTES = 1
from rulener.engine import compile_to
compile_to(sys.argv[1], sys.argv[2], base=None, lexicons=sys.argv[3:])
"""


class Place:
    """A pack, two lexicons, and a cache folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pack = write_pack(folder / "small")
        self.lexicons = [write_lexicon(folder / "one.tsv", 300), write_lexicon(folder / "two.tsv", 40)]
        self.layers = folder / "cache" / "layers"

    def compiled(self) -> bytes:
        target = self.folder / "made.rnr"
        compile_to(target, self.pack, base=None, lexicons=self.lexicons)
        return target.read_bytes()

    def afresh(self) -> bytes:
        """The same without anything in the cache."""
        for path in self.kept():
            path.unlink()
        return self.compiled()

    def kept(self) -> list[Path]:
        return sorted(self.layers.glob("*")) if self.layers.is_dir() else []


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("RULENER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(layers, "LEAST_BYTES", 1)
    return Place(tmp_path)


def refuse(*arguments: object, **options: object) -> None:
    raise AssertionError("a lexicon was read")


def test_the_layer_is_taken_up_and_the_bytes_are_the_same(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    first = place.compiled()
    assert len(place.kept()) == 1
    monkeypatch.setattr(layers, "add_lexicon", refuse)
    assert place.compiled() == first


def test_a_changed_rule_takes_the_same_layer(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.compiled()
    rules = RULES.replace("\nterms:\n", "\nterms:\n  - id: new\n    label: ailment\n    any: [hiccups 3 of a new kind, zebra]\n")
    write_pack(place.pack, rules=rules)
    with monkeypatch.context() as changed:
        changed.setattr(layers, "add_lexicon", refuse)
        with_layer = place.compiled()
    assert len(place.kept()) == 1
    assert place.afresh() == with_layer
    engine = rulener.load(place.folder / "made.rnr")
    assert [e.text for e in engine.annotate("A zebra; hiccups 3 of a new kind.").entities] == ["zebra", "hiccups 3 of a new kind"]


def test_another_label_lexicon_or_order_is_another_layer(place: Place) -> None:
    seen = set()
    place.compiled()
    seen.add(place.kept()[0].name)

    def is_new() -> bool:
        place.compiled()
        names = {path.name for path in place.kept()}
        new = names - seen
        seen.update(new)
        return bool(new)

    assert not is_new()
    pack = (place.pack / "pack.yaml").read_text()
    (place.pack / "pack.yaml").write_text(pack.replace("  - id: reading\n", "  - id: reading\n  - id: another\n"))
    assert is_new()
    place.lexicons.reverse()
    assert is_new()
    place.lexicons[0].write_text(place.lexicons[0].read_text().replace("hiccups 3", "hiccups 4", 1))
    assert is_new()
    assert len(place.kept()) == 4


def test_small_lexicons_are_not_in_the_layer(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = place.compiled()
    monkeypatch.setattr(layers, "LEAST_BYTES", place.lexicons[0].stat().st_size)
    split = place.compiled()
    assert len(place.kept()) == 2
    assert place.afresh() == split
    # The numbers differ, what is found does not.
    found = []
    for data in (whole, split):
        path = place.folder / "x.rnr"
        path.write_bytes(data)
        engine = rulener.load(path)
        found.append([engine.annotate(note, note_id="n").to_dict()["entities"] for note in NOTES])
    assert found[0] == found[1]


def test_no_small_lexicon_may_be_empty_and_the_layer_serves_others(place: Place) -> None:
    place.lexicons[0].write_text("term\tlabel\nx\tnothing known\n")
    with pytest.raises(errors.LexiconError) as caught:
        place.compiled()
    assert caught.value.code == "L103"
    assert place.kept() == []


@pytest.mark.parametrize("damage", ["empty", "cut", "head", "description", "middle", "end", "garbage", "folder"])
def test_a_damaged_layer_is_made_again(place: Place, damage: str) -> None:
    whole = place.compiled()
    layer = place.kept()[0]
    data = bytearray(layer.read_bytes())
    sound = bytes(data)
    if damage == "empty":
        data = bytearray()
    elif damage == "cut":
        del data[-1000:]
    elif damage == "garbage":
        data = bytearray(os.urandom(5000))
    elif damage == "folder":
        layer.unlink()
        layer.mkdir()
    else:
        at = {"head": 20, "description": 60, "middle": len(data) // 2, "end": len(data) - 70}[damage]
        data[at] ^= 255
    if damage != "folder":
        layer.write_bytes(data)
    assert place.compiled() == whole
    if damage != "folder":
        assert layer.read_bytes() == sound


def test_without_a_cache_folder_it_goes_on(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = place.compiled()
    (place.folder / "a file").write_text("")
    monkeypatch.setenv("RULENER_CACHE_DIR", str(place.folder / "a file"))
    assert place.compiled() == whole


def test_processes_that_race_make_the_same(place: Place) -> None:
    first = place.afresh()
    for path in place.kept():
        path.unlink()
    command = [sys.executable, "-c", CODE]
    arguments = [str(place.pack), *map(str, place.lexicons)]
    running = [
        subprocess.Popen([*command, str(place.folder / f"{k}.rnr"), *arguments], cwd=REPOSITORY) for k in range(3)
    ]  # fmt: skip
    assert [process.wait(120) for process in running] == [0, 0, 0]
    assert all((place.folder / f"{k}.rnr").read_bytes() == first for k in range(3))
    assert [path.suffix for path in place.kept()] == [".rnl"]


def test_a_frozen_builder_goes_on_as_a_thawed_one() -> None:
    def add(builder: Builder, first: int, last: int) -> None:
        for k in range(first, last):
            term = f"word{k % 70} word{k % 13} x{k % 400}"
            builder.add_row(term, k % 2, k % 3, "S", str(k), f"näme {k}", k % 2 == 0, f"T{k % 5}", k % 9, f"v{k % 3}")
            builder.add(f"cue {k % 90}", 1, k)

    going = Builder(*unicode.tables())
    add(going, 0, 900)
    arrays, state = going.freeze()
    kept = {name: bytes(array) for name, array in arrays.items()}
    thawed = Builder(*unicode.tables())
    thawed.thaw(kept, state)
    made = []
    for builder in (going, thawed):
        add(builder, 800, 1500)
        builder.flag_word("word1", 2)
        tables, counts = builder.finish(7, [2, 1, 0])
        made.append(({name: bytes(memoryview(table).cast("B")) for name, table in tables.items() if len(table)}, counts))
    assert made[0] == made[1]


def test_what_cannot_be_thawed_is_refused() -> None:
    builder = Builder(*unicode.tables())
    builder.add_row("a term", 0, 0, "S", "1", "n", False)
    arrays, state = builder.freeze()
    kept = {name: bytes(array) for name, array in arrays.items()}
    with pytest.raises(ValueError, match="empty builder"):
        builder.thaw(kept, state)
    with pytest.raises(ValueError, match="index"):
        Builder(*unicode.tables()).thaw({**kept, "vocabulary": b"123"}, state)
    with pytest.raises(ValueError, match="cases"):
        Builder(*unicode.tables()).thaw({**kept, "cases": b"\xff1"}, state)
    builder.flag_word("term", 1)
    with pytest.raises(ValueError, match="flagged"):
        builder.freeze()
