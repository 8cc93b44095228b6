"""Directory runs: many notes in, a folder of parts out. Resumable, deterministic, bounded in memory.

`inputs` finds notes, `plan` cuts them into parts, `work` makes one part, `workers` runs parts in processes, `trouble` finds the
note over which workers die, `output` owns the output folder (lock, journal, manifest), `directory` ties them together.
docs/guide/running.md is the user's view.
"""
