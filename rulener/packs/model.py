"""The frozen model of a rule pack: what `parse` makes and the compiler reads.

The grammar these classes mirror is docs/authors/grammar.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

AXES = ("negated", "uncertain", "historical", "hypothetical", "family")
RESOLUTIONS = ("longest", "longest_per_label", "all")
STATUSES = ("experimental", "stable", "deprecated")


class Direction(Enum):
    """The role of a context cue (docs/design/assertion.md section 1)."""

    FORWARD = "forward"
    BACKWARD = "backward"
    BOTH = "both"
    FIELD = "field"
    PSEUDO = "pseudo"
    STOP = "stop"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one line of a source file. `line` and `column` count from 1, `width` is in code points."""

    path: str
    line: int
    column: int
    width: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Text:
    """A string an author wrote, and where."""

    value: str
    place: Place


@dataclass(frozen=True, slots=True)
class Examples:
    match: tuple[Text, ...] = ()
    skip: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What every rule has. `place` is that of the id."""

    id: str
    place: Place
    status: str = "stable"
    note: str = ""
    examples: Examples = Examples()


@dataclass(frozen=True, slots=True)
class ConceptRef:
    system: str
    code: str
    place: Place


@dataclass(frozen=True, slots=True)
class Unless:
    section: tuple[Text, ...] = ()
    before: tuple[Text, ...] = ()
    after: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MentionRule(Rule):
    """What terms and patterns share: they make mentions."""

    label: Text
    concepts: tuple[ConceptRef, ...] = ()
    name: str = ""
    priority: int = 0
    unless: Unless = Unless()


@dataclass(frozen=True, slots=True, kw_only=True)
class Term(MentionRule):
    any: tuple[Text, ...] = ()
    exact: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern(MentionRule):
    """Token pattern (`match`) or regular expression (`regex`): exactly one is given."""

    match: tuple[Text, ...] = ()
    regex: Text | None = None
    anchors: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    within: str = "sentence"  # sentence | line | section
    lists: str | None = None  # follow | stop; None: as the pack's option says
    stop_at_clause: bool = True
    tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextCue(Rule):
    """`axes` is empty for a pseudo or stop cue that speaks of every axis."""

    axes: tuple[str, ...]
    direction: Direction
    cues: tuple[Text, ...] = ()
    exact: tuple[Text, ...] = ()
    scope: Scope = Scope()
    blocked_by: tuple[Text, ...] = ()
    after: tuple[Text, ...] = ()  # stop: words one of which must stand before it in the scope
    takes_object: bool = False  # stop: a backward scope begins behind the first comma after it
    on: tuple[Text, ...] = ()
    not_on: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section(Rule):
    name: str
    headings: tuple[Text, ...]
    sets: tuple[str, ...] = ()  # the axes that `sets` makes true
    part: bool = False  # nested in the section above


@dataclass(frozen=True, slots=True, kw_only=True)
class WordList(Rule):
    any: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Label:
    id: str
    place: Place
    description: str = ""
    schemes: tuple[tuple[str, str], ...] = ()  # (scheme, its label), in the author's order


@dataclass(frozen=True, slots=True)
class Options:
    cues_inside_mention: str = "ignore"  # ignore | act
    values_in_mention: str = "outside"  # outside | inside
    lists: str = "follow"  # follow | stop


@dataclass(frozen=True, slots=True)
class Silence:
    """A warning, by code or name, that the author has judged for some rules."""

    warning: Text
    rules: tuple[Text, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """One checked pack. Lists keep the order: files by name, rules as written."""

    name: str
    version: str
    path: Path
    description: str = ""
    labels: tuple[Label, ...] = ()
    axes: tuple[str, ...] = ()
    resolution: str | None = None
    options: Options = Options()
    words: tuple[WordList, ...] = ()
    abbreviations: tuple[WordList, ...] = ()
    continues: tuple[WordList, ...] = ()
    continues_list: tuple[WordList, ...] = ()
    terms: tuple[Term, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    context: tuple[ContextCue, ...] = ()
    sections: tuple[Section, ...] = ()
    systems: tuple[str, ...] = ()  # code systems of its own
    silences: tuple[Silence, ...] = ()
    unread: frozenset[str] = frozenset()  # kinds of which something could not be read: labels, axes, sections, words, context
    content_hash: str = ""  # SHA-256 over the pack's files (names and bytes), cases excluded


# --- token patterns, parsed (packs/patterns.py) ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Word:
    """A literal word or punctuation mark, as written."""

    text: str


@dataclass(frozen=True, slots=True)
class Separator:
    """`-` or `/` between tokens."""

    text: str


@dataclass(frozen=True, slots=True)
class TokenClass:
    """`<number>`, `<word>` or a member of the named word list."""

    name: str


@dataclass(frozen=True, slots=True)
class LabelClass:
    """`<label anatomy>`: the tokens of a term or lexicon surface with one of the labels."""

    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Sequence_:
    items: tuple[PatternNode, ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    options: tuple[Sequence_, ...]


@dataclass(frozen=True, slots=True)
class Optional_:
    item: PatternNode


@dataclass(frozen=True, slots=True)
class Capture:
    name: str
    item: PatternNode


@dataclass(frozen=True, slots=True)
class MentionPart:
    """`[…]`: the part of a match that is the mention."""

    item: PatternNode


PatternNode = Word | Separator | TokenClass | LabelClass | Gap | Sequence_ | Alternatives | Optional_ | Capture | MentionPart


# --- cases --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MarkedMention:
    """A bracketed stretch. `label` is None when the bracket has no braces; `given` when its label is `mention`."""

    start: int
    end: int
    label: str | None = None
    axes: tuple[str, ...] = ()
    given: bool = False


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A text without its marks, and the marks, in order."""

    text: str
    mentions: tuple[MarkedMention, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    id: str
    place: Place
    marked: MarkedText
    xfail: str = ""
    only: bool = False
    text_place: Place | None = field(default=None)
