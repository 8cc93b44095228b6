"""The builder: surfaces in, the automaton's flat tables out. Same calls in the same order, same bytes.

Kinds, flags and records are those of `structs.pxd`. Surfaces are tokenised by the very code that reads notes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from typing_extensions import Buffer

MAX_FORM_TOKENS: int

class Strings:
    """Distinct strings, numbered from 0 in the order they came. Lone surrogates are kept."""

    def add(self, text: str) -> int:
        """The number of a string, new or known."""

class Builder:
    """Collects forms and their entries; `finish` gives the artifact's big tables.

    `fold_pages` (u16), `fold_cells` and `fold_text` (u32) are the tables of `rulener.compiler.unicode`.
    Whatever takes a surface raises ValueError when it has no token, more than MAX_FORM_TOKENS, or a word of more than
    255 bytes when folded, and OverflowError when a table passes 2**32 - 2 items.
    """

    strings: Strings
    coded_labels: int  # once finished: a bit per label some of whose terms have codes
    variants: list[str]  # names of the variant rules of the rows so far; the first, "", is: as the source writes it
    def __init__(self, fold_pages: Buffer, fold_cells: Buffer, fold_text: Buffer) -> None: ...
    def token(self, word: str) -> int:
        """The builder's number of a word. ValueError when it is not one token."""

    def tokens(self, surface: str) -> list[int]:
        """The builder's numbers of a surface's tokens."""

    def spell(self, surface: str) -> list[str]:
        """The folded tokens of a surface as text."""

    def flag_word(self, word: str, flag: int) -> None:
        """Mark a word as abbreviation (1), line continuer (2) or list word (4). ValueError when it is not one token."""

    def add(
        self, surface: str, kind: int, ref: int, *, exact: bool = False, priority: int = 0, head: int = 0, tail: int = 0
    ) -> None:
        """An entry of any kind but TERM. With `exact` the surface keeps its case."""

    def add_tokens(self, tokens: Iterable[int], kind: int, ref: int, *, head: int = 0, tail: int = 0) -> None:
        """An entry whose form is given as token numbers of this builder."""

    def concept(
        self, system: str, code: str, name: str, semantic_type: str = "", standard: int = ..., standard_id: int = ...
    ) -> int:
        """The number of a concept, new or known; an empty string means: not known.

        `standard` is the number of its standard concept and `standard_id` the OMOP id of that; 2**32 - 1: not known.
        """

    def add_term(
        self,
        surface: str,
        rule: int,
        label: int,
        concepts: Sequence[int],
        *,
        exact: bool = False,
        priority: int = 0,
        unless: int = 0,
        n_unless: int = 0,
        surround: int = 0,
    ) -> None:
        """A surface of a pack's term, with its concepts (numbers), the slice of SECTION_REFS it must not stand in, and the
        number of its `unless` words (0: none)."""

    def add_row(
        self,
        surface: str,
        rule: int,
        label: int,
        system: str,
        code: str,
        name: str,
        exact: bool,
        semantic_type: str = "",
        rank: int = 0,
        variant: str = "",
        link_only: bool = False,
        standard: int = ...,
        standard_id: int = ...,
    ) -> None:
        """One row of a lexicon. `rank` is 0 (best) to 65535, `variant` the rule that made the surface; a surface that is
        `link_only` in all its rows is not found in text. ValueError for more than 254 variant rules."""

    def add_lines(
        self, block: Buffer, at: int, columns: Sequence[int], labels: dict[bytes, int], number: int
    ) -> tuple[int, int, int]:
        """Rows of lexicon `number` from the whole lines of `block`, tab-separated UTF-8, from byte `at` on.

        `columns` are the places of the columns, in the order of `rulener.lexicon.table.COLUMNS` (2**20: not there); `labels` are
        numbers by the labels' UTF-8. Returns `(end, lines, used)`: where it stopped, and how many lines and rows it passed. It
        stops before a line that asks for the exact reader: a value with blanks around it, one that cannot be used, an unknown
        label.
        """

    def freeze(self) -> tuple[dict[str, memoryview], dict[str, Any]]:
        """`(arrays, state)`: everything that was added so far, as buffers that are good until the next call, and as JSON.

        The builder may be used on: it then does what one does that `thaw` made of them. ValueError when words were flagged.
        """

    def thaw(self, arrays: Mapping[str, Buffer], state: Mapping[str, Any]) -> None:
        """Take up what `freeze` gave: it is believed, so check its hash before the builder is used.

        ValueError when something was added to this builder before.
        """

    def finish(
        self, first_lexicon: int = 0, labels: Sequence[int] | None = None, places: Sequence[int] | None = None
    ) -> tuple[dict[str, Any], dict[str, int]]:
        """`(tables, counts)`: section name -> Column, and sizes. The builder cannot be used afterwards.

        Rules of rows are counted from `first_lexicon` on, and their labels are `labels[number]`. The words of `unless` that a
        term was given as `surround` stand at `places[surround]`.
        """

def token_id(number: int) -> int:
    """The final id of a builder's token number. Ids run from 1."""
