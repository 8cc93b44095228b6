"""The names of an artifact, to be looked up in other words: built when it is first needed, from the artifact alone, and kept.

Names are found by hashes of their words (as they stand, joined, in any order), of their stems and of their units, and by the
units they share with a mention. Everything is numpy arrays, mapped from a file in the cache once they are there (`store.py`).
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rulener.linking import store, words
from rulener.linking.forms import Forms, read_forms, spellings

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
_TERM = np.dtype({"names": ["label"], "formats": ["<u2"], "offsets": [10], "itemsize": 28})
LEVELS = ("words", "joined", "word_order", "word_form", "synonym")
_ODD = (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93, 0xA24BAED4963EE407)
_MASK = (1 << 64) - 1
_BASE = 0x9E3779B97F4A7C15  # of the hash of a name's letters
WEAK_WEIGHT = 1.0  # of words that say nothing particular
UNKNOWN_SHARE = 0.6  # what a word of no name weighs, as a share of what one of one name does
SPECIFIC = 1.2  # words that only the name has count so much more than those that only the mention has
KEPT_FROM = 20_000  # an index of fewer names is built faster than it is worth keeping
COMMON = 20_000  # units of more names than this find none by themselves


class NameIndex:
    """The names of an artifact by words, stems and units."""

    def __init__(self, sections: Mapping[str, Any], kept: tuple[Mapping[str, npt.NDArray[Any]], Mapping[str, float]]) -> None:
        """From what `build` made or `store.load` mapped."""
        arrays, numbers = kept
        self.forms = Forms(arrays["tokens"], arrays["offsets"], arrays["terms"], arrays["term_offsets"])
        self._label_of_term = np.frombuffer(sections["terms"], _TERM)["label"]
        self._of_labels: dict[frozenset[int], npt.NDArray[np.bool_]] = {}
        self._levels = {name: (arrays[f"{name}_sums"], arrays[f"{name}_names"]) for name in LEVELS}
        self._letters, self._letter_offsets = arrays["letters"], arrays["letter_offsets"]
        self._unit_hashes, self._unit_numbers = arrays["unit_hashes"], arrays["unit_numbers"]
        self._names, self._begins, self._weights = arrays["names"], arrays["begins"], arrays["weights"]
        self._name_weight, self._name_units = arrays["name_weight"], arrays["name_units"]
        self._unknown_weight = numbers["unknown_weight"]
        self._numbers: dict[str, int | None] = {}

    @classmethod
    def of(cls, sections: Mapping[str, Any], path: Path | None = None, key: str = "") -> NameIndex:
        """The index of an artifact: the one kept at `path` for `key`, or one built now and, when it is large, put there. Raises
        ValueError and its like for a damaged artifact."""
        kept = None if path is None else store.load(path, key)
        if kept is not None:
            with contextlib.suppress(KeyError, ValueError):  # of another version's making
                return cls(sections, kept)
        arrays, numbers = build(sections)
        if path is not None and len(arrays["offsets"]) > KEPT_FROM:
            store.save(path, key, arrays, numbers)
        return cls(sections, (arrays, numbers))

    @property
    def spellings(self) -> list[str]:
        """The folded spelling of every token number. All of them: slow for a large vocabulary."""
        return [self._spelling(number) for number in range(len(self._letter_offsets) - 1)]

    def _spelling(self, number: int) -> str:
        low, high = int(self._letter_offsets[number]), int(self._letter_offsets[number + 1])
        return self._letters[low:high].tobytes().decode("utf-8", "replace")

    def _unit(self, name: str) -> int | None:
        """The number of a unit; None when no name has it."""
        if name not in self._numbers:
            wanted = np.uint64(_hash(name))
            at = int(np.searchsorted(self._unit_hashes, wanted))
            known = at < len(self._unit_hashes) and self._unit_hashes[at] == wanted
            if len(self._numbers) >= 1 << 16:
                self._numbers.clear()
            self._numbers[name] = int(self._unit_numbers[at]) if known else None
        return self._numbers[name]

    # --- looking up ---------------------------------------------------------------------------------------------------

    def find(self, level: str, keys: Sequence[str]) -> list[int]:
        """The names with these words at a level; `keys` are folded words, function words and all."""
        sums, forms = self._levels[level]
        wanted = np.uint64(self._sum(level, keys))
        low, high = np.searchsorted(sums, wanted, "left"), np.searchsorted(sums, wanted, "right")
        return sorted(forms[low:high].tolist())

    def _sum(self, level: str, keys: Sequence[str]) -> int:
        if level == "words":
            ordered: int = sum(_mix_one(_hash(key) + (k + 1) * _ODD[2]) for k, key in enumerate(keys)) & _MASK
            return ordered
        if level == "joined":
            return _letters("".join(keys))
        content = words.content_words(keys)
        if level == "word_order":
            read: Iterable[str] = content
        elif level == "word_form":
            read = map(words.stem, content)
        else:
            read = map(words.unit, content)
        made: int = sum(_mix_one(_hash(word)) for word in read) & _MASK
        return made

    def overlapping(self, units: Iterable[str], least: float, labels: frozenset[int] | None = None) -> list[tuple[float, int]]:
        """Names by how much they share with the mention's units (Tversky's index, words that only the name has counting SPECIFIC,
        those that only the mention has 2 - SPECIFIC), every unit weighted by how rare it is in names. The best and those near it,
        at least `least`; equals by length, then in the order of names. With `labels` only names of terms with one of them."""
        wanted = sorted(set(units))
        numbers = {name: number for name in wanted if (number := self._unit(name)) is not None}
        known = list(numbers.values())
        weight = float(sum(self._weights[number] for number in known)) + self._unknown_weight * (len(wanted) - len(known))
        strong = {number for name, number in numbers.items() if _is_strong(name)}
        rare = [number for number in known if number in strong and self._begins[number + 1] - self._begins[number] <= COMMON]
        if not rare:
            return []
        names = np.concatenate([self._names[self._begins[number] : self._begins[number + 1]] for number in rare])
        shared_weight = np.repeat(self._weights[rare], [self._begins[k + 1] - self._begins[k] for k in rare])
        if not len(names):
            return []
        found, inverse = np.unique(names, return_inverse=True)
        shared = np.bincount(inverse, weights=shared_weight)
        if labels is not None:
            fits = self._with_labels(labels)[found]
            found, shared = found[fits], shared[fits]
            if not len(found):
                return []
        for number in set(known) - set(rare):
            posting = self._names[self._begins[number] : self._begins[number + 1]]
            if not len(posting):
                continue
            at = np.minimum(np.searchsorted(posting, found), len(posting) - 1)
            shared = shared + np.where(posting[at] == found, self._weights[number], 0.0)
        extra, missing = weight - shared, self._name_weight[found] - shared
        scores = np.round(2 * shared / (2 * shared + (2 - SPECIFIC) * extra + SPECIFIC * missing), 6)
        top = float(scores.max())
        if top < least:
            return []
        best = np.nonzero(scores >= top - 0.15)[0]
        order = best[np.lexsort((found[best], self._name_units[found[best]], -scores[best]))][:64]
        return [(float(scores[k]), int(found[k])) for k in order]

    def _with_labels(self, labels: frozenset[int]) -> npt.NDArray[np.bool_]:
        """Whether each name has a term with one of these labels."""
        known = self._of_labels.get(labels)
        if known is None:
            terms = np.minimum(self.forms.terms, max(len(self._label_of_term) - 1, 0))
            fits = np.isin(self._label_of_term[terms], sorted(labels))
            begins = self.forms.term_offsets.astype(np.int64)
            sums = np.concatenate([[0], np.cumsum(fits)])
            known = self._of_labels[labels] = sums[begins[1:]] > sums[begins[:-1]]
        return known

    def terms(self, name: int) -> list[int]:
        low, high = int(self.forms.term_offsets[name]), int(self.forms.term_offsets[name + 1])
        return [int(term) for term in self.forms.terms[low:high]]

    def text(self, name: int) -> str:
        """A name as its folded words."""
        low, high = int(self.forms.offsets[name]), int(self.forms.offsets[name + 1])
        return " ".join(self._spelling(token) for token in self.forms.tokens[low:high].tolist())


def build(sections: Mapping[str, Any]) -> tuple[store.Arrays, dict[str, float]]:
    """The arrays of an artifact's index, and its single numbers."""
    known = spellings(sections)
    forms = read_forms(sections)
    offsets = forms.offsets.astype(np.int64)
    n = len(offsets) - 1
    form = np.repeat(np.arange(n), np.diff(offsets))
    token = forms.tokens
    kept, stems, units = _vocabulary(known)
    content = kept[token] == 2
    # A name of function words only is compared by all of them.
    lengths = np.bincount(form[content], minlength=n)
    content |= (lengths[form] == 0) & (kept[token] > 0)
    wordlike = kept[token] > 0
    spelled, stem_hash, unit_hash = (np.array([_hash(word) for word in names], np.uint64) for names in (known, stems, units))
    within = form[wordlike]
    starts = np.nonzero(np.diff(within, prepend=-1))[0]
    place = np.arange(len(within)) - np.repeat(starts, np.diff(np.append(starts, len(within))))
    ordered = _mix(spelled[token[wordlike]] + (place.astype(np.uint64) + np.uint64(1)) * np.uint64(_ODD[2]))
    made: store.Arrays = dict(forms._asdict())
    for name, form_of, hashes in (
        ("words", within, ordered),
        ("joined", within, _joined(within, token[wordlike], known)),
        ("word_order", form[content], _mix(spelled[token[content]])),
        ("word_form", form[content], _mix(stem_hash[token[content]])),
        ("synonym", form[content], _mix(unit_hash[token[content]])),
    ):
        made[f"{name}_sums"], made[f"{name}_names"] = _sorted_sums(form_of, hashes, n)
    letters = [word.encode("utf-8", "replace") for word in known]
    made["letters"] = np.frombuffer(b"".join(letters), np.uint8)
    made["letter_offsets"] = np.concatenate([[0], np.cumsum([len(raw) for raw in letters])]).astype(np.uint64)
    numbers = _postings(form[content], token[content], units, n, made)
    return made, numbers


def _vocabulary(known: Sequence[str]) -> tuple[npt.NDArray[np.int8], list[str], list[str]]:
    """Per token: 0 no word, 1 a function word, 2 another; its stem; its unit."""
    kept = np.zeros(len(known), np.int8)
    stems, units = [""] * len(known), [""] * len(known)
    for number, word in enumerate(known):
        if number and words.is_word(word):
            kept[number] = 1 if word in words.FUNCTION_WORDS else 2
            stems[number], units[number] = words.stem(word), words.unit(word)
    return kept, stems, units


def _joined(form: I64, token: Any, known: Sequence[str]) -> U64:
    """What every word adds to the hash of its name's letters written together."""
    letters = np.array([_letters(word) for word in known], np.uint64)
    lengths = np.array([len(word) for word in known], np.int64)[token]
    ends = np.cumsum(lengths)
    last = np.append(np.nonzero(np.diff(form))[0], len(form) - 1) if len(form) else np.zeros(0, np.int64)
    behind = np.repeat(ends[last], np.diff(np.concatenate([[-1], last]))) - ends
    powers = np.ones(int(behind.max(initial=0)) + 1, np.uint64)
    for k in range(1, len(powers)):
        powers[k] = np.uint64(int(powers[k - 1]) * _BASE & _MASK)
    made: U64 = letters[token] * powers[behind]
    return made


def _postings(form: I64, token: Any, units: list[str], n: int, made: store.Arrays) -> dict[str, float]:
    """Per unit the names that have it, and the weight of every name."""
    number_of: dict[str, int] = {}
    of_token = np.zeros(len(units), np.int64)
    for number, name in enumerate(units):
        of_token[number] = number_of.setdefault(name, len(number_of))
    pairs = np.unique(of_token[token] * np.int64(n + 1) + form)
    unit, names = pairs // (n + 1), (pairs % (n + 1)).astype(np.uint32)
    counts = np.bincount(unit, minlength=len(number_of))
    weights = np.log1p(n / np.maximum(counts, 1))
    for name in (words.GENERIC, *sorted(words.WEAK_UNITS)):
        if name in number_of:
            weights[number_of[name]] = WEAK_WEIGHT
    hashes = np.array([_hash(name) for name in number_of], np.uint64)
    order = np.argsort(hashes, kind="stable")
    made["unit_hashes"], made["unit_numbers"] = hashes[order], order.astype(np.uint32)
    made["names"], made["weights"] = names, weights
    made["begins"] = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    made["name_weight"] = np.bincount(names, weights=weights[unit], minlength=n)
    made["name_units"] = np.bincount(names, minlength=n).astype(np.uint32)
    return {"unknown_weight": UNKNOWN_SHARE * float(np.log1p(n))}


@cache
def version() -> str:
    """A digest of what decides how names are indexed, so that an index kept by another version is not read."""
    digest = hashlib.sha256()
    for name in ("words.py", "index.py", "forms.py", "store.py"):
        digest.update(files("rulener.linking").joinpath(name).read_bytes())
    return digest.hexdigest()[:16]


def _is_strong(unit: str) -> bool:
    """Whether sharing this unit says something: a word of four letters or more that is neither generic nor weak."""
    return len(unit) >= 4 and unit.isalpha() and unit != words.GENERIC and unit not in words.WEAK_UNITS


def _hash(word: str) -> int:
    """FNV-1a, 64 bits."""
    made = 0xCBF29CE484222325
    for byte in word.encode("utf-8", "surrogatepass"):
        made = ((made ^ byte) * 0x100000001B3) & _MASK
    return made


def _letters(text: str) -> int:
    """A polynomial of the characters: that of two texts joined follows from theirs."""
    made = 0
    for char in text:
        made = (made * _BASE + ord(char) + 1) & _MASK
    return made


def _mix(hashes: Any) -> U64:
    made = hashes.astype(np.uint64)
    made ^= made >> np.uint64(31)
    made *= np.uint64(_ODD[0])
    made ^= made >> np.uint64(29)
    made *= np.uint64(_ODD[1])
    made ^= made >> np.uint64(32)
    mixed: U64 = made
    return mixed


def _mix_one(value: int) -> int:
    value = value & _MASK
    value ^= value >> 31
    value = value * _ODD[0] & _MASK
    value ^= value >> 29
    value = value * _ODD[1] & _MASK
    return value ^ value >> 32


def _sorted_sums(form: I64, hashes: U64, n: int) -> tuple[U64, npt.NDArray[np.uint32]]:
    """The sum of every form's hashes, sorted, with the forms; forms without any are left out."""
    sums = np.zeros(n, np.uint64)
    if len(form):
        starts = np.nonzero(np.diff(form, prepend=-1))[0]
        sums[form[starts]] = np.add.reduceat(hashes, starts)
    has = np.bincount(form, minlength=n) > 0
    forms = np.nonzero(has)[0]
    order = np.argsort(sums[forms], kind="stable")
    return sums[forms][order], forms[order].astype(np.uint32)
