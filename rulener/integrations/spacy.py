"""The spaCy component `rulener_context`: rulener's assertions on the entities of any spaCy pipeline. Needs the extra [spacy].

    nlp.add_pipe("rulener_context", config={"labels": {"DISEASE": "disorder"}})

docs/guide/assertion.md says what it sets and what may be configured.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rulener
from rulener.errors import MissingExtra, UsageError

try:
    from spacy.language import Language
    from spacy.tokens import Span
except ImportError as error:
    raise MissingExtra("the spaCy component", "spacy") from error

if TYPE_CHECKING:
    from rulener.engine import Engine

AXES = ("negated", "uncertain", "historical", "hypothetical", "family")
CUES, SECTION = "cues", "section"
FACTORY = "rulener_context"
ENGINE_FILE = "engine.rnr"
_DEFAULTS: dict[str, Any] = {"packs": [], "lexicons": [], "base": "english", "labels": {}, "spans": [], "prefix": ""}


class RulenerContext:
    """Sets on every entity (and on the spans of the groups `spans`) the extension attributes `negated`, `uncertain`,
    `historical`, `hypothetical` and `family` (True, False, or None when no loaded pack assesses the axis), `cues` (why: a list of
    dicts with axis, start, end, rule, scope_start, scope_end, via; offsets into `doc.text`) and `section` (a name or None). Each
    name is preceded by `prefix`.

    `packs`, `lexicons` and `base` are those of `rulener.load`; the engine is made when the first document comes, and goes with
    the pipeline to disk. `labels` says what an entity label is called in the packs; one that is not there is taken in small
    letters where the packs or their schemes know it so, else as it is.
    """

    def __init__(
        self,
        name: str = FACTORY,
        *,
        packs: Sequence[str] = (),
        lexicons: Sequence[str] = (),
        base: str | None = "english",
        labels: Mapping[str, str] | None = None,
        spans: Iterable[str] = (),
        prefix: str = "",
    ) -> None:
        self.name = name
        self.prefix = prefix
        self._packs, self._lexicons, self._base = tuple(packs), list(lexicons), base
        self._labels = dict(labels or {})
        self._spans = tuple(spans)
        self._engine: Engine | None = None
        self._known: dict[str, str] = {}
        for attribute in (*AXES, CUES, SECTION):
            _declare(prefix + attribute)

    @property
    def engine(self) -> Engine:
        """The engine, made when first needed. Raises what `rulener.load` raises."""
        if self._engine is None:
            self._use(rulener.load(*self._packs, lexicons=self._lexicons, base=self._base))
        assert self._engine is not None
        return self._engine

    def _use(self, engine: Engine) -> None:
        info = engine.info()
        names = [*info["labels"], *(name for scheme in info["schemes"].values() for name in scheme.values())]
        self._known = {name.lower(): name for name in reversed(names)}
        self._engine = engine

    def __call__(self, doc: Any) -> Any:
        """Judge the entities of a document and give it back."""
        engine = self.engine
        spans = [*doc.ents, *(span for group in self._spans for span in doc.spans.get(group, ()))]
        mentions = [(span.start_char, span.end_char, self.label(span.label_)) for span in spans]
        judged = engine.annotate(doc.text, mentions=mentions).entities if spans else ()
        for span, entity in zip(spans, judged, strict=True):
            for axis in AXES:
                span._.set(self.prefix + axis, getattr(entity, axis))
            span._.set(self.prefix + CUES, [cue._asdict() for cue in entity.cues])
            span._.set(self.prefix + SECTION, entity.section)
        return doc

    def label(self, label: str) -> str:
        """What the packs call an entity label."""
        return self._labels.get(label) or self._known.get(label.lower(), label)

    # --- to disk and back: the compiled engine goes along, so the pipeline needs no packs where it is opened -------------------

    def to_disk(self, path: str | os.PathLike[str], *, exclude: Iterable[str] = ()) -> None:
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.engine.path, folder / ENGINE_FILE)

    def from_disk(self, path: str | os.PathLike[str], *, exclude: Iterable[str] = ()) -> RulenerContext:
        self._use(rulener.load(Path(path) / ENGINE_FILE))
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Nothing: the configuration says all. (A compiled engine belongs on disk.)"""
        return b""

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> RulenerContext:
        return self


def make_context(
    nlp: Any,
    name: str,
    packs: list[str],
    lexicons: list[str],
    base: str | None,
    labels: dict[str, str],
    spans: list[str],
    prefix: str,
) -> RulenerContext:
    """What `nlp.add_pipe("rulener_context")` calls."""
    return RulenerContext(name, packs=packs, lexicons=lexicons, base=base, labels=labels, spans=spans, prefix=prefix)


def _declare(attribute: str) -> None:
    """Declare an extension attribute. UsageError (U240) when another component has one of that name that is not like ours."""
    if Span.has_extension(attribute):
        if Span.get_extension(attribute) != (None, None, None, None):
            raise UsageError(
                "U240",
                f"spaCy's Span has an extension attribute {attribute!r} already",
                hint='give the component a prefix, for example config={"prefix": "rulener_"}',
            )
    else:
        Span.set_extension(attribute, default=None)


Language.factory(
    FACTORY,
    default_config=_DEFAULTS,
    requires=["doc.ents"],
    assigns=[f"span._.{attribute}" for attribute in (*AXES, CUES, SECTION)],
    func=make_context,
)
