"""A pack to start from: small, complete, and clean in `check`, `test` and `fmt`."""

from __future__ import annotations

import re
from pathlib import Path

from rulener.authoring.files import replace_file
from rulener.errors import UsageError

_NAME = re.compile(r"[a-z][a-z0-9_-]*")

_FILES = {
    "pack.yaml": """\
# What this pack is. It is used together with the shipped English pack, whose labels and assertion axes it shares.
name: {name}
version: 0.1.0
description: What our clinic adds.
""",
    "terms.yaml": """\
# Words and phrases to be found. Capitals, accents, hyphens and possessives do not matter under `any`; plurals do.
terms:
  - id: shin-splints
    label: disorder
    any: [shin splints, shin splint, medial tibial stress syndrome]
    exact: [MTSS]  # counts only as it is written here
    examples:
      match: ["Known [shin splints] on both sides.", "[MTSS] since spring."]
      skip: ["A splint was put on the shin."]

  - id: taping
    label: procedure
    any: [kinesio taping, athletic taping]
    examples:
      match: ["[Kinesio taping] helped a little."]
      skip: ["Taping of the interview was declined."]
""",
    "patterns.yaml": """\
# Numbers and shapes. `{{value:number}}` stands for a number and keeps it.
patterns:
  - id: shin-pain-score
    label: measurement
    name: shin pain score
    match: "shin pain (score|scale) (of|is|was|:|=)? {{value:number}} (/ 10)?"
    examples:
      match: ["[Shin pain score 7/10] after the run.", "[Shin pain scale: 3] at rest."]
      skip: ["Shin pain for 3 weeks."]
""",
    "context.yaml": """\
# Words that change the meaning of what stands around them. The brackets in the examples mark the mention.
context:
  - id: screened-negative
    axis: negated
    direction: forward
    cues: ["(screen|screened|screening) negative for"]
    examples:
      match: ["Screened negative for [shin splints]."]
      skip: ["[Shin splints] were screened for; the knee was negative."]
""",
    "{name}.cases.yaml": """\
# Whole notes that must stay right. Add one, with invented words, for every mistake you find.
cases:
  - id: clinic-letter
    text: "Screened negative for [shin splints]{{disorder negated}}. [Athletic taping]{{procedure}} helped: [shin pain score
           4/10]{{measurement}}."
""",
    "README.md": """\
# {name}

What this pack adds to the shipped English one, for whom, and who looks after it: write it here.

| command | what it does |
|---|---|
| `rulener check {folder}` | finds mistakes, with their place and how to mend them |
| `rulener test {folder}` | runs the examples in the rules and the cases |
| `rulener fmt {folder}` | puts the files in one form |
| `rulener show NOTE --pack {folder}` | shows a note with everything marked that is found |
| `rulener explain NOTE --pack {folder}` | says why |
| `rulener run NOTES -o OUT --pack {folder}` | annotates a folder of notes |

`terms.yaml` has words and phrases, `patterns.yaml` numbers and shapes, `context.yaml` the words that change a meaning,
`{name}.cases.yaml` whole notes that must stay right. Rules may be spread over any number of `.yaml` files.
""",
}


def new_pack(folder: Path, name: str | None = None) -> list[Path]:
    """Write a starter pack into `folder`, which must not exist or be empty; the files written.

    `name` defaults to the folder's name. Raises UsageError U272 (not empty, no good name) or U271 (cannot be written).
    """
    chosen = name if name is not None else _name_of(folder)
    if not _NAME.fullmatch(chosen):
        hint = "lower-case letters, digits, _ and -, beginning with a letter; --name gives one"
        raise UsageError("U272", f"{chosen!r} is no name for a pack", place=str(folder), hint=hint)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise UsageError("U272", "there is something already", place=str(folder), hint="name a folder that does not exist yet")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError("U271", f"cannot be made: {error.strerror}", place=str(folder)) from None
    written = []
    for file, text in _FILES.items():
        path = folder / file.format(name=chosen)
        replace_file(path, text.format(name=chosen, folder=folder.as_posix()).encode("utf-8"))
        written.append(path)
    return written


def _name_of(folder: Path) -> str:
    """The folder's name as a pack may be called."""
    words = re.findall(r"[a-z0-9]+", folder.resolve().name.lower())
    return "-".join(words)
