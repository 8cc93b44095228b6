"""Label maps: what they say, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from rulener.errors import LexiconError
from rulener.lexicon.label_map import label_map, shipped_map
from rulener.lexicon.sources import SOURCES
from rulener.packs.parse import load_packs

ENGLISH = Path(__file__).parents[2] / "rules" / "english"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def made(text: str) -> dict[str, tuple[int, str]]:
    Path("m.yaml").write_text(text)
    return label_map("umls", Path("m.yaml")).keys


def test_order_is_preference_and_a_key_counts_before_a_group() -> None:
    text = "groups:\n  AB: [a, b]\nlabels:\n  one: [AB]\n  two: [b, NO]\n  three: x\n"
    assert made(text) == {"A": (1, "one"), "B": (2, "two"), "NO": (3, "two"), "X": (4, "three")}


def test_the_best_and_the_longest() -> None:
    Path("m.yaml").write_text("labels:\n  one: [C]\n  two: [C23.8, D]\n")
    found = label_map("mesh", Path("m.yaml"))
    assert found.best(["d", "c", "e"]) == ("c", "one")
    assert found.best(["e"]) is None
    assert found.by_prefix("C23.888.1") == (2, "two")
    assert found.by_prefix("C22") == (1, "one")
    assert found.by_prefix("E") is None


@pytest.mark.parametrize("source", [name for name, source in SOURCES.items() if source.labelled])
def test_the_shipped_maps_name_labels_of_the_english_pack(source: str) -> None:
    (pack,) = load_packs([ENGLISH])
    declared = {label.id for label in pack.labels}
    found = label_map(source)
    assert {label for _, label in found.keys.values()} <= declared
    Path("copy.yaml").write_text(shipped_map(source))
    assert label_map(source, Path("copy.yaml")) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("labels: [a", "m.yaml:1:11: this is not YAML: expected ',' or ']', but got '<stream end>'"),
        ("", "m.yaml: the label map is not a mapping (groups: and labels:)"),
        ("groups: {}\n", "m.yaml: the label map has no `labels` (labels: {disorder: [...]})"),
        ("labels: {}\nlabel: {}\n", "m.yaml:2:1: unknown key 'label' (known: groups, labels)"),
        ("labels: [a]\n", "m.yaml:1:9: `labels` is not a mapping (LABEL: [KEY, ...])"),
        (
            "labels:\n  Disorder: [a]\n",
            "m.yaml:2:3: 'Disorder' is no label (lower-case letters, digits, _ and -, beginning with a letter)",
        ),
        ("labels:\n  one: [a]\n  two: [A]\n", "m.yaml:3:9: 'A' is there twice (a key has one label)"),
        ("labels:\n  one: [a]\n  one: [b]\n", "m.yaml:3:3: 'one' is there twice (keep one of them)"),
        ("labels:\n  one: {a: b}\n", "m.yaml:2:8: this is not a list of words (LABEL: [KEY, KEY])"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(LexiconError) as caught:
        made(text)
    assert str(caught.value) == f"[L107] {message}"


def test_a_map_that_cannot_be_read() -> None:
    with pytest.raises(LexiconError, match=r"\[L107\] none\.yaml: the label map cannot be read: No such file"):
        label_map("umls", Path("none.yaml"))
    Path("m.yaml").write_bytes(b"labels: {\xe9: a}")
    with pytest.raises(LexiconError, match=r"\[L107\] m\.yaml: the label map is not UTF-8"):
        label_map("umls", Path("m.yaml"))
