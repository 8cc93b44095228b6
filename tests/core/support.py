"""Engines from the oracle's data, and both sides' results as the same plain values."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rulener import Engine
from rulener.compiler.build import CompileInputs, compile_artifact
from rulener.packs.model import AXES
from tests.reference.matching import LexiconRow
from tests.reference.minipack import pack_from_data
from tests.reference.oracle import Oracle, OracleEntity
from tests.reference.text import Flag, Token

PacksData = Sequence[dict[str, Any]]

KINDS = {"word": "WORD", "number": "NUMBER", "punct": "PUNCT"}
# The core says of the first token that it begins a line; the oracle says what stands before it.
OF_FIRST_TOKEN = Flag.SEP_NEWLINE | Flag.SEP_BLANK | Flag.SEP_SPACE


@contextmanager
def engine_of(packs: PacksData, lexicon: Sequence[LexiconRow] = (), resolution: str | None = None) -> Iterator[Engine]:
    """An engine of packs given as plain data. They are not linted: drawn rules may well contradict each other."""
    models = tuple(pack_from_data(data) for data in packs)
    asked = resolution or next((pack.resolution for pack in reversed(models) if pack.resolution), "longest")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        lexicons = (write_lexicon(folder / "table.tsv", lexicon),) if lexicon else ()
        compile_artifact(CompileInputs(models, lexicons, ("",) * len(lexicons), asked, bytes(32)), folder / "made.rnr")
        yield Engine(folder / "made.rnr", linking=False)  # the linker has tests of its own


def oracle_of(packs: PacksData, lexicon: Sequence[LexiconRow] = (), resolution: str | None = None) -> Oracle:
    return Oracle([pack_from_data(data) for data in packs], lexicon, resolution)


def write_lexicon(path: Path, rows: Sequence[LexiconRow]) -> Path:
    lines = [("term", "label", "system", "code", "preferred", "case", "rank", "variant", "use")]
    lines += [(r.term, r.label, r.system, r.code, r.preferred, r.case, str(r.rank), r.variant, r.use) for r in rows]
    path.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8", newline="\n")
    return path


# --- tokens -----------------------------------------------------------------------------------------------------------


def oracle_tokens(tokens: Sequence[Token]) -> list[tuple[Any, ...]]:
    return [
        (t.start, t.end, t.key, t.kind, _names(t.flags & ~OF_FIRST_TOKEN if n == 0 else t.flags)) for n, t in enumerate(tokens)
    ]


def core_tokens(engine: Engine, text: str) -> list[tuple[Any, ...]]:
    """The same of the core: its further flags (list items, dotted abbreviations) left out."""
    found = []
    for n, (start, end, key, kind, names, _) in enumerate(engine._scanner().tokenise(text)):
        flags = Flag(0)
        for name in names & set(Flag.__members__):
            flags |= Flag[name]
        found.append((start, end, key or "", KINDS[kind], _names(flags & ~OF_FIRST_TOKEN if n == 0 else flags)))
    return found


def _names(flags: Flag) -> list[str]:
    return [flag.name or "" for flag in Flag if flag in flags]


# --- sections, sentences ----------------------------------------------------------------------------------------------


def core_sentences(engine: Engine, text: str) -> list[tuple[int, int]]:
    return [(s.start, s.end) for s in engine.annotate(text).sentences]


def oracle_sections(oracle: Oracle, text: str) -> list[tuple[Any, ...]]:
    return [(s.name, s.rule, s.heading_start, s.heading_end, s.start, s.end) for s in oracle.sections(text)]


def core_sections(engine: Engine, text: str) -> list[tuple[Any, ...]]:
    return [(s.name, s.rule or "", s.heading_start, s.heading_end, s.start, s.end) for s in engine.annotate(text).sections]


# --- entities ---------------------------------------------------------------------------------------------------------


def oracle_entities(entities: Sequence[OracleEntity]) -> list[dict[str, Any]]:
    return [
        {
            "span": (e.start, e.end),
            "label": e.label,
            "rule": e.rule,
            "concepts": list(e.concepts),
            "section": e.section,
            "sentence": e.sentence,
            "attributes": {name: (start, end, text, number) for name, (start, end, text, number) in e.attributes.items()},
            "axes": {axis: getattr(e, axis) for axis in AXES},
            "cues": list(e.cues),
        }
        for e in entities
    ]


def core_entities(entities: Sequence[Any]) -> list[dict[str, Any]]:
    """Concepts without a code are names only; the oracle knows nothing of them."""
    return [
        {
            "span": (e.start, e.end),
            "label": e.label,
            "rule": e.rule or "",
            "concepts": [(c.system, c.code, c.name or "") for c in e.concepts if c.code is not None],
            "section": e.section,
            "sentence": e.sentence,
            "attributes": {
                name: (a.start, a.end, a.text, None if a.number is None else float(a.number)) for name, a in e.attributes.items()
            },
            "axes": {axis: getattr(e, axis) for axis in AXES},
            "cues": [(c.axis, c.rule, c.start, c.end, c.scope_start, c.scope_end, c.via) for c in e.cues],
        }
        for e in entities
    ]
