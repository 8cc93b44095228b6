""" "Levodopa-induced dyskinesia", "hepatitis due to isoniazid": where a note says that a drug is the cause of something.

Terminologies have names for the drug-induced kind of many disorders; a note that names the drug means them, there and where it
says the same words again. What counts as a drug is told by the names of the artifact and by the note's other mentions, so
"stress-induced" and "exercise-induced" are no drug's doing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rulener.linking import words
from rulener.linking.note import Note

DRUG_LABELS = frozenset(("medication", "substance", "drug", "chemical"))
# How names say that a drug is the cause, the usual way first.
CAUSED = (
    ("drug", "induced"),
    ("drug",),
    ("substance", "induced"),
    ("chemically", "induced"),
    ("medication", "induced"),
    ("toxic",),
)
_LINKS = frozenset(("induced", "associated", "related", "provoked", "precipitated", "triggered"))
_BEHIND = (  # between a disorder and its cause
    ("induced", "by"), ("caused", "by"), ("produced", "by"), ("triggered", "by"), ("precipitated", "by"), ("provoked", "by"),
    ("due", "to"), ("secondary", "to"), ("associated", "with"), ("related", "to"), ("reaction", "to"), ("reactions", "to"),
    ("to",), ("following",), ("after",),
)  # fmt: skip
_FIRST = _LINKS | {phrase[0] for phrase in _BEHIND}
_DRUG_TEXT = """
    drug drugs medication medications chemotherapy antibiotic antibiotics antipsychotic antipsychotics neuroleptic neuroleptics
    anticonvulsant anticonvulsants antidepressant antidepressants opioid opioids steroid steroids statin statins
"""
DRUG_WORDS = frozenset(_DRUG_TEXT.split())
MAX_DRUG_WORDS = 3
_REACH = 3  # words between "due to" and the drug: "due to high-dose oral methotrexate"

IsDrug = Callable[[Sequence[str]], bool]


def may_name_causes(note: Note) -> bool:
    """Whether a word of the note can lead to the cause of something."""
    known: bool | None = note.known.get("may_name_causes")
    if known is None:
        known = note.known["may_name_causes"] = any(key in _FIRST for key, _, _ in note.words)
    return known


class Causes:
    """Where in a note something begins that a drug induced, and where something ends that is then said to be a drug's doing."""

    def __init__(self, note: Note, is_drug: IsDrug) -> None:
        self._keys = [key for key, _, _ in note.words]
        self._stems = [words.stem(key) for key in self._keys]
        self._covered = _covered(note)
        self._note = note
        self._is_drug = is_drug
        self.begins = set(self._begins())
        self.ends = set(self._ends())

    def __contains__(self, keys: Sequence[str]) -> bool:
        """Whether these words stand somewhere in the note as what a drug has caused."""
        stems = [words.stem(key) for key in keys]
        n = len(stems)
        return any(self._stems[k : k + n] == stems for k in self.begins) or any(
            self._stems[max(0, k - n) : k] == stems for k in self.ends
        )

    def _begins(self) -> Iterator[int]:
        for k, key in enumerate(self._keys):
            if key in _LINKS and k + 1 < len(self._keys) and self._drug_before(k):
                yield k + 1

    def _ends(self) -> Iterator[int]:
        for k in range(1, len(self._keys)):
            for phrase in _BEHIND:
                if self._keys[k] == phrase[0] and tuple(self._keys[k : k + len(phrase)]) == phrase:
                    if self._drug_after(k + len(phrase)):
                        yield k
                    break

    def _drug_before(self, k: int) -> bool:
        return any(k - n >= 0 and self._names_drug(k - n, k) for n in range(1, MAX_DRUG_WORDS + 1))

    def _drug_after(self, k: int) -> bool:
        """Whether a drug begins within reach, in the same sentence."""
        for low in range(k, min(k + _REACH, len(self._keys))):
            if low > k and "." in self._note.text[self._note.words[low - 1][2] : self._note.words[low][1]]:
                return False
            if any(self._names_drug(low, low + n) for n in range(1, MAX_DRUG_WORDS + 1) if low + n <= len(self._keys)):
                return True
        return False

    def _names_drug(self, low: int, high: int) -> bool:
        keys = self._keys[low:high]
        if len(keys) == 1 and (keys[0] in DRUG_WORDS or low in self._covered):
            return True
        return self._is_drug(keys)


def _covered(note: Note) -> set[int]:
    """The words of the note that lie in a mention of a drug."""
    spans = [(start, end) for start, end, label in note.spans if label.lower() in DRUG_LABELS]
    return {k for k, (_, low, high) in enumerate(note.words) if any(start < high and low < end for start, end in spans)}
