"""spaCy components. Need the extra [spacy].

`rulener` is the whole engine, `rulener_context` its assertions on the entities of any other component:

    nlp.add_pipe("rulener", config={"packs": ["clinical.rnr"]})
    nlp.add_pipe("rulener_context", config={"labels": {"DISEASE": "disorder"}})

docs/guide/spacy.md and docs/guide/assertion.md say what they set and what may be configured.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rulener
from rulener.errors import MissingExtra, UsageError

try:
    from spacy.language import Language
    from spacy.tokens import Doc, Span
    from spacy.util import filter_spans
except ImportError as error:
    raise MissingExtra("the spaCy component", "spacy") from error

if TYPE_CHECKING:
    from rulener.engine import Engine

AXES = ("negated", "uncertain", "historical", "hypothetical", "family")
CUES, SECTION = "cues", "section"
CONTEXT = (*AXES, CUES, SECTION)
FOUND = ("concepts", "linking", "rule", "attributes", "offsets")
SUMMARY, SECTIONS = "rulener", "sections"
FACTORY, CONTEXT_FACTORY = "rulener", "rulener_context"
ENGINE_FILE = "engine.rnr"
_ENGINE: dict[str, Any] = {"packs": [], "lexicons": [], "base": "english"}
_DEFAULTS: dict[str, Any] = {
    **_ENGINE,
    "scheme": None,
    "ents": True,
    "overwrite_ents": False,
    "spans_key": FACTORY,
    "align": "expand",
    "prefix": "",
}
_CONTEXT_DEFAULTS: dict[str, Any] = {**_ENGINE, "labels": {}, "spans": [], "prefix": ""}

_Self = TypeVar("_Self", bound="_Component")


class _Component:
    """A component with an engine, which is made when the first document comes.

    To disk goes the compiled engine, so the pipeline needs no packs where it is opened. The configuration says the rest.
    """

    def __init__(
        self, name: str, packs: Sequence[str], lexicons: Sequence[str], base: str | None, scheme: str | None, prefix: str
    ) -> None:
        self.name = name
        self.prefix = prefix
        self._packs, self._lexicons, self._base, self._scheme = tuple(packs), list(lexicons), base, scheme
        self._engine: Engine | None = None
        self._from_disk = False

    @property
    def engine(self) -> Engine:
        """The engine, made when first needed. Raises what `rulener.load` raises."""
        if self._engine is None:
            self._use(rulener.load(*self._packs, lexicons=self._lexicons, base=self._base, scheme=self._scheme))
        assert self._engine is not None
        return self._engine

    def _use(self, engine: Engine) -> None:
        self._engine = engine

    def _set_context(self, span: Any, entity: Any) -> None:
        """The attributes that both components set."""
        for axis in AXES:
            span._.set(self.prefix + axis, getattr(entity, axis))
        span._.set(self.prefix + CUES, [cue._asdict() for cue in entity.cues])
        span._.set(self.prefix + SECTION, entity.section)

    def to_disk(self, path: str | os.PathLike[str], *, exclude: Iterable[str] = ()) -> None:
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.engine.path, folder / ENGINE_FILE)

    def from_disk(self: _Self, path: str | os.PathLike[str], *, exclude: Iterable[str] = ()) -> _Self:
        self._use(rulener.load(Path(path) / ENGINE_FILE, scheme=self._scheme))
        self._from_disk = True
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Where the engine is, if it came from disk; else nothing, the configuration says all. Never the engine itself."""
        return json.dumps({"engine": os.path.abspath(self.engine.path)}).encode() if self._from_disk else b""

    def from_bytes(self: _Self, data: bytes, *, exclude: Iterable[str] = ()) -> _Self:
        if data:
            self.from_disk(Path(json.loads(data)["engine"]).parent)
        return self


class RulenerEntities(_Component):
    """The whole engine: finds the entities of a document and judges them.

    They are spans of the group `spans_key` (None: no group), in the order of the engine, and with `ents` also in `doc.ents`: no
    two of those share a token, the longer stays, and what other components put there before stays unless
    `overwrite_ents`. A span's label is the entity's, its `kb_id_` the first concept (`SYSTEM:CODE`) of a resolved one, its `id_`
    that of the engine (T1, ...). A mention that begins or ends within a token is expanded to whole tokens; with `align="group"`
    such spans are in the group only.

    Sets on every span what `rulener_context` sets, and `concepts`, `linking`, `rule`, `attributes`, `offsets` (the exact place in
    `doc.text`); on the document `sections` and `rulener`: counts of what was found, expanded and left out. Each name but the last
    is preceded by `prefix`.

    Raises NoteError for a note that cannot be annotated: an error handler of the pipeline may pass over it.
    """

    def __init__(
        self,
        name: str = FACTORY,
        *,
        packs: Sequence[str] = (),
        lexicons: Sequence[str] = (),
        base: str | None = "english",
        scheme: str | None = None,
        ents: bool = True,
        overwrite_ents: bool = False,
        spans_key: str | None = FACTORY,
        align: str = "expand",
        prefix: str = "",
    ) -> None:
        if align not in ("expand", "group"):
            raise UsageError("U104", f"unknown align {align!r}", hint="one of expand, group")
        super().__init__(name, packs, lexicons, base, scheme, prefix)
        self._ents, self._overwrite, self._key, self._align = ents, overwrite_ents, spans_key, align
        for attribute in (*CONTEXT, *FOUND):
            _declare(Span, prefix + attribute)
        _declare(Doc, prefix + SECTIONS)
        _declare(Doc, SUMMARY)

    def __call__(self, doc: Any) -> Any:
        """Annotate a document and give it back."""
        found = self.engine.annotate(doc.text)
        spans, aligned = self._spans(doc, found.entities)
        seen: set[tuple[int, int]] = set()
        for span, entity in zip(spans, found.entities, strict=True):
            if (span.start, span.end) not in seen:  # spaCy keeps attributes by place: those of the first there
                self._set_attributes(span, entity)
            seen.add((span.start, span.end))
        if self._key is not None:
            doc.spans[self._key] = spans
        left_out = self._set_ents(doc, [span for span, fits in zip(spans, aligned, strict=True) if fits]) if self._ents else 0
        doc._.set(self.prefix + SECTIONS, [section._asdict() for section in found.sections])
        doc._.set(
            SUMMARY,
            {
                "engine": found.engine,
                "entities": len(spans),
                "expanded": sum(
                    (span.start_char, span.end_char) != (entity.start, entity.end)
                    for span, entity in zip(spans, found.entities, strict=True)
                ),
                "same_tokens": len(spans) - len(seen),
                "not_in_ents": left_out + aligned.count(False) if self._ents else len(spans),
            },
        )
        return doc

    def _spans(self, doc: Any, entities: Sequence[Any]) -> tuple[list[Any], list[bool]]:
        """A span for every entity, and whether it may be among `doc.ents`."""
        spans, fits = [], []
        for entity in entities:
            concept = entity.concepts[0] if entity.linking == "resolved" else None
            kb_id = f"{concept.system}:{concept.code}" if concept is not None else ""
            place = (entity.start, entity.end)
            span = doc.char_span(*place, label=entity.label, kb_id=kb_id, alignment_mode="expand", span_id=entity.id)
            spans.append(span)
            fits.append(self._align == "expand" or (span.start_char, span.end_char) == place)
        return spans, fits

    def _set_attributes(self, span: Any, entity: Any) -> None:
        self._set_context(span, entity)
        span._.set(self.prefix + "concepts", [concept._asdict() for concept in entity.concepts])
        span._.set(self.prefix + "linking", entity.linking)
        span._.set(self.prefix + "rule", entity.rule)
        span._.set(self.prefix + "attributes", {name: one._asdict() for name, one in entity.attributes.items()})
        span._.set(self.prefix + "offsets", [entity.start, entity.end])

    def _set_ents(self, doc: Any, spans: list[Any]) -> int:
        """Puts into `doc.ents` what fits beside what stays there. How many found no room."""
        before = list(doc.ents)
        if self._overwrite:
            new = filter_spans(spans)
            taken = {token for span in new for token in range(span.start, span.end)}
            kept = [span for span in before if taken.isdisjoint(range(span.start, span.end))]
        else:
            kept = before
            taken = {token for span in kept for token in range(span.start, span.end)}
            new = filter_spans([span for span in spans if taken.isdisjoint(range(span.start, span.end))])
        doc.ents = kept + new
        return len(spans) - len(new)


class RulenerContext(_Component):
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
        name: str = CONTEXT_FACTORY,
        *,
        packs: Sequence[str] = (),
        lexicons: Sequence[str] = (),
        base: str | None = "english",
        labels: Mapping[str, str] | None = None,
        spans: Iterable[str] = (),
        prefix: str = "",
    ) -> None:
        super().__init__(name, packs, lexicons, base, None, prefix)
        self._labels = dict(labels or {})
        self._spans = tuple(spans)
        self._known: dict[str, str] = {}
        for attribute in CONTEXT:
            _declare(Span, prefix + attribute)

    def _use(self, engine: Engine) -> None:
        info = engine.info()
        names = [*info["labels"], *(name for scheme in info["schemes"].values() for name in scheme.values())]
        self._known = {name.lower(): name for name in reversed(names)}
        super()._use(engine)

    def __call__(self, doc: Any) -> Any:
        """Judge the entities of a document and give it back."""
        engine = self.engine
        spans = [*doc.ents, *(span for group in self._spans for span in doc.spans.get(group, ()))]
        mentions = [(span.start_char, span.end_char, self.label(span.label_)) for span in spans]
        judged = engine.annotate(doc.text, mentions=mentions).entities if spans else ()
        for span, entity in zip(spans, judged, strict=True):
            self._set_context(span, entity)
        return doc

    def label(self, label: str) -> str:
        """What the packs call an entity label."""
        return self._labels.get(label) or self._known.get(label.lower(), label)


def make_entities(
    nlp: Any,
    name: str,
    packs: list[str],
    lexicons: list[str],
    base: str | None,
    scheme: str | None,
    ents: bool,
    overwrite_ents: bool,
    spans_key: str | None,
    align: str,
    prefix: str,
) -> RulenerEntities:
    """What `nlp.add_pipe("rulener")` calls."""
    return RulenerEntities(
        name,
        packs=packs,
        lexicons=lexicons,
        base=base,
        scheme=scheme,
        ents=ents,
        overwrite_ents=overwrite_ents,
        spans_key=spans_key,
        align=align,
        prefix=prefix,
    )


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


def _declare(kind: Any, attribute: str) -> None:
    """Declare an extension attribute. UsageError (U240) when another component has one of that name that is not like ours."""
    if kind.has_extension(attribute):
        if kind.get_extension(attribute) != (None, None, None, None):
            raise UsageError(
                "U240",
                f"spaCy's {kind.__name__} has an extension attribute {attribute!r} already",
                hint='give the component a prefix, for example config={"prefix": "rulener_"}',
            )
    else:
        kind.set_extension(attribute, default=None)


Language.factory(
    FACTORY,
    default_config=_DEFAULTS,
    assigns=[
        "doc.ents",
        "doc.spans",
        *(f"span._.{attribute}" for attribute in (*CONTEXT, *FOUND)),
        *(f"doc._.{attribute}" for attribute in (SECTIONS, SUMMARY)),
    ],
    func=make_entities,
)
Language.factory(
    CONTEXT_FACTORY,
    default_config=_CONTEXT_DEFAULTS,
    requires=["doc.ents"],
    assigns=[f"span._.{attribute}" for attribute in CONTEXT],
    func=make_context,
)
