"""The engine: a compiled artifact plus options. It annotates text, explains itself and pickles in bytes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rulener.artifact import OpenArtifact
from rulener.core.columns import Batch, Tables
from rulener.core.json_writer import JsonWriter
from rulener.core.scanner import Scanner
from rulener.errors import ArtifactCorrupt, ArtifactError, NoteError, UsageError
from rulener.linking.linker import Linker, read_options

if TYPE_CHECKING:
    import pyarrow

    from rulener.core.columns import Document
    from rulener.explain import Explanation
    from rulener.linking.decisions import Decisions
    from rulener.packs.diagnostics import Diagnostic
    from rulener.packs.model import Pack

PathLike = str | os.PathLike[str]
Mentions = Iterable[tuple[int, int, str]]

BASE_PACK = "english"
STARTER = "starter"
RESOLUTIONS = ("longest", "longest_per_label", "all")
_ARTIFACT_SUFFIX = ".rnr"
_CHUNK = 64  # notes a worker thread takes at a time


class _LazyRegex:
    """A regex rule, compiled when its anchor is first met."""

    def __init__(self, source: str, groups: Iterable[str], path: Path) -> None:
        self._source = source
        self._groups = frozenset(groups)
        self._path = path
        self._compiled: Any = None

    def finditer(self, text: str, start: int, end: int, *, timeout: float) -> Iterator[Any]:
        if self._compiled is None:
            self._compiled = self._compile()
        return self._compiled.finditer(text, start, end, timeout=timeout)  # type: ignore[no-any-return]

    def _compile(self) -> Any:
        import regex

        try:
            compiled = regex.compile(self._source)
        except (regex.error, ValueError, OverflowError, RecursionError, KeyError, IndexError, TypeError) as error:
            raise _contradicts_itself(self._path) from error
        if not self._groups <= compiled.groupindex.keys():
            raise _contradicts_itself(self._path)
        return compiled


@dataclass(frozen=True, slots=True)
class NoteFailure:
    """A note of a batch that could not be annotated: its index, the error's code and why."""

    index: int
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class JsonlBatch:
    """JSON lines of the good notes in order, and the failures."""

    data: bytes
    notes: int
    entities: int
    failures: list[NoteFailure]


def load(
    *packs: PathLike,
    lexicons: Sequence[PathLike] | None = None,
    scheme: str | None = None,
    base: str | None = BASE_PACK,
    resolution: str | None = None,
    cues_inside_mention: str | None = None,
    lists: str | None = None,
    linking: Mapping[str, Any] | bool | None = None,
    decisions: PathLike | None = None,
    cache_dir: PathLike | None = None,
) -> Engine:
    """An engine from rule packs and lexicons, or from one compiled file.

    With no arguments: the shipped English pack and starter lexicons. `packs` are folders (or names of shipped packs) that are
    added to `base`; `base=None` loads them alone, without lexicons. `lexicons` are term tables that replace the starter
    lexicons (none given, or an empty list: the starter ones stay); the name "starter" among them keeps those. `scheme` reports
    labels as that scheme names them and leaves the other mentions out. `resolution` overrides the packs' policy,
    `cues_inside_mention` ("ignore" or "act") and `lists` ("follow" or "stop") their options of these names
    (docs/design/assertion.md, section 8). `linking` switches steps of the linker (`{"steps": [...], "min_score": 0.3}`) or all of
    it (False) off, `decisions` is a table of a reviewer's decisions (docs/guide/linking.md). What is compiled is kept in
    `cache_dir` (default: the user's cache folder).

    Raises PackError, LexiconError, ArtifactError, UsageError.
    """
    if len(packs) == 1 and os.fspath(packs[0]).endswith(_ARTIFACT_SUFFIX):
        if lexicons or resolution is not None or cues_inside_mention is not None or lists is not None:
            raise UsageError(
                "U102", "a compiled file has its lexicons, resolution and options built in", hint="compile it with them"
            )
        return Engine(Path(packs[0]), scheme=scheme, linking=linking, decisions=decisions)
    from rulener.compiler.cache import cached_artifact

    folders = pack_folders(packs, base)
    tables = lexicon_paths(lexicons, base)
    _check_resolution(resolution)
    context = _context_options(cues_inside_mention, lists)
    try:
        path = cached_artifact(folders, tables, resolution=resolution, context=context, base_folder=cache_dir)
        return Engine(path, scheme=scheme, linking=linking, decisions=decisions)
    except ArtifactError:
        # What lay in the cache is damaged.
        path = cached_artifact(folders, tables, resolution=resolution, context=context, base_folder=cache_dir, afresh=True)
        return Engine(path, scheme=scheme, linking=linking, decisions=decisions)


def cache_facts(cache_dir: PathLike | None = None) -> dict[str, Any]:
    """Where compiled files are kept, how many there are, their bytes, and the limits beyond which those used longest ago go."""
    from rulener.compiler.cache import described

    return described(cache_dir)


def compile_to(
    target: PathLike,
    *packs: PathLike,
    lexicons: Sequence[PathLike] | None = None,
    base: str | None = BASE_PACK,
    resolution: str | None = None,
    cues_inside_mention: str | None = None,
    lists: str | None = None,
) -> Engine:
    """Compile packs and lexicons (as for `load`) to the file `target` and open it."""
    from rulener.compiler.cache import cache_folder, compile_inputs, hash_lexicon, hash_pack
    from rulener.compiler.fingerprint import fingerprint

    folders = pack_folders(packs, base)
    tables = lexicon_paths(lexicons, base)
    _check_resolution(resolution)
    context = _context_options(cues_inside_mention, lists)
    hashes = [hash_lexicon(path, cache_folder()) for path in tables]
    key = fingerprint(
        [(path.name, hash_pack(path)) for path in folders],
        [(path.name, digest) for path, digest in zip(tables, hashes, strict=True)],
        {"resolution": resolution, **context},
    )
    compile_inputs(folders, tables, hashes, resolution, key, Path(target), cache_folder(), context)
    return Engine(Path(target))


def compile_packs(
    target: PathLike,
    packs: Sequence[Pack],
    *,
    lexicons: Sequence[Path] = (),
    resolution: str | None = None,
    decisions: PathLike | None = None,
) -> Engine:
    """Compile packs that are read and linked already to the file `target` and open it: for who compiles at every keystroke.

    Large `lexicons` are taken from the user's cache, or put there. Raises PackError, LexiconError, UsageError.
    """
    from rulener.compiler.build import CompileInputs, compile_artifact
    from rulener.compiler.cache import cache_folder, hash_lexicon
    from rulener.compiler.fingerprint import fingerprint

    _check_resolution(resolution)
    folder = cache_folder()
    hashes = tuple(hash_lexicon(path, folder) for path in lexicons)
    named = [pack.resolution for pack in packs if pack.resolution is not None]
    key = fingerprint(
        [(pack.path.name, pack.content_hash) for pack in packs],
        [(path.name, digest) for path, digest in zip(lexicons, hashes, strict=True)],
        {"resolution": resolution},
    )
    policy = resolution or (named[-1] if named else "longest")
    compile_artifact(CompileInputs(tuple(packs), tuple(lexicons), hashes, policy, key, folder), Path(target))
    return Engine(Path(target), decisions=decisions)


def pack_folders(packs: Sequence[PathLike], base: str | None) -> list[Path]:
    """The folders of `base` and `packs`, each once, in order. Raises UsageError for one that is neither folder nor shipped."""
    from rulener import shipped

    known = shipped.packs()
    folders: list[Path] = []
    for given in ([base] if base is not None else []) + [os.fspath(pack) for pack in packs]:
        path = Path(given)
        if not path.is_dir() and given in known:
            path = known[given]
        elif not path.is_dir():
            close = _nearest(given, known)
            hint = f"did you mean the shipped pack {close!r}?" if close else "a pack is a folder with a pack.yaml"
            raise UsageError("U103", f"no such pack: {given}", hint=hint)
        if not any(_same(path, other) for other in folders):
            folders.append(path)
    return folders


def _nearest(name: str, known: Iterable[str]) -> str:
    from rulener.packs.source import nearest

    return nearest(name, known)


def _same(a: Path, b: Path) -> bool:
    return a.resolve() == b.resolve()


def lexicon_paths(lexicons: Sequence[PathLike] | None, base: str | None) -> list[Path]:
    """The tables to load. "starter" stands for the shipped ones, which also come with `base` when no table is given."""
    from rulener import shipped

    if isinstance(lexicons, str | os.PathLike):
        lexicons = [lexicons]
    paths: list[Path] = []
    for given in lexicons or ([STARTER] if base is not None else []):
        if os.fspath(given) == STARTER:
            paths.extend(shipped.lexicons())
        else:
            paths.append(Path(given))
    return paths


def find_conflicts(packs: Sequence[Pack], lexicons: Sequence[PathLike] = ()) -> tuple[list[Diagnostic], list[str]]:
    """What the terms, cues and headings of packs and lexicons do to each other (docs/errors R305 to R310), and the lexicon rows
    that could not be read, as messages. Raises LexiconError."""
    from rulener.compiler.conflicts import lexicon_conflicts, pack_conflicts
    from rulener.lexicon.table import Skipped

    found = pack_conflicts(packs)
    messages: list[str] = []
    for path in lexicon_paths(lexicons, None):
        skipped = Skipped()
        found += lexicon_conflicts(packs, path, skipped)
        messages += skipped.messages(path.name)
    return found, messages


def _context_options(cues_inside_mention: str | None, lists: str | None) -> dict[str, str]:
    """The options of the context stage that were given. Raises UsageError for an unknown value."""
    given = {"cues_inside_mention": (cues_inside_mention, ("ignore", "act")), "lists": (lists, ("follow", "stop"))}
    for name, (value, allowed) in given.items():
        if value is not None and value not in allowed:
            raise UsageError("U104", f"unknown {name} {value!r}", hint="one of " + ", ".join(allowed))
    return {name: value for name, (value, _) in given.items() if value is not None}


def _check_resolution(resolution: str | None) -> None:
    if resolution is not None and resolution not in RESOLUTIONS:
        raise UsageError("U104", f"unknown resolution {resolution!r}", hint="one of " + ", ".join(RESOLUTIONS))


class Engine:
    """A compiled artifact, opened read-only, plus the options of its use. Threads may share one; pickles as path and options."""

    def __init__(
        self,
        path: Path,
        *,
        scheme: str | None = None,
        linking: Mapping[str, Any] | bool | None = None,
        decisions: PathLike | Decisions | None = None,
    ) -> None:
        self.path = Path(path)
        self.scheme = scheme
        self._linking = read_options(linking)
        self._decisions = _decisions(decisions)
        self._artifact = OpenArtifact(self.path)
        self._meta = self._artifact.meta
        try:
            self._read_meta()
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise _contradicts_itself(self.path) from error
        self._label_out, self._labels = self._reported_labels(scheme)
        self._compatible: dict[str, frozenset[int] | None] = {}
        self._linker = Linker(
            self._tables, self._artifact.sections, self._linking, self._decisions, self._compatible_labels, self._names_file
        )
        self._idle: list[Scanner] = []
        self._writers: list[JsonWriter] = []

    def _read_meta(self) -> None:
        meta = {**self._meta, "fingerprint": self._fingerprint(), "path": str(self.path)}
        self._tables = Tables(self._artifact.map, self._artifact.sections, meta)
        self._policy = RESOLUTIONS.index(self._meta["resolution"])
        self._regexes = [self._regex(entry) for entry in self._meta["regexes"]]
        header = self._artifact.header
        self._bounds = {
            "vocab_bits": header.vocab_bits,
            "filter_bits": header.filter_bits,
        }

    def _regex(self, entry: dict[str, Any]) -> tuple[_LazyRegex, int, list[tuple[str, int]], float, str, bool]:
        """What the scanner needs of a regex rule: it, its term, its groups, its time, its rule's name, whether it has anchors."""
        groups = [(name, number) for name, number in entry["names"]]
        if entry["term"] >= self._tables.n_terms or any(number >= self._tables.n_strings for _, number in groups):
            raise ValueError("regexes")
        found = _LazyRegex(entry["regex"], (name for name, _ in groups), self.path)
        return found, entry["term"], groups, entry["timeout"], self._tables.rule_name(entry["rule"]), entry["anchored"]

    def _fingerprint(self) -> str:
        """That of the artifact, or of artifact and options when an option changes what is reported."""
        base = self._artifact.header.fingerprint
        options: dict[str, Any] = {} if self.scheme is None else {"scheme": self.scheme}
        if self._linking is None or not self._linking.is_default:
            options["linking"] = self._linking and self._linking.keys()
        if self._decisions is not None:
            options["decisions"] = self._decisions.sha256
        return hashlib.sha256(json.dumps([base, options]).encode("utf-8")).hexdigest() if options else base

    def _reported_labels(self, scheme: str | None) -> tuple[list[int], list[str]]:
        """For every label of the artifact its number in the reported labels (65535: left out), and those labels."""
        labels: list[str] = list(self._meta["labels"])
        if scheme is None:
            return list(range(len(labels))), labels
        schemes = self._meta["schemes"]
        if scheme not in schemes:
            close = _nearest(scheme, schemes)
            known = ", ".join(sorted(schemes)) or "none"
            hint = f"did you mean {close!r}?" if close else f"the packs' schemes: {known}"
            raise UsageError("U105", f"no loaded pack has a scheme {scheme!r}", hint=hint)
        mapping = schemes[scheme]
        reported = list(dict.fromkeys(mapping[label] for label in labels if label in mapping))
        return [reported.index(mapping[label]) if label in mapping else 0xFFFF for label in labels], reported

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def fingerprint(self) -> str:
        """Hex digest of everything that shapes the results: packs, lexicons, options, versions."""
        return str(self._tables.meta["fingerprint"])

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that entities may have, as reported (see `scheme`)."""
        return tuple(self._labels)

    @property
    def axes(self) -> tuple[str, ...]:
        """The assertion axes that some loaded pack assesses; the others are None on every entity."""
        return tuple(self._meta["axes"])

    @property
    def warnings(self) -> list[str]:
        """What compiling had to say: skipped lexicon rows, counted and named."""
        return list(self._meta["warnings"])

    def manifest(self) -> dict[str, Any]:
        """What the results depend on: engine, packs and lexicons with their hashes, effective options."""
        return {
            "engine": self.fingerprint,
            "packs": self._meta["packs"],
            "lexicons": self._meta["lexicons"],
            "options": {
                "resolution": self._meta["resolution"],
                "cues_inside_mention": self._meta["cues_inside_mention"],
                "lists": self._meta["lists"],
                "scheme": self.scheme,
                "axes": self._meta["axes"],
                "linking": self._linking.to_dict() if self._linking else None,
                "decisions": {"path": self._decisions.path, "sha256": self._decisions.sha256} if self._decisions else None,
            },
        }

    def info(self) -> dict[str, Any]:
        """The manifest with sizes and counts."""
        from rulener import __version__, artifact

        header = self._artifact.header
        return {
            "rulener": __version__,
            "path": str(self.path),
            "bytes": header.length,
            "format": artifact.FORMAT_VERSION,
            "normaliser": artifact.NORMALISER_VERSION,
            "unicode": f"{header.unicode // 10000}.{header.unicode // 100 % 100}.{header.unicode % 100}",
            **self.manifest(),
            "labels": self._meta["labels"],
            "schemes": self._meta["schemes"],
            "counts": self._meta["counts"],
            "warnings": self._meta["warnings"],
            "sections": {name: length for name, (_, length) in header.sections.items()},
        }

    def __repr__(self) -> str:
        return f"<Engine {self.fingerprint[:12]} {self.path.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        linking = False if self._linking is None else None if self._linking.is_default else self._linking.to_dict()
        return (_open, (os.fspath(self.path), self.scheme, linking, self._decisions))

    # --- annotating ---------------------------------------------------------------------------------------------------

    def annotate(self, text: str, mentions: Mentions | None = None, note_id: str | None = None) -> Document:
        """Annotate one note.

        With `mentions=[(start, end, label), …]` only the context is judged: every given mention comes back, in the given order,
        with its assertions, and with concepts where a term has exactly its span. Labels may be any string.

        Raises NoteError when the note cannot be annotated (a regex rule that runs too long), ValueError for a mention outside
        the text.
        """
        scanner = self._take()
        try:
            if mentions is None:
                batch = Batch(self._tables, [note_id], self._labels)
                scanner.annotate(batch, text)
                self._linker.link_found(batch, scanner.tokenise)
            else:
                given, labels = self._given(text, mentions)
                batch = Batch(self._tables, [note_id], labels)
                scanner.annotate_given(batch, text, given)
                if self._linker.is_active:
                    self._linker.link_given(batch, scanner.tokenise(text))
        finally:
            self._idle.append(scanner)
        if batch.failures:
            _, code, reason = batch.failures[0]
            raise NoteError(code, reason, place=note_id or "")
        return batch.document(0)

    def annotate_many(self, texts: Iterable[str], *, workers: int = 1, ids: Iterable[str] | None = None) -> Iterator[Document]:
        """Annotate notes lazily, in input order. `workers` threads share the engine; the core runs without the GIL.

        Raises NoteError at the place of a note that cannot be annotated.
        """
        if workers < 1:
            raise UsageError("U106", f"workers must be at least 1, not {workers}")
        chunks = _chunks(texts, ids)
        if workers == 1:
            for chunk in chunks:
                yield from self._documents(chunk)
            return
        yield from self._documents_in_threads(chunks, workers)

    def _documents_in_threads(self, chunks: Iterator[tuple[list[str], list[str | None]]], workers: int) -> Iterator[Document]:
        from collections import deque
        from concurrent.futures import Future, ThreadPoolExecutor

        with ThreadPoolExecutor(workers, thread_name_prefix="rulener") as pool:
            waiting: deque[Future[Batch]] = deque()
            try:
                for chunk in chunks:
                    waiting.append(pool.submit(self._annotate_chunk, *chunk))
                    if len(waiting) > workers * 2:
                        yield from _batch_documents(waiting.popleft().result())
                while waiting:
                    yield from _batch_documents(waiting.popleft().result())
            finally:
                for future in waiting:
                    future.cancel()

    def _documents(self, chunk: tuple[list[str], list[str | None]]) -> Iterator[Document]:
        return _batch_documents(self._annotate_chunk(*chunk))

    def _annotate_chunk(
        self, texts: Sequence[str], ids: Sequence[str | None], metadata: Sequence[dict[str, Any]] | None = None
    ) -> Batch:
        batch = Batch(self._tables, list(ids), self._labels, list(metadata or ()))
        scanner = self._take()
        try:
            scanner.annotate_all(batch, texts)
            self._linker.link_found(batch, scanner.tokenise)
        finally:
            self._idle.append(scanner)
        return batch

    def annotate_batch(self, texts: Iterable[str], ids: Iterable[str] | None = None) -> pyarrow.Table:
        """Annotate notes into an Arrow table, one row per entity (columns: docs/guide/library.md). Needs the extra [parquet].

        `ids` default to the notes' positions. Notes that cannot be annotated are listed in the schema's metadata under
        `rulener.failures`, as JSON.
        """
        from rulener.formats.arrow import batch_table

        held = list(texts)
        names = [str(k) for k in range(len(held))] if ids is None else list(ids)
        _same_length(names, held)
        return batch_table(self._annotate_chunk(held, names))

    def jsonl(self, texts: Sequence[str], ids: Sequence[str]) -> JsonlBatch:
        """Annotate notes to JSON lines (schema rulener.document/1), one per good note, in order."""
        batch = self.batch(texts, ids)
        failures = [NoteFailure(*failure) for failure in batch.failures]
        return JsonlBatch(self.json_lines(batch), len(batch) - len(failures), batch.n_entities, failures)

    def batch(self, texts: Sequence[str], ids: Sequence[str | None], metadata: Sequence[dict[str, Any]] | None = None) -> Batch:
        """Annotate notes; the rows are for writers (`rulener.formats`). `metadata`, one dict a note, goes into the results."""
        _same_length(ids, texts)
        if metadata is not None:
            _same_length(metadata, texts)
        return self._annotate_chunk(texts, ids, metadata)

    def json_lines(self, batch: Batch) -> bytes:
        """JSON lines (schema rulener.document/1) of the notes of a batch that did not fail, in order."""
        writer = self._writers.pop() if self._writers else JsonWriter(self._tables)
        try:
            return writer.lines(batch)
        finally:
            self._writers.append(writer)

    def explain(self, text: str, position: int | None = None) -> Explanation:
        """Why each entity is there, what it beat and which cue hit; with `position`, also why nothing else is there."""
        from rulener.explain import explain

        return explain(self, text, position)

    def tokens(self, text: str) -> list[str]:
        """The words of a text as rules see them, folded. One that is too long to be a word of any rule is left out."""
        scanner = self._take()
        try:
            return [key for _, _, key, _, _, _ in scanner.tokenise(text) if key is not None]
        finally:
            self._idle.append(scanner)

    def close(self) -> None:
        """Let go of scratch memory. The mapping goes when the last document does."""
        self._idle.clear()
        self._writers.clear()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _take(self) -> Scanner:
        """An idle scanner or a new one; each thread works with its own."""
        try:
            return self._idle.pop()
        except IndexError:
            return self._scanner()

    def _scanner(self, *, trace: bool = False) -> Scanner:
        return Scanner(
            self._tables,
            self._artifact.sections,
            self._bounds,
            self._regexes,
            self._policy,
            self._label_out,
            trace,
        )

    def _names_file(self) -> tuple[Path, str]:
        """Where the linker may keep its index of names: beside an artifact in the cache, else in the user's cache folder."""
        from rulener.compiler.cache import cache_folder

        header = self._artifact.header
        folder = self.path.parent if self.path.stem == header.fingerprint else cache_folder()
        return folder / f"{header.body_hash.hex()}.names", header.body_hash.hex()

    def _compatible_labels(self, name: str) -> frozenset[int] | None:
        """The labels whose terms may be a mention of this label: itself and those that share a scheme's label with it, or those
        that a scheme calls so. None, any label, for a name that neither packs nor schemes know."""
        if name not in self._compatible:
            labels: list[str] = list(self._meta["labels"])
            schemes = self._meta["schemes"].values()
            if name in labels:
                targets = {(k, scheme[name]) for k, scheme in enumerate(schemes) if name in scheme}
                fits = [
                    label == name or any((k, scheme.get(label)) in targets for k, scheme in enumerate(schemes))
                    for label in labels
                ]
            else:
                fits = [any(scheme.get(label) == name for scheme in schemes) for label in labels]
            found = frozenset(number for number, fit in enumerate(fits) if fit)
            self._compatible[name] = found or None
        return self._compatible[name]

    def _given(self, text: str, mentions: Mentions) -> tuple[list[tuple[int, int, int, int]], list[str]]:
        """Given mentions with their label numbers and label bits, and the label list that includes theirs."""
        labels = list(self._labels)
        found = []
        for start, end, label in mentions:
            if not 0 <= start <= end <= len(text):
                raise ValueError(f"mention {start}:{end} does not lie within the text of {len(text)} code points")
            if label not in labels:
                labels.append(label)
            found.append((start, end, labels.index(label), self._label_bits(label)))
        return found, labels

    def _label_bits(self, name: str) -> int:
        """The bit of a given label: that of the pack's or scheme's label of this name, none for any other."""
        names = self._meta["label_names"]
        return 1 << names.index(name) if name in names else 0


def _contradicts_itself(path: Path) -> ArtifactCorrupt:
    return ArtifactCorrupt(
        "A104", "the artifact is damaged: its tables contradict each other", place=str(path), hint="compile it again"
    )


def _open(path: str, scheme: str | None, linking: Mapping[str, Any] | bool | None, decisions: Decisions | None) -> Engine:
    return Engine(Path(path), scheme=scheme, linking=linking, decisions=decisions)


def _decisions(given: PathLike | Decisions | None) -> Decisions | None:
    if given is None:
        return None
    from rulener.linking.decisions import Decisions, read_decisions

    return given if isinstance(given, Decisions) else read_decisions(Path(given))


def _same_length(ids: Sequence[Any], texts: Sequence[str]) -> None:
    if len(ids) != len(texts):
        raise UsageError("U107", f"{len(ids)} ids for {len(texts)} texts")


def _batch_documents(batch: Batch) -> Iterator[Document]:
    failures = {index: (code, reason) for index, code, reason in batch.failures}
    for number in range(len(batch)):
        if number in failures:
            code, reason = failures[number]
            raise NoteError(code, reason, place=str(batch.ids[number] or ""))
        yield batch.document(number)


def _chunks(texts: Iterable[str], ids: Iterable[str] | None) -> Iterator[tuple[list[str], list[str | None]]]:
    """Slices of the input, each with its ids."""
    from itertools import islice

    source = iter(texts)
    names = iter(ids) if ids is not None else None
    while held := list(islice(source, _CHUNK)):
        chunk_ids: list[str | None] = [None] * len(held) if names is None else list(islice(names, len(held)))
        _same_length(chunk_ids, held)
        yield held, chunk_ids
    if names is not None and next(names, None) is not None:
        raise UsageError("U107", "there are more ids than texts")
