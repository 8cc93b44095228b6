"""Regexes whose time explodes: measured, not guessed.

A regex is run on texts made to hurt it: the beginnings of its own examples, anchors and words, each followed by a run of one
character, an end that does not fit, and the regex's own letters out of order (so that a check for a required letter passes). A
repeat whose alternatives match the same, such as `(\\d|\\d\\d)+`, needs 2^n steps on a run of n; what is merely quadratic ends
in time on so short a run, on any machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import regex as regex_package

from rulener.packs.anchors import regex_anchors
from rulener.packs.cases import parse_marked
from rulener.packs.diagnostics import Diagnostic, Findings
from rulener.packs.model import Pack, Pattern

RUN = 64  # characters in a row
FIRST_SECONDS, SECONDS = 0.1, 1.0  # a slow first measurement is made again, so that a busy machine raises no alarm
_UNBOUNDED = re.compile(r"[*+]|\{\d*,\}")
_WORDS = re.compile(r"[A-Za-z]{2,}[ :#]*")
_LETTERS = re.compile(r"(?<!\\)[A-Za-z0-9]+")
_CHARACTERS = "a0 -.:"
_MAX_PREFIXES = 40


class RunawayRegex:
    """`(\\d|\\d\\d)+x` on a long number with no x behind it."""

    code = "R322"

    def check(self, packs: Sequence[Pack]) -> list[Diagnostic]:
        """All findings in these packs."""
        findings = Findings()
        for pack in packs:
            for pattern in pack.patterns:
                if pattern.regex is not None and (length := _runs_away(pattern)):
                    findings.warning(
                        self.code,
                        f"this regex runs away: it needs more than {SECONDS:g} s for a text of {length} characters",
                        pattern.regex.place,
                        notes=["a note on which a regex runs too long cannot be annotated at all"],
                        fix="let no two alternatives or quantifiers compete for the same characters: `\\d+` for `(\\d|\\d\\d)+`",
                    )
        return findings.all


def _runs_away(pattern: Pattern) -> int:
    """The length of the first text that is too much for the regex, 0 for none."""
    assert pattern.regex is not None
    if not _UNBOUNDED.search(pattern.regex.value):
        return 0
    try:
        compiled = regex_package.compile(pattern.regex.value)
    except (regex_package.error, ValueError, OverflowError, RecursionError, MemoryError, KeyError, IndexError, TypeError):
        return 0  # R206 says so
    for text in _hurting(pattern):
        if _is_slow(compiled, text, FIRST_SECONDS) and _is_slow(compiled, text, SECONDS):
            return len(text)
    return 0


def _is_slow(compiled: regex_package.Pattern[str], text: str, seconds: float) -> bool:
    try:
        for _ in compiled.finditer(text, timeout=seconds):
            pass
    except TimeoutError:
        return True
    return False


def _hurting(pattern: Pattern) -> Iterator[str]:
    assert pattern.regex is not None
    words = _WORDS.findall(pattern.regex.value)
    letters = "".join(_LETTERS.findall(pattern.regex.value))
    prefixes = ["", *words, *regex_anchors(pattern.regex.value), *(text.value for text in pattern.anchors)]
    prefixes += [f"{prefix} " for prefix in prefixes if prefix]
    for example in pattern.examples.match:
        plain = parse_marked(example)[0].text
        prefixes += [plain[:end] for end in range(1, len(plain) + 1)]
    for prefix in list(dict.fromkeys(prefixes))[:_MAX_PREFIXES]:
        for char in dict.fromkeys(prefix[-1:] + _CHARACTERS):
            yield f"{prefix}{char * RUN}\u00a7{letters}"
