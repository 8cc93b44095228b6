"""Abbreviations that a note defines itself: "congestive heart failure (CHF)", "CHF (congestive heart failure)".

The algorithm is that of A. S. Schwartz and M. A. Hearst, "A simple algorithm for identifying abbreviation definitions in
biomedical text", Pacific Symposium on Biocomputing 8 (2003), 451-462: the characters of the short form are looked for from right
to left in the words beside the bracket, its first character at the beginning of a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rulener.linking.words import FUNCTION_WORDS

MAX_SHORT = 10
MAX_SHORT_WORDS = 2
MAX_LONG_WORDS = 12

_BRACKET = re.compile(r"[(\[]([^()\[\]\n]{2,120})[)\]]")
_CLAUSE = re.compile(r"[.;:()\[\]]\s|[\n]")


SYMBOLS = {  # of chemical elements and simple compounds, written exactly so
    "Al": "aluminum", "As": "arsenic", "Au": "gold", "Ba": "barium", "Bi": "bismuth", "Br": "bromine", "Ca": "calcium",
    "Cd": "cadmium", "Cl": "chlorine", "Co": "cobalt", "Cr": "chromium", "Cu": "copper", "Fe": "iron", "Ga": "gallium",
    "Gd": "gadolinium", "Hg": "mercury", "K": "potassium", "Li": "lithium", "Mg": "magnesium", "Mn": "manganese",
    "Na": "sodium", "Ni": "nickel", "Pb": "lead", "Pt": "platinum", "Ra": "radium", "Se": "selenium", "Sn": "tin",
    "Tl": "thallium", "Zn": "zinc", "NaCl": "sodium chloride", "KCl": "potassium chloride", "CaCl2": "calcium chloride",
    "CaCl(2)": "calcium chloride", "H2O": "water", "H2O2": "hydrogen peroxide", "O2": "oxygen", "CO2": "carbon dioxide",
    "CO": "carbon monoxide", "NO": "nitric oxide", "N2O": "nitrous oxide", "NaHCO3": "sodium bicarbonate",
    "MgSO4": "magnesium sulfate", "HCl": "hydrochloric acid", "Na+": "sodium", "K+": "potassium", "Ca2+": "calcium",
    "Ca(2+)": "calcium", "Mg2+": "magnesium", "LiCl": "lithium chloride", "NH3": "ammonia", "NH4Cl": "ammonium chloride",
    "CCl4": "carbon tetrachloride", "CCl(4)": "carbon tetrachloride", "N2": "nitrogen", "H2": "hydrogen", "H": "hydrogen",
    "FeCl3": "ferric chloride", "CdCl2": "cadmium chloride", "HgCl2": "mercuric chloride", "AlCl3": "aluminum chloride",
    "FeSO4": "ferrous sulfate", "ZnSO4": "zinc sulfate", "KBr": "potassium bromide", "NaF": "sodium fluoride",
    "NaOH": "sodium hydroxide", "HgCl": "mercury chloride", "MgCl2": "magnesium chloride", "H2S": "hydrogen sulfide",
}  # fmt: skip


class Definition(NamedTuple):
    """A short form and the span of the long form that the note gives for it; sure when its letters are the words' initials or a
    bracket says so."""

    short: str
    start: int
    end: int
    is_sure: bool = True


def definitions(text: str) -> dict[str, Definition]:
    """What each short form stands for; the first definition of a note counts."""
    found: dict[str, Definition] = {}
    for match in _BRACKET.finditer(text):
        for definition in _of_bracket(text, match):
            found.setdefault(definition.short, definition._replace(start=_word_start(text, definition.start)))
    return found


def _word_start(text: str, start: int) -> int:
    """Where the hyphenated word begins in which a long form begins: "13-cis-retinoic acid (cis-RA)". Not part of the published
    algorithm."""
    while start > 1 and text[start - 1] == "-" and text[start - 2].isalnum():
        start -= 2
        while start > 0 and (text[start - 1].isalnum() or text[start - 1] == ","):
            start -= 1
    return start


def of_brackets(text: str, spans: Sequence[tuple[int, int, str]], defined: Mapping[str, Definition]) -> dict[str, Definition]:
    """Short forms among the mentions of a note that the algorithm does not match, with the mention of the same label right before
    their bracket whose first letter they have: "cyclosporine (CSA)", "phlorizin (P)"."""
    made: dict[str, Definition] = {}
    by_end = {end: (start, label) for start, end, label in spans}
    for start, end, label in spans:
        short = text[start:end]
        if short in made or short in defined or text[start - 1 : start] not in ("(", "[") or not _is_capitals(short):
            continue
        before = len(text[: start - 1].rstrip())
        low, of_label = by_end.get(before, (before, ""))
        if of_label == label and before - low > len(short) and text[low].lower() == short[0].lower():
            made[short] = Definition(short, low, before)
    return made


def implied(text: str, spans: Sequence[tuple[int, int, str]], defined: Mapping[str, Definition]) -> dict[str, Definition]:
    """Short forms among the mentions that the note nowhere defines, with the only other wording of their label whose words they
    abbreviate: "overactive bladder ... OAB"."""
    undefined: dict[str, str] = {}
    for start, end, label in spans:
        short = text[start:end]
        if len(short) >= 2 and _is_capitals(short) and meaning(defined, short) is None:
            undefined.setdefault(short, label)
    made: dict[str, Definition] = {}
    for short, label in undefined.items():
        letters = short[:-1] if len(short) > 2 and short.endswith("s") else short
        found: dict[str, Definition] = {}
        for low, high, of_label in spans:
            if of_label == label and high - low > 2 * len(short) and _abbreviates(letters, text, low, high):
                is_sure = len(letters) > 1 and _initials(letters, text, high) == low
                found.setdefault(text[low:high].lower(), Definition(short, low, high, is_sure))
        if len(found) == 1:
            made[short] = next(iter(found.values()))
    return made


def _is_capitals(short: str) -> bool:
    """Whether this is a short form in capitals, a plural s aside; one letter is, too."""
    letters = short[:-1] if len(short) > 2 and short.endswith("s") else short
    return len(short) <= MAX_SHORT and letters.isupper() and re.fullmatch(r"\w[\w,'-]*", letters) is not None


def _abbreviates(short: str, text: str, start: int, end: int) -> bool:
    """Whether a short form has the initials of these words, or of one word its first and two more letters."""
    if text.startswith(short, start) or _is_capitals(text[start:end]):
        return False
    if _initials(short, text, end) == start:
        return True
    initials = {word[0].lower() for word in re.findall(r"[^\W\d_][^\s-]*", text[start:end]) if word.lower() not in FUNCTION_WORDS}
    return initials <= set(short.lower()) and _match(short, text, start, end) == start


def meaning(defined: Mapping[str, Definition], surface: str) -> Definition | None:
    """The definition of a short form, of its singular or of its plural."""
    return defined.get(surface) or defined.get(surface.removesuffix("s")) or defined.get(surface + "s")


def stands_for(short: str, text: str, start: int, end: int) -> bool:
    """Whether the short form can stand for just this part of the text."""
    if not is_short_form(short):
        return False
    if _initials(short, text, end) == start:
        return True
    return _match(short, text, start, end) == start or _permuted(short, text, end) == start


def _of_bracket(text: str, match: re.Match[str]) -> Iterator[Definition]:
    inside = match.group(1)
    short = re.split(r"[,;:]|\sor\s", inside)[0].strip(" '\"\u201c\u201d")
    before_end = len(text[: match.start()].rstrip())
    if is_short_form(short):
        begin = _initials(short, text, before_end)
        if begin is not None:
            yield Definition(short, begin, before_end)
            return
        start = _clause_start(text, before_end, min(len(short) + 5, len(short) * 2))
        begin = _match(short, text, start, before_end)
        if begin is not None:
            yield Definition(short, begin, before_end)
            return
        begin = _permuted(short, text, before_end)
        if begin is not None:
            yield Definition(short, begin, before_end)
            return
    word = re.search(r"[^\s()\[\],;.]+$", text[:before_end][-MAX_SHORT - 1 :])
    if word and is_short_form(word.group()) and any(char.isupper() for char in word.group()):
        low, high = match.start(1), match.end(1)
        if len(inside.split()) >= 2 and _match(word.group(), text, low, high) == low:
            yield Definition(word.group(), low, high)


def _initials(short: str, text: str, end: int) -> int | None:
    """Where the words begin whose initials, in this order, are the capitals of the short form, a plural s aside; function words
    between them need no letter. Not part of the published algorithm, whose first match can be too short: "(COC)" would be
    "contraceptives" of "combined oral contraceptives"."""
    letters = short[:-1] if short.endswith("s") and short[:-1].isupper() else short
    if not (letters.isalpha() and letters.isupper()):
        return None
    low = max(0, end - 120)
    found = list(re.finditer(r"[^\W\d_][^\s-]*", text[low:end]))
    left = list(letters)
    while left and found:
        word = found.pop()
        if word.group()[0].upper() == left[-1]:
            left.pop()
            begin = low + word.start()
        elif word.group().lower() not in FUNCTION_WORDS or len(left) == len(letters):
            return None
    return None if left or _CLAUSE.search(text, begin, end) else begin


def _permuted(short: str, text: str, end: int) -> int | None:
    """Where as many words as the short form has capitals begin when their initials are these capitals in another order:
    "myotonic dystrophy (DM)". Not part of the published algorithm."""
    if not (2 <= len(short) <= 4 and short.isalpha() and short.isupper()):
        return None
    found = list(re.finditer(r"[^\W\d_][^\s-]*", text[max(0, end - 120) : end]))[-len(short) :]
    if len(found) < len(short) or sorted(m.group()[0].upper() for m in found) != sorted(short):
        return None
    return max(0, end - 120) + found[0].start()


def is_short_form(text: str) -> bool:
    """Two to ten characters, at most two words, a letter, and a letter or digit first."""
    return (
        2 <= len(text) <= MAX_SHORT
        and len(text.split()) <= MAX_SHORT_WORDS
        and text[0].isalnum()
        and any(char.isalpha() for char in text)
    )


def _clause_start(text: str, end: int, words: int) -> int:
    """Where the last `words` words of the clause before `end` begin."""
    low = max(0, end - 200)
    for stop in _CLAUSE.finditer(text, low, end):
        low = stop.end()
    starts = [m.start() for m in re.finditer(r"\S+", text[low:end])]
    return low + starts[-min(words, MAX_LONG_WORDS)] if len(starts) > words else low


def _match(short: str, text: str, start: int, end: int) -> int | None:
    """Where the long form begins that ends at `end`; None when the short form's characters are not found in it."""
    at = end - 1
    for number in range(len(short) - 1, -1, -1):
        char = short[number].lower()
        if not char.isalnum():
            continue
        while at >= start and (text[at].lower() != char or (number == 0 and at > start and (text[at - 1].isalnum()))):
            at -= 1
        if at < start:
            return None
        at -= 1
    begin = at + 1
    long = text[begin:end]
    if len(long) <= len(short) or short.lower() in long.lower().split():
        return None
    return begin
