"""rulener: fast, deterministic, explainable clinical information extraction.

`rulener.load()` gives an `Engine`; `Engine.annotate(text)` gives a `Document` of `Entity` objects. The parts are imported
on first use, so that `import rulener` and `rulener --help` stay quick and reading packs never needs the compiled core.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rulener.document import Batch, Concept, Cue, Document, Entity, Section, Sentence
    from rulener.engine import Engine, load
    from rulener.errors import (
        ArtifactByteOrder,
        ArtifactCorrupt,
        ArtifactError,
        ArtifactTruncated,
        ArtifactVersionError,
        LexiconError,
        MissingExtra,
        NotAnArtifact,
        NoteError,
        PackError,
        RulenerError,
        UsageError,
    )
    from rulener.formats.readers import Note
    from rulener.run.reading import read

__version__ = "0.1.0"

_HOMES = {
    "Batch": "rulener.document",
    "Concept": "rulener.document",
    "Cue": "rulener.document",
    "Document": "rulener.document",
    "Engine": "rulener.engine",
    "Entity": "rulener.document",
    "Section": "rulener.document",
    "Sentence": "rulener.document",
    "load": "rulener.engine",
    "read": "rulener.run.reading",
    "ArtifactByteOrder": "rulener.errors",
    "ArtifactCorrupt": "rulener.errors",
    "ArtifactError": "rulener.errors",
    "ArtifactTruncated": "rulener.errors",
    "ArtifactVersionError": "rulener.errors",
    "LexiconError": "rulener.errors",
    "MissingExtra": "rulener.errors",
    "NotAnArtifact": "rulener.errors",
    "Note": "rulener.formats.readers",
    "NoteError": "rulener.errors",
    "PackError": "rulener.errors",
    "RulenerError": "rulener.errors",
    "UsageError": "rulener.errors",
}

__all__ = [
    "ArtifactByteOrder",
    "ArtifactCorrupt",
    "ArtifactError",
    "ArtifactTruncated",
    "ArtifactVersionError",
    "Batch",
    "Concept",
    "Cue",
    "Document",
    "Engine",
    "Entity",
    "LexiconError",
    "MissingExtra",
    "NotAnArtifact",
    "Note",
    "NoteError",
    "PackError",
    "RulenerError",
    "Section",
    "Sentence",
    "UsageError",
    "__version__",
    "load",
    "read",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'rulener' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
