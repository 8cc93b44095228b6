"""The rows of a batch as Arrow-shaped buffers (offsets, indices, bitmaps), without a Python object per entity."""

from typing import Any

from rulener.core.columns import Batch

def entity_columns(batch: Batch) -> dict[str, Any]:
    """Every column of the entity table; `rulener.formats.arrow` gives them their types.

    With n entities: `doc`, `start`, `end`, `label`, `sentence` are i32[n]; `axes` five bitmaps of n bits; `text` is
    (i32[n + 1] offsets, UTF-8 bytes); `rule` and `section` are ((i32[n] indices, validity bitmap, nulls), (offsets, bytes));
    `concepts`, `attributes` and `cues` hold i32[n + 1] list offsets and the columns of their items.
    Raises OverflowError when a column passes 2 GiB, ArtifactCorrupt when a table leads to nothing.
    """

def plain_utf8(text: str) -> bytes:
    """UTF-8 of a text, lone surrogates as U+FFFD: what Arrow strings need."""
