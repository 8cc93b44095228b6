"""One note through all stages: tokens, matches, sections, sentences, patterns, resolution, context, rows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rulener.core.columns import Batch, Tables

class Scanner:
    """Scratch and settings of one thread; the tables it reads are shared.

    `sections` maps names to the mapped byte views; `header` holds `vocab_bits`, `filter_bits`. Each regex is
    `(object with finditer(text, start, end, timeout=), term, [(group, string number)], seconds, rule name, has anchors)`.
    `policy`: 0 longest, 1 longest_per_label, 2 all. `label_out` gives for every label of the artifact its number in the batch's
    labels, 65535 to leave it out. With `trace` losers, rejected occurrences and cue hits are kept.

    What annotates raises ArtifactCorrupt when a table leads outside the file, OverflowError for a note of 2**31 - 1 code points
    or more.
    """

    tables: Tables
    def __init__(
        self,
        tables: Tables,
        sections: Mapping[str, memoryview],
        header: Mapping[str, int],
        regexes: Sequence[tuple[Any, int, list[tuple[str, int]], float, str, bool]],
        policy: int,
        label_out: Sequence[int],
        trace: bool,
    ) -> None: ...
    def annotate(self, batch: Batch, text: str) -> None:
        """Annotate one note into `batch`. A regex that runs too long is added to its failures."""

    def annotate_all(self, batch: Batch, texts: Iterable[str]) -> None:
        """Annotate many notes into `batch`, in order, without the GIL. TypeError when one is no str."""

    def annotate_given(self, batch: Batch, text: str, mentions: list[tuple[int, int, int, int]]) -> None:
        """Context only, for mentions `(start, end, number in batch.labels, bits of the artifact's labels)`, in this order."""

    def check(self) -> None:
        """Raise ArtifactCorrupt when a table led outside the file since the last check."""

    def tokenise(self, text: str) -> list[tuple[int, int, str | None, str, set[str], int]]:
        """The tokens of a text: `(start, end, key, kind, flags, id)`; the key is None for one of more than 255 bytes."""
