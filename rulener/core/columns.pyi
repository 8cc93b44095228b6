"""Tables (the artifact as the core sees it), Batch (rows of results) and the lazy views Document and Entity."""

from collections.abc import Mapping, Set
from typing import Any, Final, NoReturn

from rulener.core.views import Attribute, Concept, Cue, Section, Sentence
from rulener.errors import ArtifactCorrupt

AXES: Final[tuple[str, ...]]
DIRECTIONS: Final[tuple[str, ...]]
VIA: Final[tuple[str, ...]]
LOSS_REASONS: Final[tuple[str, ...]]
REJECTIONS: Final[tuple[str, ...]]
SCHEMA: Final[str]
LINKINGS: Final[tuple[str | None, ...]]
STEPS: Final[tuple[str, ...]]

class Tables:
    """The artifact's tables as mapped, read-only, shared by the scanners of all threads.

    `owner` is kept alive as long as the tables; `sections` maps names to byte views, `meta` is the artifact's description with
    `fingerprint` and `path`. Raises ValueError when a small table leads to nothing; the big ones are checked where they are
    used, and ArtifactCorrupt says so then.
    """

    meta: dict[str, Any]
    labels: tuple[str, ...]
    n_strings: int
    n_terms: int
    n_concepts: int
    def __init__(self, owner: object, sections: Mapping[str, memoryview], meta: dict[str, Any]) -> None: ...
    def rule_name(self, rule: int) -> str:
        """`pack:rule` or `lexicon:name`. Raises ArtifactCorrupt."""

    def rule_place(self, rule: int) -> str:
        """`path:line:column` of a rule, or the path alone for a lexicon. Raises ArtifactCorrupt."""

    def term_view(self, term: int) -> tuple[str, str, str, tuple[Concept, ...]]:
        """`(rule name, rule place, label, concepts)` of a term. Raises ArtifactCorrupt."""

    def entry_view(self, entry: int) -> tuple[str, str | None, str | None]:
        """`(kind, rule name, rule place)` of an entry, for `explain`. Raises ArtifactCorrupt."""

    def heading_view(self, heading: int) -> tuple[str, str, str]:
        """`(section name, rule name, rule place)`. Raises ArtifactCorrupt."""

    def term_links(self, term: int) -> list[tuple[int, bool, int]]:
        """`(concept number, is a variant, rank)` of a term's links, best first. Raises ArtifactCorrupt."""

    def concept(self, number: int) -> Concept:
        """A concept by its number. Raises ArtifactCorrupt."""

    def concept_key(self, number: int) -> tuple[int, int | None]:
        """A concept's system and code as numbers that are equal when they are; the code None when it has none."""

    def find_concepts(self, wanted: Set[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """The first concept number of each `(system, code)`; those not there are left out. Raises ArtifactCorrupt."""

    def term_label(self, term: int) -> int:
        """The number of a term's label. Raises ArtifactCorrupt."""

    def corrupt(self) -> ArtifactCorrupt:
        """The error to raise where a table leads to nothing."""

class Batch:
    """Results of one or many notes as rows of integers; texts are kept, nothing is copied out of them.

    `ids` are as many as notes will be added; `labels` are the names that entities may report. `failures` are
    `(note number, code, reason)`, by note. `metadata` is empty, or has one dict a note: what its input carries beside id and
    text.
    """

    tables: Tables
    texts: list[str]
    ids: list[str | None]
    labels: list[str]
    failures: list[tuple[int, str, str]]
    metadata: list[dict[str, Any]]
    n_entities: int
    def __init__(
        self, tables: Tables, ids: list[str | None], labels: list[str], metadata: list[dict[str, Any]] | None = None
    ) -> None: ...
    def __len__(self) -> int:
        """How many notes have been added, failed ones too."""

    matched: list[str]
    def relink(self, row: int, linking: int, concepts: list[tuple[int, float, int, str | None]]) -> None:
        """What the linker says of an entity: `linking` is a number of LINKINGS, `concepts` are `(concept number, score, number
        in STEPS, matched name or None)`, best first. Rows come in ascending order, each once."""

    def flagged_rows(self, flags: int) -> list[tuple[int, int]]:
        """`(row, note)` of the rows with one of the flags (1: ambiguous, 2: an opening bracket follows), in order."""

    def short_rows(self, wanted: frozenset[str]) -> list[tuple[int, int, str]]:
        """`(row, note, surface)` of rows of a lexicon's terms whose surface is wanted; only those of two to six characters are
        found, the first two ASCII capitals or digits."""

    def uncoded_rows(self) -> list[tuple[int, int]]:
        """Rows of rules, not of lexicons, that have no code though other terms of their label have some: row and note."""

    def row_range(self, number: int) -> tuple[int, int]:
        """The first row of a note and the one after its last."""

    def span(self, row: int) -> tuple[int, int]:
        """`(start, end)` of a row."""

    def terms(self, row: int) -> tuple[int, ...]:
        """The terms of a row, in the order of resolution."""
    def row(self, row: int) -> tuple[int, int, int, str | None, list[int]]:
        """`(start, end, label number, section name, term numbers)`; the terms in the order of resolution."""

    def document(self, number: int) -> Document:
        """The view of a note. IndexError when there is none."""

class Document:
    """One annotated note: a read-only view that holds the batch it came from. Not picklable; `to_dict` is.

    All offsets count code points of `text`, end exclusive.
    """

    @property
    def batch(self) -> Batch: ...
    @property
    def number(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def note_id(self) -> str | None: ...
    @property
    def engine(self) -> str:
        """Fingerprint of the engine that made this document, 64 hex digits."""

    @property
    def entities(self) -> tuple[Entity, ...]:
        """The mentions, by start; given mentions in the order they were given."""

    @property
    def sentences(self) -> tuple[Sentence, ...]: ...
    @property
    def sections(self) -> tuple[Section, ...]: ...
    @property
    def relations(self) -> tuple[()]:
        """Relations between mentions; no pack of this version makes any."""

    def losers(self) -> list[tuple[int, int, int, tuple[int, int, int] | None, str]]:
        """`(start, end, term, (start, end, term) of the winner, reason)` of the losers; empty unless the scan kept them."""

    def rejected(self) -> list[tuple[int, int, int, str]]:
        """`(start, end, entry or heading number, reason)` of occurrences that did not count; empty unless the scan kept them."""

    def cue_hits(self) -> list[tuple[int, int, str, str, str, tuple[str, ...], tuple[str, ...]]]:
        """`(start, end, rule, place, direction, axes, live axes)` of every cue; empty unless the scan kept them."""

    @property
    def metadata(self) -> dict[str, Any]:
        """What the input carried beside id and text; empty when nothing did."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data: schema `rulener.document/1`."""

    def to_json(self) -> str:
        """One line of JSON, as `rulener run` writes it (without the newline)."""

    def __len__(self) -> int:
        """How many entities."""

    def __reduce__(self) -> NoReturn: ...

class Entity:
    """One mention: a read-only view. Equal to another view of the same row. Not picklable; `to_dict` is.

    Axes are True, False, or None when no loaded pack assesses them. What leads outside a damaged artifact raises ArtifactCorrupt.
    """

    @property
    def id(self) -> str:
        """T1, T2, … within the note."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def text(self) -> str:
        """The note's text from start to end."""

    @property
    def label(self) -> str: ...
    @property
    def concepts(self) -> tuple[Concept, ...]:
        """Candidates, best first; each has its `score` and the `step` that found it."""

    @property
    def linking(self) -> str | None:
        """`resolved` (the first concept is the one), `ambiguous` (another is as good), `unresolved` (no concept with a code), or
        None: nothing of its label has a code here."""

    @property
    def section(self) -> str | None:
        """Name of the section it stands in; None outside any, or under a heading no pack knows."""

    @property
    def sentence(self) -> int:
        """Number of its sentence, from 0: an index into Document.sentences."""

    @property
    def attributes(self) -> dict[str, Attribute]:
        """Captured parts by name."""

    @property
    def rule(self) -> str | None:
        """`pack:rule` or `lexicon:name`; None for a given mention that no term knows."""

    @property
    def rule_place(self) -> str | None:
        """Where the rule stands: `path:line:column`, or a lexicon's path."""

    @property
    def negated(self) -> bool | None: ...
    @property
    def uncertain(self) -> bool | None: ...
    @property
    def historical(self) -> bool | None: ...
    @property
    def hypothetical(self) -> bool | None: ...
    @property
    def family(self) -> bool | None: ...
    @property
    def cues(self) -> tuple[Cue, ...]:
        """Why: by axis, then place."""

    @property
    def cue_places(self) -> tuple[str, ...]:
        """Where the rules of `cues` stand, in the same order."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as in `rulener.document/1`."""

    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> NoReturn: ...
