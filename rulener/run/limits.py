"""The named limits of a run (docs/guide/running.md lists them)."""

from __future__ import annotations

PART_NOTES = 500
"""A part is closed at so many notes ..."""

PART_BYTES = 8 << 20
"""... or once its notes have so many bytes together, whichever comes first. A longer note is a part of its own."""

SLICE_NOTES = 128
"""So many notes go to the engine in one call ..."""

SLICE_BYTES = 4 << 20
"""... or fewer, once they have so many bytes together."""

NOTE_BYTES = 512 << 20
"""A longer note fails with N105."""

DUPLICATE_IDS = 10_000
"""More note ids used twice than this end the run (U211): then the ids are no ids."""

SORT_RECORDS = 200_000
"""So many records are sorted in memory; more go through temporary files."""

WORKERS = 8
"""The default number of workers is the number of usable CPUs, but at most this."""

ATTEMPTS = 2
"""A part whose worker dies is tried so often."""
