"""When two surfaces are the same to the matcher: the folding of docs/design/matching.md, for readers of tables.

`key` says for whole surfaces in plain Python what `rulener.core` says for notes; a property test compares the two. It saves a
table the variants that the matcher finds anyway (case, hyphens, slashes, apostrophes, the possessive 's, accents).
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_HYPHENS = "-\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"
_SLASHES = "/\u2044\u2215\uff0f"
_APOSTROPHES = "'\u2018\u2019\u02bc\uff07`"
_EM_DASHES = "\u2014\u2015\ufe58"
_IGNORED = "\u00ad\u200c\u200d\u2060\u200e\u200f" + "".join(map(chr, range(0xFE00, 0xFE10)))
_PLAIN = re.compile(r"[A-Za-z]+(?:[ /-][A-Za-z]+)*")
_TO_ASCII = str.maketrans(
    dict.fromkeys(_HYPHENS, "-")
    | dict.fromkeys(_SLASHES, "/")
    | dict.fromkeys(_APOSTROPHES, "'")
    | dict.fromkeys(_EM_DASHES, "\u2014")
    | dict.fromkeys(_IGNORED)
    | {c: " " for c in "\u200b\ufeff"}
)
_SOFT = str.maketrans("-/", "  ")
_TOKEN = re.compile(
    r"""(?<![^\W_])(?![a-z](?:\.[a-z])+[^\W_])[a-z](?:\.[a-z])+\.?           # dotted abbreviation
      | (?<![^\W_])[0-9]{1,3}(?:,[0-9]{3}(?![0-9]))+(?:\.[0-9]+)?             # number with comma groups
      | (?:(?<![^\W_])|(?<=[0-9]x))[0-9]+(?:\.[0-9]+)?                        # number, also after the x of a dimension
      | (?:(?<=[\s(\[<>=~:,])|(?<![\s\S]))\.[0-9]+                            # number that begins with its point
      | (?<=[0-9])x(?=[0-9])                                                  # the x of a dimension
      | [^\W_]+(?:'[^\W_]+)*                                                  # word
      | (?<!\S)-(?!\S) | -{2,}                                                # a dash that stands alone
      | [^\w\s'/-] | _                                                        # punctuation
    """,
    re.VERBOSE,
)


def key(surface: str) -> str:
    """The folded tokens of a surface, joined by spaces: equal keys, equal to the matcher. Empty when it has no token."""
    if _PLAIN.fullmatch(surface):
        return surface.lower().translate(_SOFT)
    text = surface.translate(_TO_ASCII).lower()
    if text.isascii():
        return " ".join([_token(found) for found in _TOKEN.findall(text)])
    # Words are folded after they are found: "a.é" is no dotted abbreviation, though "a.e" is one.
    text = "".join([c for c in text if c.isascii() or not unicodedata.combining(c)])
    return " ".join([_token("".join([c if c.isascii() else _folded(c) for c in found])) for found in _TOKEN.findall(text)])


@cache
def _folded(char: str) -> str:
    """What a code point adds to a word's key: accents, ligatures and widths folded."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    return "".join(c for c in folded if not unicodedata.combining(c))


def _token(found: str) -> str:
    if found[0].isdigit() or (found[0] == "." and len(found) > 1):
        return found.replace(",", "")
    if "." in found and len(found) > 1:
        return found.replace(".", "")
    if "'" in found:
        return found.removesuffix("'s").replace("'", "")
    return "-" if found[0] in "-\u2014" else found
