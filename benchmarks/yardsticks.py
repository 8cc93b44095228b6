"""What a user would write first: pyahocorasick and a word-boundary test. Kept as fast as plain Python allows."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ahocorasick

Hit = tuple[int, int, str]


def build(lexicon: Path) -> Any:
    """The automaton of a term table."""
    automaton = ahocorasick.Automaton()
    with open(lexicon, encoding="utf-8") as file:
        next(file)
        for line in file:
            term, _, _, code = line.rstrip("\n").split("\t")[:4]
            low = term.lower()
            automaton.add_word(low, (len(low), code))
    automaton.make_automaton()
    return automaton


def hits_in(automaton: Any, low: str) -> list[Hit]:
    """All whole-word hits in a text in lower case, overlapping ones too."""
    hits = []
    for end, (length, code) in automaton.iter(low):
        start = end - length + 1
        if (start == 0 or not low[start - 1].isalnum()) and (end + 1 == len(low) or not low[end + 1].isalnum()):
            hits.append((start, end + 1, code))
    return hits


def scan(automaton: Any, lowered: Sequence[str]) -> int:
    """The number of hits in all texts."""
    return sum(len(hits_in(automaton, low)) for low in lowered)


def lines(automaton: Any, texts: Sequence[str]) -> Iterator[str]:
    """One JSON line a note."""
    for number, text in enumerate(texts):
        hits = [{"start": a, "end": b, "text": text[a:b], "code": code} for a, b, code in hits_in(automaton, text.lower())]
        yield json.dumps({"note_id": str(number), "entities": hits})


# The script beside `rulener run`: ARGV is automaton, folder, output.
SCRIPT = f"""
import json, pickle, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).resolve().parents[1])!r})
from benchmarks.yardsticks import hits_in
automaton = pickle.load(open(sys.argv[1], "rb"))
with open(sys.argv[3], "w", encoding="utf-8") as out:
    for path in sorted(Path(sys.argv[2]).rglob("*.txt")):
        text = path.read_text(encoding="utf-8")
        hits = [{{"start": a, "end": b, "text": text[a:b], "code": code}} for a, b, code in hits_in(automaton, text.lower())]
        out.write(json.dumps({{"note_id": path.name, "entities": hits}}) + "\\n")
"""


def save(automaton: Any, path: Path) -> Path:
    """The automaton as a file, made once, as a user would."""
    with open(path, "wb") as file:
        pickle.dump(automaton, file)
    return path
