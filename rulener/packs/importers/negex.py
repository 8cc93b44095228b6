"""NegEx and ConText trigger lists: one phrase a line, then tabs or blanks, then a tag.

The tag stands in brackets (`no evidence of <TAB><TAB> [PREN]`, the lists of the Java and Python NegEx) or bare in the last of
two tab- or comma-separated columns (older lists). What the tags mean: Chapman et al., J Biomed Inform 34(5), 2001.
"""

from __future__ import annotations

import re
from pathlib import Path

from rulener.errors import UsageError
from rulener.packs.importers.reading import ForeignCue, Meaning, Reading, as_cue, columns_of, read_text
from rulener.packs.model import Direction, Place

_BOTH = ("negated", "uncertain")
DEFAULTS = {
    "PREN": Meaning(("negated",), Direction.FORWARD),
    "POST": Meaning(("negated",), Direction.BACKWARD),
    "PREP": Meaning(("uncertain",), Direction.FORWARD),
    "POSP": Meaning(("uncertain",), Direction.BACKWARD),
    "PSEU": Meaning(_BOTH, Direction.PSEUDO),
    "CONJ": Meaning(_BOTH, Direction.STOP),
}
_LONG_NAMES = {
    "PRENEG": "PREN",
    "PRENEGATION": "PREN",
    "POSTNEG": "POST",
    "POSTNEGATION": "POST",
    "PREPOSS": "PREP",
    "PREPOSSIBLE": "PREP",
    "POSTPOSS": "POSP",
    "POSTPOSSIBLE": "POSP",
    "PSEUDO": "PSEU",
    "PSEUDONEG": "PSEU",
    "TERMINATION": "CONJ",
    "CONJUNCTION": "CONJ",
}
_BRACKETED = re.compile(r"(?P<phrase>.*?)\s*\[(?P<tag>[A-Za-z_]+)\]\s*")
_TAG = re.compile(r"[A-Za-z_]+")


def read(path: Path) -> Reading:
    """The triggers of a list. U230: unreadable; U231: no line has a tag."""
    reading = Reading("negex", DEFAULTS)
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        place = Place(path.name, number, 1)
        phrase, tag = _split(line)
        if tag is None:
            reading.leave("line without a tag such as [PREN]", place, line)
        elif not phrase:
            reading.leave("tag without a phrase", place, line)
        else:
            category = _LONG_NAMES.get(tag, tag)
            known = DEFAULTS.get(category)
            reading.cues.append(ForeignCue(as_cue(phrase), category, known.direction if known else None, place, phrase))
    if not reading.cues:
        raise UsageError(
            "U231",
            "no line of the file is a NegEx trigger",
            place=path.name,
            hint="a line is a phrase, a tab and a tag such as [PREN]",
        )
    return reading


def _split(line: str) -> tuple[str, str | None]:
    """(phrase, tag in capitals or None)"""
    if match := _BRACKETED.fullmatch(line):
        return match["phrase"].strip().strip('"').rstrip(",").strip(), match["tag"].upper()
    for delimiter in ("\t", ","):
        columns = [cell for cell in columns_of(line, delimiter) if cell]
        if len(columns) == 2 and _TAG.fullmatch(columns[1]):
            return columns[0], columns[1].upper()
    return line.strip(), None
