"""Forms, headings, patterns, candidates and their resolution: docs/design/matching.md sections 6 to 9."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import regex

from rulener.packs.model import (
    Alternatives,
    Capture,
    Gap,
    LabelClass,
    MentionPart,
    Optional_,
    Pack,
    Pattern,
    PatternNode,
    Separator,
    Sequence_,
    Term,
    Text,
    TokenClass,
    Unless,
    Word,
)
from rulener.packs.patterns import label_classes, parse_pattern, regex_anchors

from .text import (
    NUMBER,
    PUNCT,
    WORD,
    Class,
    Flag,
    Heading,
    Layout,
    Token,
    class_of,
    fold,
    is_upper,
    tokenize,
)

MAX_FORM_TOKENS = 64
YIELDING = 1 << 31  # is added to the order of patterns with a label in them
MAX_PATTERN_TOKENS = 64
REGEX_WINDOW = 256
MAX_HEADING_WORDS = 6
MAX_NUMBER_LENGTH = 64

Concept = tuple[str, str, str]
Link = tuple[tuple[bool, int], Concept]  # is a variant, rank: the smaller, the better
AS_WRITTEN = (False, 0)
Attribute = tuple[int, int, str, "float | None"]
Range = tuple[int, int]


# --- 6. forms ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """Token keys in a row; `cases` are the case patterns of the tokens when the form keeps its case."""

    keys: tuple[str, ...]
    cases: tuple[str, ...] | None = None


def form_of(surface: str, *, exact: bool = False) -> Form | None:
    """The form of a surface; None for one that can match nothing."""
    return form_of_tokens(surface, tokenize(surface), exact=exact)


def form_of_tokens(surface: str, tokens: Sequence[Token], *, exact: bool = False) -> Form | None:
    keys = tuple(t.key for t in tokens)
    if not 1 <= len(keys) <= MAX_FORM_TOKENS or not all(keys):
        return None
    return Form(keys, tuple(case_pattern(surface, t) for t in tokens) if exact else None)


def forms_of(texts: Iterable[Text], *, exact: bool = False) -> list[Form]:
    forms = (form_of(text.value, exact=exact) for text in texts)
    return [form for form in forms if form is not None]


def case_pattern(text: str, token: Token) -> str:
    """One mark for each character of the key: U for upper case, a dot for anything else."""
    if token.kind != WORD:
        return "." * len(token.key)
    letters = [c for c in text[token.start : token.end] if class_of(c) is Class.WORD]
    marks = "".join(("U" if is_upper(c) else ".") * len(fold(c)) for c in letters)
    return marks[: len(token.key)]  # without the s of a possessive


def stands_at(layout: Layout, form: Form, a: int) -> bool:
    """Whether the form's keys stand at token `a`, with no RESET between them and in the form's case."""
    b = a + len(form.keys)
    if a < 0 or b > len(layout.tokens) or layout.crosses_reset(a, b):
        return False
    if any(layout.key(a + i) != key for i, key in enumerate(form.keys)):
        return False
    return form.cases is None or form.cases == tuple(case_pattern(layout.text, t) for t in layout.tokens[a:b])


def is_whole(layout: Layout, a: int, b: int) -> bool:
    """Whether [a, b) neither begins nor ends between a number and the letters glued to it."""
    return not layout.tokens[a].has(Flag.GLUED) and not (b < len(layout.tokens) and layout.tokens[b].has(Flag.GLUED))


def occurrences(layout: Layout, form: Form) -> list[Range]:
    """All accepted occurrences of a form, as token ranges."""
    ranges = [(a, a + len(form.keys)) for a in range(len(layout.tokens)) if stands_at(layout, form, a)]
    return [(a, b) for a, b in ranges if is_whole(layout, a, b)]


def anchor_occurrences(layout: Layout, form: Form) -> list[Range]:
    """Like `occurrences`, but a number's glued letters count too."""
    return [(a, a + len(form.keys)) for a in range(len(layout.tokens)) if stands_at(layout, form, a)]


def occurrences_of_any(layout: Layout, forms: Iterable[Form]) -> list[Range]:
    """The token ranges of all forms of one rule, each once, in order."""
    return sorted({found for form in forms for found in occurrences(layout, form)})


# --- 7. sections ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HeadingForm:
    form: Form
    needs_colon: bool
    name: str
    rule: str
    sets: tuple[str, ...]
    part: bool = False


def heading_forms(packs: Sequence[Pack]) -> list[HeadingForm]:
    found = []
    for pack in packs:
        for section in pack.sections:
            for text in section.headings:
                tokens = tokenize(text.value)
                needs_colon = len(tokens) > 1 and tokens[-1].key == ":"
                form = form_of_tokens(text.value, tokens[:-1] if needs_colon else tokens)
                if form is not None:
                    rule = f"{pack.name}:{section.id}"
                    found.append(HeadingForm(form, needs_colon, section.name, rule, section.sets, section.part))
    return found


def take_headings(layout: Layout, forms: Sequence[HeadingForm], continues: Collection[str]) -> list[Heading]:
    """The section headings of a note, decided from left to right."""
    taken: list[Heading] = []
    t = 0
    while t < len(layout.tokens):
        heading = known_heading_at(layout, forms, t, taken, continues) or unknown_heading_at(layout, t, forms, taken, continues)
        if heading is None:
            t += 1
        else:
            taken.append(heading)
            t = heading.body
    return taken


def known_heading_at(
    layout: Layout, forms: Sequence[HeadingForm], a: int, taken: Sequence[Heading], continues: Collection[str]
) -> Heading | None:
    """The longest heading taken at `a`; of equally long ones the first in rule order."""
    best: Heading | None = None
    for candidate in forms:
        b = a + len(candidate.form.keys)
        if not stands_at(layout, candidate.form, a) or not is_whole(layout, a, b) or not on_one_line(layout, a, b):
            continue
        spot = spot_of(layout, a, b, candidate.needs_colon, taken, continues)
        if spot is not None and (best is None or b > best.end):
            first, body, colon = spot
            best = Heading(a, b, body, candidate.name, candidate.rule, candidate.sets, first, colon, candidate.part)
    return best


MARKS = frozenset("#*_=~")
BLOCK_TAGS = frozenset(["br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "td", "th", "tr", "ul"])
MAX_FRAME = 16


@dataclass(frozen=True)
class Frame:
    """What stands before a heading on its line: from token `first` on."""

    first: int
    begins_line: bool
    marked: bool = False
    hash: bool = False


def spot_of(
    layout: Layout, a: int, b: int, needs_colon: bool, taken: Sequence[Heading], continues: Collection[str]
) -> tuple[int, int, bool] | None:
    """(first token of the frame, first of the body, whether the mark is a colon); None when [a, b) is no heading."""
    frame = frame_before(layout, a, taken[-1].body if taken else 0)
    after = after_frame(layout, b) if frame.marked else b
    closed = after > b
    ends_line = after == len(layout.tokens) or layout.tokens[after].has(Flag.SEP_NEWLINE)
    mark = "" if ends_line else layout.key(after)
    if mark == ":" and (frame.begins_line or (layout.tokens[a].has(Flag.CAP) and follows_stop(layout, frame.first, taken))):
        return frame.first, after_frame(layout, after + 1) if frame.marked else after + 1, True
    if not frame.begins_line:
        return None
    if ends_line and (closed or frame.hash or underlined(layout, after)):
        return frame.first, after, False
    if needs_colon:
        return None
    if mark == "-":
        return frame.first, after + 1, False
    if layout.tokens[a].has(Flag.CAP) and (closed or (ends_line and not line_goes_on(layout, a, continues))):
        return frame.first, after, False
    longer = layout.starts_line(a) and capitals_with_colon(layout, a) is not None
    return (frame.first, b, False) if is_loud(layout, a, b) and not longer else None


def capitals_with_colon(layout: Layout, a: int) -> int | None:
    """The colon after 1 to 6 words in capitals at the start of a line that is no list item; None when there is none."""
    b = a
    while b < len(layout.tokens) and layout.tokens[b].kind == WORD and layout.tokens[b].has(Flag.ALLCAP):
        if b > a and layout.starts_line(b):
            return None
        b += 1
    good = 1 <= b - a <= MAX_HEADING_WORDS and a not in layout.items
    return b if good and layout.key(b) == ":" and not layout.starts_line(b) else None


def frame_before(layout: Layout, a: int, covered: int) -> Frame:
    if begins_line_text(layout, a):
        star = layout.line_of[a] < a and layout.key(a - 1) == "*"
        return Frame(a, True, star)
    first, block, marked, hashed = a, False, False, False
    while covered < first and a - first < MAX_FRAME and not layout.starts_line(first):
        key = layout.key(first - 1)
        if layout.in_marker(first - 1):
            width = 1
        elif key in MARKS:
            width, marked, hashed = 1, True, hashed or key == "#"
        elif enclosed(layout, first - 3, "<", ">") and first - 3 >= covered:
            width, marked = 3, True
            block = block or layout.surface(first - 2).lower() in BLOCK_TAGS
        elif enclosed(layout, first - 3, "&", ";") and first - 3 >= covered:
            width, marked = 3, True
        elif first - 2 >= covered and is_enumerator(layout, first - 2):
            width = 2
        else:
            break
        first -= width
    return Frame(first, block or layout.starts_line(first), marked, hashed)


def after_frame(layout: Layout, b: int) -> int:
    """The token after the marks, closing tags and entities at `b`, on the line of the token before."""
    end = b
    while end < len(layout.tokens) and end - b < MAX_FRAME and not layout.starts_line(end):
        if layout.key(end) in MARKS and layout.tokens[end].kind == PUNCT:
            end += 1
        elif (enclosed(layout, end, "<", ">") and layout.tokens[end + 1].has(Flag.SEP_SLASH)) or enclosed(layout, end, "&", ";"):
            end += 3
        else:
            break
    return end


def enclosed(layout: Layout, t: int, opening: str, closing: str) -> bool:
    """A word between two marks, the three tokens from `t` on, on one line."""
    return (
        t >= 0
        and layout.key(t) == opening
        and layout.key(t + 2) == closing
        and layout.tokens[t + 1].kind == WORD
        and on_one_line(layout, t, t + 3)
    )


def is_enumerator(layout: Layout, t: int) -> bool:
    """A capital letter or a Roman number that begins its line, and its full stop directly after it."""
    surface = layout.surface(t)
    roman = 1 <= len(surface) <= 4 and set(surface) <= set("IVX")
    letter = len(surface) == 1 and "A" <= surface <= "Z"
    return layout.starts_line(t) and (roman or letter) and layout.key(t + 1) == "." and layout.adjacent(t + 1)


def underlined(layout: Layout, t: int) -> bool:
    """Whether the line that begins with `t` is a row of one mark, three code points long at least, right below."""
    if t >= len(layout.tokens) or layout.tokens[t].has(Flag.SEP_BLANK) or layout.key(t) not in {*MARKS, "-"}:
        return False
    row = [k for k in range(t, len(layout.tokens)) if layout.line_of[k] == t]
    length = layout.tokens[row[-1]].end - layout.tokens[t].start
    return layout.tokens[t].kind == PUNCT and all(layout.key(k) == layout.key(t) for k in row) and length >= 3


def line_goes_on(layout: Layout, a: int, continues: Collection[str]) -> bool:
    """Whether the line above the one `a` is in ends in a comma or a word after which it goes on."""
    first = layout.line_of[a]
    return first > 0 and not layout.tokens[first].has(Flag.SEP_BLANK) and layout.key(first - 1) in {",", *continues}


def on_one_line(layout: Layout, a: int, b: int) -> bool:
    return not any(t.has(Flag.SEP_NEWLINE) for t in layout.tokens[a + 1 : b])


def begins_line_text(layout: Layout, a: int) -> bool:
    """Whether `a` starts a line, or follows the bullet or number at the start of its line."""
    first = layout.line_of[a]
    return first == a or layout.items.get(first) == a


def follows_stop(layout: Layout, first: int, taken: Sequence[Heading]) -> bool:
    """Whether a sentence may end before token `first`, or the last heading with its colon does."""
    if first == 0:
        return False
    if taken and taken[-1].body == first:
        return taken[-1].colon
    q = first - 1
    if layout.key(q) == ";":
        return True
    while layout.key(q) in ('"', ")", "]") and layout.adjacent(q):
        q -= 1
    dotted = layout.tokens[q].kind == WORD and layout.surface(q).endswith(".")
    return dotted or layout.key(q) in (".", "!", "?")


def is_loud(layout: Layout, a: int, b: int) -> bool:
    """All words in capitals, and two of them or a blank line after."""
    words = [t for t in layout.tokens[a:b] if t.kind == WORD]
    if not words or not all(t.has(Flag.ALLCAP) for t in words):
        return False
    return len(words) >= 2 or b == len(layout.tokens) or layout.tokens[b].has(Flag.SEP_BLANK)


def unknown_heading_at(
    layout: Layout, a: int, forms: Sequence[HeadingForm], taken: Sequence[Heading], continues: Collection[str]
) -> Heading | None:
    """1 to 6 words in capitals and a colon at the start of a line that is no list item; or 1 to 6 words after `#`, alone."""
    if not layout.starts_line(a) or a in layout.items:
        return None
    first = a
    while layout.key(a) == "#" and a + 1 < len(layout.tokens) and not layout.starts_line(a + 1):
        a += 1
    hashed = a > first
    if hashed and (not layout.tokens[a].has(Flag.CAP) or known_heading_at(layout, forms, a, taken, continues)):
        return None
    b = a
    while b < len(layout.tokens) and layout.tokens[b].kind == WORD and (b == a or not layout.starts_line(b)):
        if not hashed and not layout.tokens[b].has(Flag.ALLCAP):
            break
        b += 1
    if not 1 <= b - a <= MAX_HEADING_WORDS:
        return None
    if layout.key(b) == ":" and not layout.starts_line(b):
        return Heading(a, b, b + 1, first=first, colon=True)
    if hashed and (b == len(layout.tokens) or layout.starts_line(b)):
        return Heading(a, b, b, first=first)
    return None


@dataclass(frozen=True)
class SectionSpan:
    """A section: from its heading's start to the next heading's start. `end_token` is one past its last token."""

    heading: Heading
    start: int
    end: int
    end_token: int
    whole: Heading  # that of the section in which this part is nested; its own, when it is none


def section_spans(layout: Layout, headings: Sequence[Heading]) -> list[SectionSpan]:
    spans: list[SectionSpan] = []
    for n, heading in enumerate(headings):
        following = headings[n + 1] if n + 1 < len(headings) else None
        end_token = following.start if following else len(layout.tokens)
        end = layout.tokens[following.start].start if following else len(layout.text)
        whole = heading
        if (heading.part or not heading.rule) and spans and nests(layout, heading, spans[-1]):
            whole = spans[-1].whole
        spans.append(SectionSpan(heading, layout.tokens[heading.start].start, end, end_token, whole))
    return spans


def nests(layout: Layout, part: Heading, before: SectionSpan) -> bool:
    """Whether a part stands in the section above it: at the beginning of its body or after another part, without a blank line."""
    first = part.first
    while not layout.starts_line(first) and layout.in_marker(first - 1):
        first -= 1
    if layout.tokens[first].has(Flag.SEP_BLANK):
        return False
    return before.whole is not before.heading or (bool(before.heading.rule) and first <= before.heading.body)


# --- the note as the later stages see it ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Note:
    """A note read so far: its layout, sentences (first tokens) and sections."""

    layout: Layout
    sentence_starts: list[int]
    sections: list[SectionSpan]

    @property
    def size(self) -> int:
        return len(self.layout.tokens)

    def sentence_number(self, t: int) -> int:
        """The number of the sentence token `t` is in; beyond the tokens the last one, 0 in a note without tokens."""
        return max(sum(1 for start in self.sentence_starts if start <= t) - 1, 0)

    def sentence_range(self, t: int) -> Range:
        number = self.sentence_number(t)
        ends = [*self.sentence_starts[1:], self.size]
        return self.sentence_starts[number], ends[number]

    def section_at(self, t: int) -> SectionSpan | None:
        """The section that token `t` is in (its heading included)."""
        found = [s for s in self.sections if s.heading.start <= t]
        return found[-1] if found else None

    def section_name(self, t: int) -> str | None:
        section = self.section_at(t)
        return section.heading.name if section else None

    def in_known_heading(self, a: int, b: int) -> bool:
        """Whether [a, b) lies in a heading that a pack names."""
        return any(s.heading.rule and s.heading.start <= a and b <= s.heading.end for s in self.sections)

    def offsets(self, a: int, b: int) -> Range:
        return self.layout.tokens[a].start, self.layout.tokens[b - 1].end

    def tokens_over(self, start: int, end: int) -> Range:
        """The tokens that overlap [start, end); an empty range before the next token when there is none."""
        touched = [t for t, token in enumerate(self.layout.tokens) if token.start < end and start < token.end]
        if touched and start < end:
            return touched[0], touched[-1] + 1
        place = sum(1 for token in self.layout.tokens if token.end <= start)
        return place, place


# --- 8. patterns ------------------------------------------------------------------------------------------------------

Captures = tuple[tuple[str, int, int], ...]
Schemes = Mapping[str, frozenset[str]]
Places = Sequence[tuple[int, int, str]]
MENTION = ""


class PatternMatcher:
    """Walks all ways through a pattern, in program order: left alternatives first, what is optional taken first."""

    def __init__(
        self, note: Note, word_lists: Mapping[str, Sequence[str]], places: Places = (), schemes: Schemes | None = None
    ) -> None:
        """`places` are those of terms: first token, end token and label; `schemes` what the labels are mapped to."""
        self.note = note
        self.layout = note.layout
        self.word_lists = word_lists
        self.places = places
        self.schemes = schemes or {}
        self.start = 0

    def best_from(self, node: PatternNode, start: int) -> tuple[int, Captures] | None:
        """The end and captures of the longest way from token `start`; of equally long ways the first."""
        if self.layout.tokens[start].has(Flag.GLUED):
            return None
        self.start = start
        best: tuple[int, Captures] | None = None
        for end, captures in self.ways(node, start, ()):
            if end > start and is_whole(self.layout, start, end) and (best is None or end > best[0]):
                best = end, captures
        return best

    def ways(self, node: PatternNode, i: int, captures: Captures) -> Iterator[tuple[int, Captures]]:
        if isinstance(node, Word):
            yield from self.literal(node.text, i, captures)
        elif isinstance(node, Separator):
            yield from self.separator(node.text, i, captures)
        elif isinstance(node, TokenClass):
            yield from self.token_class(node.name, i, captures)
        elif isinstance(node, LabelClass):
            yield from self.label_class(node, i, captures)
        elif isinstance(node, Gap):
            yield from self.gap(node.low, node.high, i, captures)
        elif isinstance(node, Sequence_):
            yield from self.sequence(node.items, i, captures)
        elif isinstance(node, Alternatives):
            for option in node.options:
                yield from self.ways(option, i, captures)
        elif isinstance(node, Optional_):
            yield from self.ways(node.item, i, captures)
            yield i, captures
        elif isinstance(node, Capture):
            for end, inner in self.ways(node.item, i, captures):
                yield end, (*inner, (node.name, i, end))
        elif isinstance(node, MentionPart):
            for end, inner in self.ways(node.item, i, captures):
                yield end, (*inner, (MENTION, i, end))

    def takes(self, i: int) -> bool:
        """Whether the match may go on over token `i`."""
        if i >= self.note.size or i - self.start >= MAX_PATTERN_TOKENS:
            return False
        return i == self.start or not self.layout.tokens[i].has(Flag.RESET)

    def literal(self, text: str, i: int, captures: Captures) -> Iterator[tuple[int, Captures]]:
        keys = [t.key for t in tokenize(text)]
        if keys and all(key and self.takes(i + n) and self.layout.key(i + n) == key for n, key in enumerate(keys)):
            yield i + len(keys), captures

    def separator(self, text: str, i: int, captures: Captures) -> Iterator[tuple[int, Captures]]:
        """A `-` token is taken; a soft hyphen or slash before token `i` takes nothing."""
        hyphen = class_of(text) is Class.HYPHEN
        if not self.takes(i):
            return
        if hyphen and self.layout.key(i) == "-":
            yield i + 1, captures
        elif self.layout.tokens[i].has(Flag.SEP_HYPHEN if hyphen else Flag.SEP_SLASH):
            yield i, captures

    def token_class(self, name: str, i: int, captures: Captures) -> Iterator[tuple[int, Captures]]:
        if name in ("number", "word"):
            kind = NUMBER if name == "number" else WORD
            if self.takes(i) and self.layout.tokens[i].kind == kind:
                yield i + 1, captures
            return
        for member in self.word_lists.get(name, ()):
            yield from self.literal(member, i, captures)

    def label_class(self, node: LabelClass, i: int, captures: Captures) -> Iterator[tuple[int, Captures]]:
        """The occurrences of terms that begin here, the longest first."""
        ends = {b for a, b, label in self.places if a == i and any(same_label(label, name, self.schemes) for name in node.labels)}
        for b in sorted(ends, reverse=True):
            if self.takes(i) and b - self.start <= MAX_PATTERN_TOKENS:
                yield b, captures

    def gap(self, low: int, high: int, i: int, captures: Captures) -> Iterator[tuple[int, Captures]]:
        """Longer gaps first; neither a word of the gap nor what comes after it begins a sentence."""
        if i > self.start and i in self.note.sentence_starts:
            return
        if high > 0 and self.takes(i) and self.layout.tokens[i].kind in (WORD, NUMBER):
            yield from self.gap(max(low - 1, 0), high - 1, i + 1, captures)
        if low == 0:
            yield i, captures

    def sequence(self, items: Sequence[PatternNode], i: int, captures: Captures) -> Iterator[tuple[int, Captures]]:
        if not items:
            yield i, captures
            return
        for end, inner in self.ways(items[0], i, captures):
            yield from self.sequence(items[1:], end, inner)


def same_label(label: str, name: str, schemes: Schemes) -> bool:
    """Whether a label is the one named, is mapped to it, or is what it is mapped to."""
    return label == name or name in schemes.get(label, ()) or label in schemes.get(name, ())


NUMBER_TEXT = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+")


def attribute(text: str, start: int, end: int) -> Attribute:
    value = text[start:end]
    is_number = len(value) <= MAX_NUMBER_LENGTH and NUMBER_TEXT.fullmatch(value)
    number = float(value.replace(",", "")) if is_number else None
    return start, end, value, number


# --- 9. candidates and resolution -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidate:
    """A mention that may be taken: tokens [first, last), code points [start, end)."""

    first: int
    last: int
    start: int
    end: int
    label: str
    rule: str
    order: int
    priority: int = 0
    links: tuple[Link, ...] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    is_term: bool = True
    from_lexicon: bool = False
    spelling: tuple[str, ...] | None = None
    link_only: bool = False

    @property
    def rank(self) -> tuple[int, int, int, int, int, int]:
        """The smaller, the sooner it is taken."""
        return (-self.priority, self.first - self.last, self.first, self.order, self.start, -self.end)

    @property
    def concepts(self) -> tuple[Concept, ...]:
        """As written before variants, then by rank, then as they came; each once."""
        return distinct(concept for _, concept in sorted(self.links, key=lambda link: link[0]))

    def overlaps(self, other: Candidate) -> bool:
        return self.first < other.last and other.first < self.last


@dataclass(frozen=True)
class Loser:
    candidate: Candidate
    winner: Candidate
    reason: str


@dataclass(frozen=True)
class LexiconRow:
    """One term of a lexicon. `case` "exact" keeps the case; `use` "link" is not found in text."""

    term: str
    label: str
    system: str = ""
    code: str = ""
    preferred: str = ""
    case: str = ""
    rank: int = 0
    variant: str = ""
    use: str = ""


def distinct(concepts: Iterable[Concept]) -> tuple[Concept, ...]:
    """Each (system, code) once, the first name kept."""
    found: dict[tuple[str, str], Concept] = {}
    for concept in concepts:
        found.setdefault(concept[:2], concept)
    return tuple(found.values())


class MentionFinder:
    """All candidates of a note, from the packs in order, then the lexicon."""

    def __init__(self, packs: Sequence[Pack], lexicon: Sequence[LexiconRow], lexicon_rule: str) -> None:
        self.packs = packs
        self.lexicon = lexicon
        self.lexicon_rule = lexicon_rule
        self.schemes: dict[str, frozenset[str]] = {}
        for label in (label for pack in packs for label in pack.labels):
            self.schemes[label.id] = self.schemes.get(label.id, frozenset()) | {name for _, name in label.schemes}

    def candidates(self, note: Note, *, links: bool = False) -> list[Candidate]:
        """Those whose `unless` does not hold, outside headings; the lexicon's of one span and label are one.

        With `links` also the terms that are only linked.
        """
        found = [c for c in self.raw_candidates(note) if not note.in_known_heading(c.first, c.last)]
        return merge_lexicon(found if links else without_link_only(found))

    def raw_candidates(self, note: Note) -> Iterator[Candidate]:
        places = self.term_places(note)
        order = 0
        for pack in self.packs:
            word_lists = self.word_lists_of(pack)
            for term in pack.terms:
                found = self.of_term(note, pack, term, order)
                yield from (c for c in found if not unless_holds(note, term.unless, c))
                order += 1
            for pattern in pack.patterns:
                if pattern.regex:
                    found = self.of_regex(note, pack, pattern, order)
                else:
                    matcher = PatternMatcher(note, word_lists, places, self.schemes)
                    yields = any(label_classes(parsed(text)) for text in pattern.match)
                    found = self.of_pattern(note, pack, pattern, order + YIELDING * yields, matcher)
                yield from (c for c in found if not unless_holds(note, pattern.unless, c))
                order += 1
        for row in self.lexicon:
            yield from self.of_row(note, row, order)
            order += 1

    def term_places(self, note: Note) -> Places:
        """Where terms and lexicon surfaces stand whose neighbours do not speak against them; sections do not matter."""
        found = []
        for pack in self.packs:
            for term in pack.terms:
                unless = replace(term.unless, section=())
                found += [c for c in self.of_term(note, pack, term, 0) if not unless_holds(note, unless, c)]
        for row in self.lexicon:
            found += self.of_row(note, row, 0)
        return [(c.first, c.last, c.label) for c in found]

    def word_lists_of(self, pack: Pack) -> dict[str, list[str]]:
        """The word lists by name: the pack's own before those of the other packs, the first before later ones."""
        found: dict[str, list[str]] = {}
        for other in (pack, *self.packs):
            for words in other.words:
                found.setdefault(words.id, [text.value for text in words.any])
        return found

    def of_term(self, note: Note, pack: Pack, term: Term, order: int) -> list[Candidate]:
        name = term.name or (*term.any, *term.exact)[0].value
        forms = forms_of(term.any) + forms_of(term.exact, exact=True)
        return [
            Candidate(
                *(a, b, *note.offsets(a, b), term.label.value, f"{pack.name}:{term.id}", order, term.priority),
                links=tuple((AS_WRITTEN, (c.system, c.code, name)) for c in term.concepts),
            )
            for a, b in occurrences_of_any(note.layout, forms)
        ]

    def of_row(self, note: Note, row: LexiconRow, order: int) -> list[Candidate]:
        form = form_of(row.term, exact=row.case == "exact")
        concept = (row.system, row.code, row.preferred or row.term)
        return [
            Candidate(
                *(a, b, *note.offsets(a, b), row.label, self.lexicon_rule, order),
                links=(((bool(row.variant), row.rank), concept),) if row.code else (),
                from_lexicon=True,
                spelling=form.cases if form else None,
                link_only=row.use == "link",
            )
            for a, b in (occurrences(note.layout, form) if form else [])
        ]

    def of_pattern(self, note: Note, pack: Pack, pattern: Pattern, order: int, matcher: PatternMatcher) -> list[Candidate]:
        """One candidate for each place the pattern matches from; several `match` texts are alternatives.

        Of matches that make the same candidate the one that begins first counts.
        """
        node = Alternatives(tuple(Sequence_((parsed(text),)) for text in pattern.match))
        found: dict[tuple[Range, Range], Candidate] = {}
        for a in range(note.size):
            best = matcher.best_from(node, a)
            if best is not None:
                b, captures = best
                taken = {name: (i, j) for name, i, j in captures if i < j}
                mention = taken.pop(MENTION, (a, b))
                hull = (min(i for i, _ in (mention, *taken.values())), max(j for _, j in (mention, *taken.values())))
                span = note.offsets(*(hull if pack.options.values_in_mention == "inside" else mention))
                spans = {name: note.offsets(*tokens) for name, tokens in taken.items()}
                found.setdefault((hull, span), self.matched(note, pack, pattern, order, hull, span, spans))
        return list(found.values())

    def of_regex(self, note: Note, pack: Pack, pattern: Pattern, order: int) -> list[Candidate]:
        assert pattern.regex is not None
        compiled = regex.compile(pattern.regex.value)
        found = []
        for match in regex_matches(note, compiled, self.anchor_spans(note, pattern)):
            spans = {name: match.span(name) for name in compiled.groupindex if match.end(name) > match.start(name)}
            span = hull = match.span()
            mention = spans.pop("mention", None)
            if mention is not None and pack.options.values_in_mention == "outside":
                span = mention
                hull = min(x for x, _ in (span, *spans.values())), max(y for _, y in (span, *spans.values()))
            first, last = note.tokens_over(*hull)
            if first < last:
                found.append(self.matched(note, pack, pattern, order, (first, last), span, spans))
        return found

    def anchor_spans(self, note: Note, pattern: Pattern) -> list[Range] | None:
        """Where the regex's anchors stand; None when it has none."""
        assert pattern.regex is not None
        words = [text.value for text in pattern.anchors] or regex_anchors(pattern.regex.value)
        if not words:
            return None
        keeps_case = not regex.compile(pattern.regex.value).flags & regex.IGNORECASE
        forms = [form_of(word, exact=keeps_case and any(map(str.isupper, word))) for word in words]
        ranges = {found for form in forms if form for found in anchor_occurrences(note.layout, form)}
        return sorted(note.offsets(a, b) for a, b in ranges)

    def matched(
        self, note: Note, pack: Pack, pattern: Pattern, order: int, tokens: Range, span: Range, captures: Mapping[str, Range]
    ) -> Candidate:
        return Candidate(
            *(*tokens, *span, pattern.label.value, f"{pack.name}:{pattern.id}", order, pattern.priority),
            links=tuple((AS_WRITTEN, (c.system, c.code, pattern.name)) for c in pattern.concepts),
            attributes={name: attribute(note.layout.text, *captured) for name, captured in captures.items()},
            is_term=False,
        )


def parsed(text: Text) -> PatternNode:
    node, problems = parse_pattern(text)
    if node is None:
        raise ValueError(f"a pattern of the test cannot be read: {problems}")
    return node


def regex_matches(note: Note, compiled: regex.Pattern[str], anchors: Sequence[Range] | None) -> Iterator[regex.Match[str]]:
    """The matches in the windows round the anchors that touch one; without anchors those of the whole note."""
    text = note.layout.text
    if anchors is None:
        yield from compiled.finditer(text)
        return
    for low, high in merged_windows(anchors, len(text)):
        for match in compiled.finditer(text, low, high):
            if any(start < match.end() and match.start() < end for start, end in anchors):
                yield match


def merged_windows(anchors: Sequence[Range], length: int) -> list[Range]:
    windows: list[Range] = []
    for start, end in anchors:
        low, high = max(start - REGEX_WINDOW, 0), min(end + REGEX_WINDOW, length)
        if windows and low <= windows[-1][1]:
            windows[-1] = windows[-1][0], max(high, windows[-1][1])
        else:
            windows.append((low, high))
    return windows


def unless_holds(note: Note, unless: Unless, c: Candidate) -> bool:
    return (
        note.section_name(c.first) in [text.value for text in unless.section]
        or any(stands_from(note.layout, form, c.last) for form in forms_of(unless.before))
        or any(stands_up_to(note.layout, form, c.first) for form in forms_of(unless.after))
    )


def stands_from(layout: Layout, form: Form, a: int) -> bool:
    """Whether the words stand directly from token `a` on, no RESET before or inside them."""
    return stands_at(layout, form, a) and not layout.tokens[a].has(Flag.RESET)


def stands_up_to(layout: Layout, form: Form, b: int) -> bool:
    """Whether the words end directly before token `b`, no RESET inside or after them."""
    a = b - len(form.keys)
    return stands_at(layout, form, a) and not layout.tokens[b].has(Flag.RESET)


def merge_lexicon(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Lexicon candidates of one span and label become one, in the first one's place, with all concepts."""
    merged: dict[tuple[object, ...], list[Candidate]] = {}
    for n, c in enumerate(candidates):
        key: tuple[object, ...] = (c.first, c.last, c.label) if c.from_lexicon else (n,)
        merged.setdefault(key, []).append(c)
    return [replace(same[0], links=links_by_spelling(same)) for same in merged.values()]


def links_by_spelling(candidates: Sequence[Candidate]) -> tuple[Link, ...]:
    """The concepts of rows in their order, those of one case spelling together."""
    spellings = list(dict.fromkeys(c.spelling for c in candidates))
    return tuple(link for spelling in spellings for c in candidates if c.spelling == spelling for link in c.links)


def without_link_only(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Rows of one place, label and spelling are one term, which is found when one of its rows is for that."""
    found = {(c.first, c.last, c.label, c.spelling) for c in candidates if c.from_lexicon and not c.link_only}
    return [c for c in candidates if not c.link_only or (c.first, c.last, c.label, c.spelling) in found]


def resolve(candidates: Sequence[Candidate], policy: str) -> tuple[list[Candidate], list[Loser]]:
    """The mentions that are taken, in order of start, end and rule, and the losers in order of rank."""
    taken: list[Candidate] = []
    losers: list[Loser] = []
    for c in sorted(candidates, key=lambda c: c.rank):
        winner = next((w for w in taken if beats(w, c, policy)), None)
        if winner is None:
            taken.append(c)
        elif policy != "all":
            losers.append(Loser(c, winner, reason_lost(c, winner)))
    return sorted(taken, key=lambda c: (c.start, c.end, c.order)), losers


def beats(winner: Candidate, c: Candidate, policy: str) -> bool:
    """Whether `c` cannot be taken beside `winner`, which was taken before it."""
    if policy == "all":
        same = (winner.start, winner.end, winner.label, winner.rule)
        return same == (c.start, c.end, c.label, c.rule)
    if policy == "longest_per_label" and winner.label != c.label:
        return False
    return winner.overlaps(c)


def reason_lost(c: Candidate, winner: Candidate) -> str:
    if c.priority != winner.priority:
        return "priority"
    if c.last - c.first != winner.last - winner.first:
        return "shorter"
    if c.first != winner.first:
        return "later"
    return "order" if c.order != winner.order else "later"
