"""Characters, folding, tokens, lines and sentences: docs/design/matching.md sections 1 to 5, word for word and slowly."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum, IntFlag
from functools import cache
from itertools import pairwise

MAX_KEY_BYTES = 255
MAX_FIELD_WORDS = 6
MAX_FIELD_LENGTH = 50
SHORT_LINE = 60
MAX_LIST_NUMBER_DIGITS = 3
MAX_ENCLOSED_DIGITS = 2
MAX_SENTENCE_TOKENS = 1024

NUMBER_OPENERS = frozenset("([<>=~:,")
BULLETS = frozenset("•●▪◦■□‣·*+>-")
CLOSERS = frozenset('"”)]')
STRONG_STOPS = ("!", "?")
DIGITS = frozenset("0123456789")
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


# --- 1. character classes ---------------------------------------------------------------------------------------------


class Class(Enum):
    WORD = "WORD"
    IGNORE = "IGNORE"
    NEWLINE = "NEWLINE"
    SPACE = "SPACE"
    HYPHEN = "HYPHEN"
    SLASH = "SLASH"
    APOSTROPHE = "APOSTROPHE"
    PUNCT = "PUNCT"


IGNORED = frozenset("\u00ad\u200c\u200d\u2060\u200e\u200f") | {chr(c) for c in range(0xFE00, 0xFE10)}
NEWLINES = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
EXTRA_SPACES = frozenset("\u200b\ufeff")
HYPHENS = frozenset("-\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d")
SLASHES = frozenset("/\u2044\u2215\uff0f")
APOSTROPHES = frozenset("'\u2018\u2019\u02bc\uff07`")
EM_DASHES = frozenset("\u2014\u2015\ufe58")


@cache
def class_of(c: str) -> Class:
    if c in IGNORED:
        return Class.IGNORE
    if c in NEWLINES:
        return Class.NEWLINE
    if c in HYPHENS:
        return Class.HYPHEN
    if c in SLASHES:
        return Class.SLASH
    if c in APOSTROPHES:
        return Class.APOSTROPHE
    if c.isspace() or c in EXTRA_SPACES or unicodedata.category(c) == "Cc":
        return Class.SPACE
    if c.isalnum() or unicodedata.category(c) in ("Mn", "Mc", "Me", "Cs"):
        return Class.WORD
    return Class.PUNCT


def is_upper(c: str) -> bool:
    return c.isupper() or c.istitle()


def is_lower(c: str) -> bool:
    return c.islower()


# --- 2. folding -------------------------------------------------------------------------------------------------------


@cache
def fold(c: str) -> str:
    """What one code point adds to a token's key."""
    kind = class_of(c)
    if kind is Class.PUNCT:
        return fold_punctuation(c)
    if kind is not Class.WORD:
        return ""
    if unicodedata.category(c) == "Cs":
        return c
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", c).casefold())
    return "".join(f for f in folded if class_of(f) is Class.WORD and unicodedata.combining(f) in (0, 7, 8, 9))


def fold_punctuation(c: str) -> str:
    if c in EM_DASHES:
        return "-"
    if "\uff01" <= c <= "\uff5e":
        return chr(ord(c) - 0xFEE0)
    return c


# --- 3. tokens --------------------------------------------------------------------------------------------------------


class Flag(IntFlag):
    """What stands between a token and the one before it (SEP_*, GLUED, LEAD_HYPHEN), its case, and RESET."""

    GLUED = 1
    SEP_SPACE = 2
    SEP_NEWLINE = 4
    SEP_BLANK = 8
    SEP_HYPHEN = 16
    SEP_SLASH = 32
    LEAD_HYPHEN = 64
    CAP = 128
    ALLCAP = 256
    RESET = 512


WORD = "WORD"
NUMBER = "NUMBER"
PUNCT = "PUNCT"


@dataclass(frozen=True)
class Token:
    """`key` is empty when the token is too long to match anything. `kind` is WORD, NUMBER or PUNCT."""

    start: int
    end: int
    key: str
    kind: str
    flags: Flag

    def has(self, flag: Flag) -> bool:
        return bool(self.flags & flag)


def tokenize(text: str) -> list[Token]:
    """The tokens of a note or of a form's surface, RESET not yet set (it needs the lines)."""
    return _Tokenizer(text).run()


class _Tokenizer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[Token] = []
        self.position = 0
        self.separators = Flag(0)
        self.newlines_in_row = 0

    def run(self) -> list[Token]:
        while self.position < len(self.text):
            self.step()
        return self.tokens

    def step(self) -> None:
        i = self.position
        kind = class_of(self.text[i])
        number_end = self.number_end(i)
        if number_end is not None:
            self.number(number_end)
            return
        dotted_end = self.dotted_end(i)
        if dotted_end is not None:
            self.add(dotted_end, self.text[i:dotted_end].replace(".", "").lower(), WORD)
        elif kind is Class.WORD:
            self.word()
        elif kind is Class.PUNCT:
            self.add(i + 1, fold(self.text[i]), PUNCT)
        elif kind is Class.HYPHEN:
            self.hyphens()
        elif kind is Class.NEWLINE:
            self.newline()
        else:
            self.skip_one(kind)

    # Looking around.

    def class_at(self, i: int) -> Class | None:
        return class_of(self.text[i]) if 0 <= i < len(self.text) else None

    def char_at(self, i: int) -> str:
        return self.text[i] if 0 <= i < len(self.text) else ""

    def is_digit(self, i: int) -> bool:
        return self.char_at(i) in DIGITS and i >= 0

    def is_letter(self, i: int) -> bool:
        return self.char_at(i) in LETTERS and i >= 0

    def follows_word(self, i: int) -> bool:
        return self.class_at(i - 1) in (Class.WORD, Class.IGNORE)

    # Rule 1.

    def number(self, end: int) -> None:
        """The number up to `end` and what is glued to it: a word, or the x and the next number of a dimension."""
        self.add(end, self.text[self.position : end].replace(",", ""), NUMBER)
        if self.char_at(end) in ("x", "X") and self.is_digit(end + 1):
            self.separators = Flag.GLUED
            self.add(end + 1, "x", WORD)
            self.separators = Flag.GLUED
            self.number(self.fraction_end(self.grouped_end(end + 1)))
        elif self.class_at(end) is Class.WORD:
            self.separators = Flag.GLUED
            self.word()

    def number_end(self, i: int) -> int | None:
        if self.is_digit(i) and not self.follows_word(i):
            return self.fraction_end(self.grouped_end(i))
        if self.char_at(i) == "." and self.is_digit(i + 1) and self.may_precede_point(i - 1):
            return self.digits_end(i + 1)
        return None

    def may_precede_point(self, i: int) -> bool:
        return self.class_at(i) in (None, Class.SPACE, Class.NEWLINE) or self.char_at(i) in NUMBER_OPENERS

    def digits_end(self, i: int) -> int:
        while self.is_digit(i):
            i += 1
        return i

    def grouped_end(self, start: int) -> int:
        """The end of `D+ (',' DDD not followed by a digit)*`; the groups only after 1 to 3 digits."""
        i = self.digits_end(start)
        if i - start > 3:
            return i
        while self.char_at(i) == "," and self.digits_end(i + 1) == i + 4:
            i += 4
        return i

    def fraction_end(self, i: int) -> int:
        return self.digits_end(i + 1) if self.char_at(i) == "." and self.is_digit(i + 1) else i

    # Rule 2.

    def dotted_end(self, i: int) -> int | None:
        """The end of a dotted abbreviation starting at `i`: letters and stops in turn, as far as they go."""
        if not self.is_letter(i) or self.follows_word(i):
            return None
        letters = 1
        i += 1
        while self.char_at(i) == ".":
            i += 1
            if not self.is_letter(i):
                break
            if self.class_at(i + 1) is Class.WORD:
                return None
            letters += 1
            i += 1
        return i if letters >= 2 else None

    # Rule 3.

    def word(self) -> None:
        start = self.position
        end = self.word_end(start)
        key_end = self.possessive_start(start, end)
        key = "".join(fold(c) for c in self.text[start:key_end])
        if key:
            self.add(end, key, WORD)
        else:
            # A lone mark is SPACE, so it does not interrupt a run of newlines either.
            self.separators = (self.separators | Flag.SEP_SPACE) & ~Flag.GLUED
            self.position = end

    def word_end(self, i: int) -> int:
        while True:
            kind = self.class_at(i)
            joined = kind is Class.APOSTROPHE and self.class_at(i - 1) is Class.WORD and self.class_at(i + 1) is Class.WORD
            if not joined and kind not in (Class.WORD, Class.IGNORE):
                return i
            i += 1

    def possessive_start(self, start: int, end: int) -> int:
        """Where the apostrophe of a final 's stands, else `end`."""
        if end - start >= 3 and self.text[end - 1] in "sS" and self.class_at(end - 2) is Class.APOSTROPHE:
            return end - 2
        return end

    # Rules 4 and 5.

    def hyphens(self) -> None:
        start = self.position
        end = start
        while self.class_at(end) is Class.HYPHEN:
            end += 1
        apart = (None, Class.SPACE, Class.NEWLINE)
        spaced = self.class_at(start - 1) in apart and self.class_at(end) in apart
        if end - start >= 2 or spaced:
            self.add(end, "-", PUNCT)
            return
        self.separators |= Flag.SEP_HYPHEN
        self.newlines_in_row = 0
        self.position = end

    def newline(self) -> None:
        width = 2 if self.text.startswith("\r\n", self.position) else 1
        self.newlines_in_row += 1
        self.separators |= Flag.SEP_SPACE | Flag.SEP_NEWLINE
        if self.newlines_in_row >= 2:
            self.separators |= Flag.SEP_BLANK
        self.position += width

    def skip_one(self, kind: Class) -> None:
        if kind is Class.SPACE:
            self.separators |= Flag.SEP_SPACE
        else:
            self.newlines_in_row = 0
            if kind is Class.SLASH:
                self.separators |= Flag.SEP_SLASH
        self.position += 1

    def add(self, end: int, key: str, kind: str) -> None:
        start = self.position
        flags = self.separators | self.lead_hyphen(start) | case_flags(self.text[start:end])
        if len(key.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
            key = ""
        self.tokens.append(Token(start, end, key, kind, flags))
        self.position = end
        self.separators = Flag(0)
        self.newlines_in_row = 0

    def lead_hyphen(self, start: int) -> Flag:
        before = self.class_at(start - 2)
        leads = (
            self.separators & Flag.SEP_HYPHEN
            and self.class_at(start - 1) is Class.HYPHEN
            and before in (None, Class.SPACE, Class.NEWLINE, Class.PUNCT)
        )
        return Flag.LEAD_HYPHEN if leads else Flag(0)


def case_flags(surface: str) -> Flag:
    flags = Flag(0)
    if is_upper(surface[0]):
        flags |= Flag.CAP
    if any(is_upper(c) for c in surface) and not any(is_lower(c) for c in surface):
        flags |= Flag.ALLCAP
    return flags


# --- 4. lines, bullets, list items ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layout:
    """The tokens with RESET set, the lines, and the list items.

    `line_of[t]` is the index of the first token of the line token `t` is in. `items` maps the first token of a list item to the
    first token after its bullet or number (the same token when a hyphen hangs on it, one past the last when nothing follows).
    """

    text: str
    tokens: list[Token]
    line_of: list[int]
    items: dict[int, int]

    def surface(self, t: int) -> str:
        return self.text[self.tokens[t].start : self.tokens[t].end]

    def key(self, t: int) -> str:
        """The key of token `t`, empty beside the text."""
        return self.tokens[t].key if 0 <= t < len(self.tokens) else ""

    def adjacent(self, t: int) -> bool:
        """Whether token `t` follows the one before it with no code point between."""
        return 0 < t < len(self.tokens) and self.tokens[t - 1].end == self.tokens[t].start

    def starts_line(self, t: int) -> bool:
        return self.line_of[t] == t

    def in_marker(self, t: int) -> bool:
        """Whether token `t` is part of a list item's bullet or number."""
        return any(first <= t < body for first, body in self.items.items())

    def crosses_reset(self, start: int, end: int) -> bool:
        """Whether a RESET stands between two tokens of [start, end)."""
        return any(self.tokens[t].has(Flag.RESET) for t in range(start + 1, end))


def lay_out(text: str) -> Layout:
    tokens = tokenize(text)
    line_of: list[int] = []
    for t, token in enumerate(tokens):
        line_of.append(t if t == 0 or token.has(Flag.SEP_NEWLINE) else line_of[-1])
    items: dict[int, int] = {}
    for t in sorted(set(line_of)):
        width = marker_width(text, tokens, t)
        if width is not None:
            items[t] = t + width
    resets = {0} | set(items) | set(items.values()) | {t for t, token in enumerate(tokens) if token.has(Flag.SEP_BLANK)}
    marked = [Token(k.start, k.end, k.key, k.kind, k.flags | Flag.RESET) if t in resets else k for t, k in enumerate(tokens)]
    return Layout(text, marked, line_of, items)


def marker_width(text: str, tokens: Sequence[Token], t: int) -> int | None:
    """How many tokens the bullet or number of a list item starting at `t` takes; None when no item starts there."""

    def key(i: int) -> str:
        return tokens[i].key if i < len(tokens) and tokens[i].kind == PUNCT else ""

    def directly(i: int) -> bool:
        return i < len(tokens) and tokens[i - 1].end == tokens[i].start

    if tokens[t].has(Flag.LEAD_HYPHEN):
        return 0
    if key(t) in BULLETS and tokens[t].kind == PUNCT:
        return 1
    if is_short_number(text, tokens, t) and directly(t + 1) and key(t + 1) in (".", ")"):
        after = tokens[t + 2] if t + 2 < len(tokens) else None
        if after and (after.has(Flag.SEP_SPACE) or (after.kind == WORD and directly(t + 2))):
            return 2
    if is_single_letter(text, tokens, t) and directly(t + 1) and key(t + 1) == ")":
        return 2
    enclosed = is_short_number(text, tokens, t + 1, MAX_ENCLOSED_DIGITS) or is_single_letter(text, tokens, t + 1)
    if key(t) == "(" and enclosed and directly(t + 1) and directly(t + 2) and key(t + 2) == ")":
        return 3
    return None


def is_short_number(text: str, tokens: Sequence[Token], t: int, most: int = MAX_LIST_NUMBER_DIGITS) -> bool:
    if t >= len(tokens) or tokens[t].kind != NUMBER:
        return False
    surface = text[tokens[t].start : tokens[t].end]
    return len(surface) <= most and all(c in DIGITS for c in surface)


def is_single_letter(text: str, tokens: Sequence[Token], t: int) -> bool:
    return t < len(tokens) and text[tokens[t].start : tokens[t].end] in LETTERS


# --- 5. sentences -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Heading:
    """A taken section heading: tokens [start, end), the body from `body` on (after its colon or dash, and what closes it).

    `first` is where its frame begins (`start` when it has none), `colon` whether a colon was its mark, `part` whether its rule
    says so. An unknown heading has no name and no rule.
    """

    start: int
    end: int
    body: int
    name: str | None = None
    rule: str = ""
    sets: tuple[str, ...] = ()
    first: int = -1
    colon: bool = False
    part: bool = False


def sentence_starts(
    layout: Layout, abbreviations: Collection[str], continues: Collection[str], headings: Sequence[Heading]
) -> list[int]:
    """The first token of every sentence. The word collections hold keys."""
    rules = _SentenceRules(layout, frozenset(abbreviations), frozenset(continues), headings)
    starts: list[int] = []
    for t in range(len(layout.tokens)):
        if t == 0 or rules.begins(t) or t - starts[-1] >= MAX_SENTENCE_TOKENS:
            starts.append(t)
    return starts


class _SentenceRules:
    def __init__(
        self, layout: Layout, abbreviations: frozenset[str], continues: frozenset[str], headings: Sequence[Heading]
    ) -> None:
        self.layout = layout
        self.tokens = layout.tokens
        self.abbreviations = abbreviations
        self.continues = continues
        self.heading_starts = {h.first for h in headings}
        self.body_starts = {h.body for h in headings}

    def begins(self, t: int) -> bool:
        return (
            self.after_blank_or_at_item(t)
            or self.after_strong_stop(t)
            or self.after_full_stop(t)
            or self.at_new_line(t)
            or self.at_heading_or_body(t)
        )

    def after_blank_or_at_item(self, t: int) -> bool:
        return self.tokens[t].has(Flag.SEP_BLANK) or t in self.layout.items

    def after_strong_stop(self, t: int) -> bool:
        p = self.layout.key(t - 1)
        on_new_line = self.tokens[t].has(Flag.SEP_NEWLINE)
        if p not in STRONG_STOPS:
            return p == ";" and on_new_line
        if self.layout.key(t) in STRONG_STOPS and self.layout.adjacent(t):
            return False
        return on_new_line or not self.is_mark_of_doubt(t - 1)

    def is_mark_of_doubt(self, t: int) -> bool:
        """Whether the run of marks that ends with token `t` begins with a question mark after a space ("?pneumonia")."""
        while self.layout.adjacent(t) and self.layout.key(t - 1) in STRONG_STOPS:
            t -= 1
        return self.layout.key(t) == "?" and (t == 0 or self.tokens[t].has(Flag.SEP_SPACE))

    def after_full_stop(self, t: int) -> bool:
        stop = self.stop_before(t)
        return stop is not None and not (
            self.is_after_abbreviation(stop, t)
            or self.is_after_initial(stop, t)
            or self.layout.in_marker(stop)
            or self.is_mild_dotted(stop, t)
            or self.is_inside_unit(stop, t)
        )

    def stop_before(self, t: int) -> int | None:
        """The full stop before `t`: the token before it, or the one before closing quotes and brackets that hang on it."""
        p = t - 1
        while p > 0 and self.layout.key(p) in CLOSERS and self.tokens[p].kind == PUNCT and self.layout.adjacent(p):
            p -= 1
        return p if self.is_point(p) or self.is_dotted_with_stop(p) else None

    def is_point(self, t: int) -> bool:
        return self.layout.key(t) == "." and self.tokens[t].kind == PUNCT

    def is_dotted_with_stop(self, t: int) -> bool:
        return self.tokens[t].kind == WORD and self.layout.surface(t).endswith(".")

    def is_after_abbreviation(self, stop: int, t: int) -> bool:
        return (
            self.is_point(stop)
            and self.layout.adjacent(stop)
            and self.layout.key(stop - 1) in self.abbreviations
            and not self.tokens[t].has(Flag.SEP_NEWLINE)
        )

    def is_after_initial(self, stop: int, t: int) -> bool:
        return self.is_point(stop) and self.is_initial(stop - 1) and self.tokens[t].has(Flag.CAP)

    def is_initial(self, t: int) -> bool:
        """A single capital letter with its full stop, after nothing, a space or another initial."""
        if t < 0 or not self.layout.adjacent(t + 1) or not self.is_point(t + 1):
            return False
        token = self.tokens[t]
        if token.kind != WORD or token.end - token.start != 1 or not token.has(Flag.CAP):
            return False
        return t == 0 or token.has(Flag.SEP_SPACE) or (self.layout.adjacent(t) and self.is_initial(t - 2))

    def is_mild_dotted(self, stop: int, t: int) -> bool:
        if not self.is_dotted_with_stop(stop):
            return False
        token = self.tokens[t]
        on_new_line = token.has(Flag.SEP_NEWLINE)
        goes_on = not token.has(Flag.CAP) and not (token.kind == NUMBER and on_new_line)
        return goes_on or (self.tokens[stop].has(Flag.ALLCAP) and not on_new_line)

    def is_inside_unit(self, stop: int, t: int) -> bool:
        """`t` hangs on the stop, and it is not the missing space of "noted.The"."""
        if not self.layout.adjacent(t):
            return False
        token = self.tokens[t]
        capital_word = token.kind == WORD and token.has(Flag.CAP)
        return not (capital_word and self.is_point(stop) and self.is_lower_word(stop - 1))

    def is_lower_word(self, t: int) -> bool:
        if t < 0 or self.tokens[t].kind != WORD:
            return False
        surface = self.layout.surface(t)
        return not any(is_upper(c) for c in surface) and sum(is_lower(c) for c in surface) >= 2

    def at_new_line(self, t: int) -> bool:
        token = self.tokens[t]
        if not token.has(Flag.SEP_NEWLINE):
            return False
        p = self.layout.key(t - 1)
        if t in self.heading_starts or self.begins_field_line(t) or p == ":":
            return True
        fresh = token.has(Flag.CAP) or token.kind in (NUMBER, PUNCT)
        return fresh and self.line_length_before(t) < SHORT_LINE and p != "," and p not in self.continues

    def begins_field_line(self, t: int) -> bool:
        last = t
        while last < len(self.tokens) and self.tokens[last].kind == WORD and (last == t or self.on_same_line(last)):
            last += 1
        words = last - t
        if not 1 <= words <= MAX_FIELD_WORDS or self.layout.key(last) != ":" or not self.on_same_line(last):
            return False
        return self.tokens[last - 1].end - self.tokens[t].start <= MAX_FIELD_LENGTH

    def on_same_line(self, t: int) -> bool:
        return not self.tokens[t].has(Flag.SEP_NEWLINE)

    def line_length_before(self, t: int) -> int:
        first = self.layout.line_of[t - 1]
        return self.tokens[t - 1].end - self.tokens[first].start

    def at_heading_or_body(self, t: int) -> bool:
        if t in self.body_starts:
            return True
        # The bullet or number before a heading stays in the heading's sentence.
        return t in self.heading_starts and t not in self.layout.items.values()


def sentence_spans(layout: Layout, starts: Sequence[int]) -> list[tuple[int, int]]:
    bounds = [*starts, len(layout.tokens)]
    return [(layout.tokens[a].start, layout.tokens[b - 1].end) for a, b in pairwise(bounds)]
