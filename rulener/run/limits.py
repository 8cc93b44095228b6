"""The named limits of a run (docs/guide/running.md lists them)."""

from __future__ import annotations

PART_NOTES = 500
"""A part is closed at so many notes ..."""

PART_BYTES = 8 << 20
"""... or once its notes have so many bytes together, whichever comes first. A longer note is a part of its own."""

SLICE_NOTES = 500
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

LOST_NOTES = 20
"""So many notes of a part may be given up because workers die over them; one more ends the run (U209)."""

HUNG_SECONDS = 30.0
"""A slice may take the engine so long ..."""

HUNG_SECONDS_A_NOTE = 0.5
"""... and so long for each of its notes (a regex rule has a second) ..."""

HUNG_SECONDS_A_MILLION = 10.0
"""... and so long for each million characters. Then it hangs, and its worker is ended."""
