"""What a check is, and how two texts are found to be the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from rulener.packs.diagnostics import Diagnostic
from rulener.packs.model import Pack
from rulener.packs.patterns import APOSTROPHES, HYPHENS, SLASHES

_SOFT = re.compile(f"[\\s{re.escape(HYPHENS + SLASHES)}]+")
_HARD_HYPHEN = re.compile(f"(?<!\\S)[{re.escape(HYPHENS)}]+(?!\\S)|[{re.escape(HYPHENS)}]{{2,}}")
_APOSTROPHE = re.compile(f"[{re.escape(APOSTROPHES)}]")
_POSSESSIVE = re.compile(r"'s\b")


class Check(Protocol):
    """One lint. `code` is registered in diagnostics.TITLES."""

    @property
    def code(self) -> str: ...

    def check(self, packs: Sequence[Pack]) -> list[Diagnostic]:
        """All findings in these packs."""
        ...


@lru_cache(maxsize=1 << 16)
def folded(surface: str) -> str:
    """The surface as notes are compared with it, nearly: case, accents, spaces, tight hyphens, slashes, possessives fold.

    The core's own folding (docs/design/matching.md) is finer; for telling repeated texts this is close enough, and never
    takes two texts for the same that the core keeps apart.
    """
    text = unicodedata.normalize("NFKD", _APOSTROPHE.sub("'", surface)).casefold()
    text = _POSSESSIVE.sub("", text).replace("'", "")
    if not text.isascii():
        text = "".join(char for char in text if unicodedata.combining(char) in (0, 7, 8, 9))
    return _SOFT.sub(" ", _HARD_HYPHEN.sub(" \u2014 ", text)).strip()
