"""What looks clinical in a folder of notes and is not found: `python -m benchmarks.accuracy.coverage NOTES [--top 300]`.

A candidate is a run of words between stop words, marks and mentions of any label. It looks clinical when its last word ends like
a clinical word ("-itis", "-ectomy"), or is the head of a clinical name ("deficiency", "graft"), or when it is one in capitals
in a sentence that is not. Counted are candidates as lower-case text (abbreviations as written): how often, in how many notes.

Also printed: the share of words with meaning (no stop words, numbers or marks) that lie in a mention, a heading or a cue.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import rulener
from rulener import Document, Engine

WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d[\d.,]*|[^\w\s]|\n\s*\n")
ENDINGS = re.compile(
    r".{3,}(itis|oma|omas|emia|aemia|osis|oses|pathy|pathies|ectomy|ectomies|plasty|otomy|ostomy|scopy|scopic|gram|grams|graphy|algia|uria|"
    r"pnea|rrhea|rrhoea|plegia|paresis|trophy|plasia|megaly|lysis|centesis|desis|pexy|rrhaphy|phagia|phasia|genesis|sclerosis|cillin|mycin|"
    r"pril|sartan|statin|olol|azole|mab|tinib|vir|oxacin|dipine|prazole|caine|azepam)s?$"
)
_HEADS_AS_TEXT = """
    abnormality abscess ache aneurysm anomaly arrest assay atrophy attack biopsy bleed bleeding block bypass calculus cancer
    carcinoma catheter complaint congestion contusion count culture cyst defect deficiency deficit deformity depression
    discharge discomfort disease dislocation disorder drainage dysfunction edema effusion embolism enlargement erosion
    examination excision failure fever fissure fistula fixation fluid fracture fusion graft hemorrhage hernia hypertrophy
    implant incision infarct infarction infection infiltrate infusion injection injury insertion insufficiency irritation
    ischemia laceration lesion level ligation loss malignancy mass medication murmur necrosis nodule obstruction pain palsy
    panel paralysis perforation polyp pressure procedure prolapse prosthesis rash reaction reconstruction reflux
    regurgitation removal repair replacement resection retraction rupture scan scar seizure shock shunt spasm sprain spur
    stenosis stent strain stricture study surgery swelling syndrome tear tenderness test therapy thickening thrombosis
    trauma treatment tumor ulcer vaccine weakness wound
"""
HEADS = frozenset(_HEADS_AS_TEXT.split())
_STOP_AS_TEXT = """
    a about above after again against all also although am an and any are around as at back be because been before being
    below between both but by can cannot could did do does done down due during each either every few for from further had
    has have having he her here hers him his how however i if in into is it its itself just left less like made may me might
    more most much must my near no non nor not now of off on once one only or other our out over own patient per prior put
    quite rather right same several she should since so some still such taken than that the their them then there therefore
    these they this those though three through thus to today together too toward two under until up upon us used using very
    via was we well were what when where whether which while who whom whose why will with within without would you your
"""
STOP = frozenset(_STOP_AS_TEXT.split())
MAX_WORDS = 4


class Word(NamedTuple):
    start: int
    end: int
    text: str


class Coverage(NamedTuple):
    """`missed`: phrase -> occurrences; `notes`: phrase -> notes it stands in; `meaningful` and `covered` count words."""

    missed: Counter[str]
    notes: Counter[str]
    meaningful: int
    covered: int


def coverage(engine: Engine, notes: Iterable[str]) -> Coverage:
    """The candidates of all notes that no mention covers."""
    missed: Counter[str] = Counter()
    notes_with: Counter[str] = Counter()
    meaningful = covered = 0
    for document in engine.annotate_many(notes):
        words = [Word(*match.span(), match[0]) for match in WORD.finditer(document.text)]
        taken = spans_of(document)
        known = [is_inside(word, taken) for word in words]
        for word, inside in zip(words, known, strict=True):
            if is_meaningful(word):
                meaningful += 1
                covered += inside
        found = list(candidates(words, known))
        missed.update(found)
        notes_with.update(set(found))
    return Coverage(missed, notes_with, meaningful, covered)


def spans_of(document: Document) -> list[tuple[int, int]]:
    """Where mentions, their cues and attributes, and headings stand, sorted."""
    spans = [(section.start, section.heading_end) for section in document.sections]
    for entity in document.entities:
        spans.append((entity.start, entity.end))
        spans += [(cue.start, cue.end) for cue in entity.cues]
        spans += [(attribute.start, attribute.end) for attribute in entity.attributes.values()]
    return sorted(spans)


def is_inside(word: Word, spans: list[tuple[int, int]]) -> bool:
    return any(start <= word.start and word.end <= end for start, end in spans)


def is_meaningful(word: Word) -> bool:
    return len(word.text) > 2 and word.text[0].isalpha() and word.text.lower() not in STOP


def candidates(words: list[Word], known: list[bool]) -> Iterator[str]:
    """The runs of up to four uncovered words that look clinical."""
    run: list[Word] = []
    for word, inside in [*zip(words, known, strict=True), (Word(0, 0, "."), True)]:
        if inside or not word.text[0].isalpha() or word.text.lower() in STOP:
            if run and looks_clinical(run):
                yield phrase_of(run)
            run = []
        else:
            run.append(word)


def looks_clinical(run: list[Word]) -> bool:
    last = run[-1].text
    if len(run) == 1 and last.isupper():
        return 2 <= len(last) <= 5
    low = last.lower()
    return ENDINGS.fullmatch(low) is not None or low in HEADS or low.removesuffix("s") in HEADS


def phrase_of(run: list[Word]) -> str:
    last = run[-MAX_WORDS:]
    return last[0].text if len(last) == 1 and last[0].text.isupper() else " ".join(word.text.lower() for word in last)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notes", type=Path, help="a folder of *.txt")
    parser.add_argument("--top", type=int, default=300)
    parser.add_argument("--pack", action="append", default=[])
    parser.add_argument("--lexicon", action="append", default=None)
    asked = parser.parse_args()
    engine = rulener.load(*asked.pack, lexicons=asked.lexicon)
    paths = sorted(asked.notes.rglob("*.txt"))
    found = coverage(engine, (path.read_text(encoding="utf-8", errors="replace") for path in paths))
    lines = [
        f"{len(paths)} notes, {found.meaningful} words with meaning, {found.covered / max(found.meaningful, 1):.1%} covered; "
        f"{sum(found.missed.values())} candidates missed, {len(found.missed)} different"
    ]
    most = sorted(found.missed.items(), key=lambda item: (-item[1], item[0]))[: asked.top]
    lines += [f"{count}\t{found.notes[phrase]}\t{phrase}" for phrase, count in most]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
