"""The terms of a compiled file as rows of a table: what `rulener lexicon stats` and `lookup` read of an artifact.

The automaton is walked level by level (forms of one token, of two...), vectorised; memory is about 40 bytes a state. To
one surface its tokens lead down, from one code the ends of its forms lead up, a scan of a table each step. Surfaces come as they
are matched: folded tokens with spaces between them. Layout: docs/design/artifact.md, rulener/core/structs.pxd.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rulener.artifact import OpenArtifact
from rulener.errors import ArtifactCorrupt
from rulener.lexicon.table import LINK_ONLY, Row

_NONE = 0xFFFFFFFF
_DEEP = 1 << 31  # states from here on are more than one token deep
_KIND_TERM = 0
_HASHED = 1 << 63
_MOST_TOKENS = 64
_MOST_PARTS = 4  # of a system's name, by colons
_KEPT = 1 << 18  # texts kept for the next row

_VOCAB = np.dtype([("key", "<u8"), ("id", "<u4"), ("arena", "<u4")])
_EDGE = np.dtype([("state", "<u4"), ("token", "<u4"), ("child", "<u4"), ("out", "<u4")])
_ROOT = np.dtype([("out", "<u4"), ("next", "<u4")])
_OUT = np.dtype([("entry", "<u4"), ("n_entries", "<u2"), ("n_tokens", "<u2"), ("next", "<u4"), ("kinds", "<u4")])
_ENTRY = np.dtype(
    [("ref", "<u4"), ("case", "<u4"), ("priority", "<i2"), ("kind", "u1"), ("head", "u1"), ("tail", "u1"), ("link_only", "u1"),
     ("reserved", "<u2")]
)  # fmt: skip
_TERM = np.dtype(
    [("rule", "<u4"), ("concept", "<u4"), ("n_concepts", "<u2"), ("label", "<u2"), ("unless", "<u4"), ("n_unless", "<u2"),
     ("priority", "<i2"), ("flags", "<u4"), ("surround", "<u4")]
)  # fmt: skip
_LINK = np.dtype([("concept", "<u4"), ("rank", "<u2"), ("variant", "u1"), ("link_only", "u1")])
_CONCEPT = np.dtype([(name, "<u4") for name in ("system", "code", "name", "semantic_type", "standard", "standard_id")])
_RULE = np.dtype([(name, "<u4") for name in ("name", "path", "line", "column")])

Numbers = np.ndarray[Any, Any]


class Surfaces:
    """The surfaces of an artifact. `source` of its rows is the rule or table (`lexicon:drugs`) they come from.

    Raises ArtifactError when the file is none, ArtifactCorrupt (A104) when its tables lead nowhere.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._artifact = OpenArtifact(path)
        self._vocab = self._table("vocab", _VOCAB)
        self._edges = self._table("edges", _EDGE)
        self._roots = self._table("roots", _ROOT)
        self._outs = self._table("outs", _OUT)
        self._entries = self._table("entries", _ENTRY)
        self._terms = self._table("terms", _TERM)
        self._links = self._table("concept_links", _LINK)
        self._concepts = self._table("concepts", _CONCEPT)
        self._rules = self._table("rules", _RULE)
        self._offsets = self._table("string_offsets", np.dtype("<u4"))
        self._strings = self._artifact.sections["string_bytes"]
        self._spelled: dict[int, str] = {}
        self._texts: dict[int, str] = {_NONE: ""}
        self._places: Numbers = np.zeros(0, np.int64)

    def rows(self, *, spelling: str | None = None, code: str | None = None) -> Iterator[Row]:
        """Every surface and concept; or only those of the surface with these folded tokens, or of concepts with this code
        (`SYSTEM:CODE`, or a code alone), in the order of their number of tokens."""
        try:
            for forms, outs in self._found(spelling, code):
                for k, out in enumerate(outs.tolist()):
                    yield from self._form(forms[k].tolist(), out, code)
        except (IndexError, ValueError, OverflowError) as error:
            message = f"its tables lead nowhere: {type(error).__name__}"
            raise ArtifactCorrupt("A104", message, place=str(self.path), hint="compile it again") from error

    def _table(self, name: str, dtype: Any) -> Numbers:
        view = self._artifact.sections[name]
        if len(view) % dtype.itemsize:
            raise ArtifactCorrupt("A104", f"its table {name} is not whole", place=str(self.path), hint="compile it again")
        return np.frombuffer(view, dtype)

    # --- forms --------------------------------------------------------------------------------------------------------

    def _found(self, spelling: str | None, code: str | None) -> Iterator[tuple[Numbers, Numbers]]:
        """`(tokens of forms, one row each; their Out)`, by number of tokens: of all, of one spelling, or of one code."""
        if spelling is not None:
            yield from self._spelled_forms(spelling.split())
        elif code is not None:
            yield from self._forms_of(np.flatnonzero(self._outs_of(code)))
        else:
            yield from self._levels()

    def _spelled_forms(self, spelled: Sequence[str]) -> Iterator[tuple[Numbers, Numbers]]:
        """The form of these tokens, when there is one."""
        tokens = [self._token(text) for text in spelled]
        if not tokens or 0 in tokens:
            return
        out, state = self._roots["out"][tokens[0]], self._roots["next"][tokens[0]]
        for token in tokens[1:]:
            edge = np.flatnonzero((self._edges["state"] == state) & (self._edges["token"] == token))
            if not state or not len(edge):
                return
            out, state = self._edges["out"][edge[0]], self._edges["child"][edge[0]]
        outs = np.array([out], np.uint32)
        ends = self._own(outs, len(tokens))
        yield np.array([tokens], np.uint32)[ends], outs[ends]

    def _forms_of(self, outs: Numbers) -> Iterator[tuple[Numbers, Numbers]]:
        """The forms that end in one of these Outs: from their last token back to the first.

        A state has one edge that leads to it, but an edge to a child that nothing continues names another state, of a level
        before: a way back over it is too long, and does not begin at a root.
        """
        depths = self._outs["n_tokens"][outs]
        for depth in np.unique(depths).tolist():
            of_depth = outs[depths == depth].astype(np.uint32)
            if depth == 1:
                firsts = np.flatnonzero(np.isin(self._roots["out"], of_depth))
                yield firsts[:, None], self._roots["out"][firsts]
                continue
            edges = np.flatnonzero((self._edges["state"] != 0) & np.isin(self._edges["out"], of_depth))
            ends, paths = self._edges["out"][edges], self._edges["token"][edges][:, None]
            for _ in range(depth - 2):
                which, edges = _matches(self._edges["child"], self._by_child, self._edges["state"][edges])
                edges, which = edges[self._edges["state"][edges] != 0], which[self._edges["state"][edges] != 0]
                ends, paths = ends[which], np.column_stack([self._edges["token"][edges], paths[which]])
            which, firsts = _matches(self._roots["next"], self._by_next, self._edges["state"][edges])
            ends, paths = ends[which], np.column_stack([firsts, paths[which]])
            order = np.lexsort(paths.T[::-1])
            yield paths[order], ends[order]

    @cached_property
    def _by_child(self) -> Numbers:
        order: Numbers = np.argsort(self._edges["child"], kind="stable").astype(np.uint32)
        return order

    @cached_property
    def _by_next(self) -> Numbers:
        order: Numbers = np.argsort(self._roots["next"], kind="stable").astype(np.uint32)
        return order

    def _levels(self) -> Iterator[tuple[Numbers, Numbers]]:
        """Forms of one token, of two, ..."""
        first = np.arange(len(self._roots), dtype=np.uint32)
        outs = self._roots["out"][first]
        ends = self._own(outs, 1)
        yield first[ends][:, None], outs[ends]
        going = self._roots["next"][first] != 0
        states, paths = self._roots["next"][first][going], first[going][:, None]
        used = np.flatnonzero(self._edges["state"])
        order = used[np.argsort(self._edges["state"][used], kind="stable")]
        begins = self._edges["state"][order]
        seen = np.zeros(0, np.uint32)
        for depth in range(2, _MOST_TOKENS + 1):
            if not len(states):
                return
            low, high = np.searchsorted(begins, states, "left"), np.searchsorted(begins, states, "right")
            parents = np.repeat(np.arange(len(states)), high - low)
            before = np.cumsum(high - low) - (high - low)
            edges = self._edges[order[np.arange(len(parents)) + np.repeat(low - before, high - low)]]
            paths = np.column_stack([paths[parents], edges["token"]])
            sorted_ = np.lexsort(paths.T[::-1])  # the order of a hash table is not one to show
            edges, paths = edges[sorted_], paths[sorted_]
            ends = self._own(edges["out"], depth)
            yield paths[ends], edges["out"][ends]
            # A child that nothing continues is named by its fail link: a state of a level before, or of this one's own tokens.
            deep = (edges["child"] >= _DEEP) & ~np.isin(edges["child"], seen)
            states, paths = edges["child"][deep], paths[deep]
            seen = np.union1d(seen, states)

    def _own(self, outs: Numbers, depth: int) -> Numbers:
        """Which of these chains begin with a form of so many tokens: one that ends here and not only within."""
        has = outs != _NONE
        own: Numbers = has.copy()
        own[has] = self._outs["n_tokens"][outs[has]] == depth
        return own

    def _outs_of(self, code: str) -> Numbers:
        """By Out: whether its form has a concept with this code."""
        concepts = np.zeros(len(self._concepts), bool)
        for system, its_code in self._readings(code):
            for number in self._with_code(its_code).tolist():
                here = self._concepts[number]
                same_system = system is None or self._text(int(here["system"])).casefold() == system
                concepts[number] |= same_system and self._text(int(here["code"])).casefold() == its_code
        links = np.append(np.cumsum(concepts[self._links["concept"]]), 0)
        begin, end = self._terms["concept"].astype(np.int64), self._terms["concept"].astype(np.int64) + self._terms["n_concepts"]
        terms = links[end - 1] - links[begin - 1] > 0
        terms &= end > begin
        is_term = self._entries["kind"] == _KIND_TERM
        entries = np.zeros(len(self._entries), bool)
        entries[is_term] = terms[self._entries["ref"][is_term]]
        counted = np.append(np.cumsum(entries), 0)
        first = self._outs["entry"].astype(np.int64)
        found: Numbers = counted[first + self._outs["n_entries"] - 1] - counted[first - 1] > 0
        return found

    @staticmethod
    def _readings(code: str) -> Iterator[tuple[str | None, str]]:
        """What may be meant, casefolded: the whole a code, or a part before one of the first colons its system."""
        parts = code.casefold().split(":")
        yield None, ":".join(parts)
        yield from ((":".join(parts[:k]), ":".join(parts[k:])) for k in range(1, min(len(parts), _MOST_PARTS)))

    def _with_code(self, code: str) -> Numbers:
        """The concepts whose code has these letters, in whatever case; of letters beyond ASCII, so many bytes."""
        wanted = np.frombuffer(code.encode(), np.uint8)
        numbers: Numbers = np.flatnonzero(self._concepts["code"] != _NONE)
        places = self._concepts["code"][numbers].astype(np.int64)
        begins = self._offsets[places].astype(np.int64)
        has_length = self._offsets[places + 1] - begins == len(wanted)
        numbers, begins = numbers[has_length], begins[has_length]
        whole = np.frombuffer(self._strings, np.uint8)
        for k, byte in enumerate(wanted.tolist()):
            here = whole[begins + k]
            lower = np.where((here >= 65) & (here <= 90), here + 32, here)
            same = (lower == byte) | ((here >= 128) & (byte >= 128))
            numbers, begins = numbers[same], begins[same]
        return numbers

    # --- rows ---------------------------------------------------------------------------------------------------------

    def _form(self, tokens: Sequence[int], out: int, code: str | None) -> Iterator[Row]:
        surface = " ".join([self._spell(token) for token in tokens])
        first, count = int(self._outs["entry"][out]), int(self._outs["n_entries"][out])
        for entry in self._entries[first : first + count]:
            if entry["kind"] == _KIND_TERM:
                yield from self._term(surface, entry, self._terms[int(entry["ref"])], code)

    def _term(self, surface: str, entry: Any, term: Any, code: str | None) -> Iterator[Row]:
        meta = self._artifact.meta
        label = meta["labels"][int(term["label"])]
        source = self._text(int(self._rules[int(term["rule"])]["name"]))
        exact = int(entry["case"]) != _NONE
        first, count = int(term["concept"]), int(term["n_concepts"])
        for link in self._links[first : first + count]:
            concept = self._concepts[int(link["concept"])]
            system, its_code = self._text(int(concept["system"])), self._text(int(concept["code"]))
            if code is not None and code.casefold() not in (its_code.casefold(), f"{system}:{its_code}".casefold()):
                continue
            standard, standard_id = int(concept["standard"]), int(concept["standard_id"])
            shown = name = ""
            if standard != _NONE:
                target = self._concepts[standard]
                shown = f"{self._text(int(target['system']))}:{self._text(int(target['code']))}"
                name = self._text(int(target["name"]))
            use = LINK_ONLY if link["link_only"] or entry["link_only"] else ""
            yield Row(
                0, surface, label, system, its_code, self._text(int(concept["name"])), self._text(int(concept["semantic_type"])),
                exact, source, "", int(link["rank"]), meta["variants"][int(link["variant"])], use, shown,
                0 if standard_id == _NONE else standard_id, name,
            )  # fmt: skip
        if not count and code is None:
            yield Row(0, surface, label, "", "", "", "", exact, source)

    # --- strings ------------------------------------------------------------------------------------------------------

    def _text(self, number: int) -> str:
        text = self._texts.get(number)
        if text is None:
            if len(self._texts) > _KEPT:
                self._texts = {_NONE: ""}
            begin, end = int(self._offsets[number]), int(self._offsets[number + 1])
            text = self._texts[number] = bytes(self._strings[begin:end]).decode("utf-8", "replace")
        return text

    def _spell(self, token: int) -> str:
        text = self._spelled.get(token)
        if text is None:
            text = self._spelled[token] = self._slot_text(self._slots()[token])
        return text

    def _slots(self) -> Numbers:
        """By token: its slot in the vocabulary."""
        if not len(self._places):
            used = np.flatnonzero(self._vocab["id"])
            if int(self._vocab["id"].max(initial=0)) > len(self._vocab):
                raise IndexError("a token number beyond the vocabulary")
            self._places = np.zeros(int(self._vocab["id"].max(initial=0)) + 1, np.int64)
            self._places[self._vocab["id"][used]] = used
        return self._places

    def _slot_text(self, place: int) -> str:
        slot = self._vocab[int(place)]
        key = int(slot["key"])
        if not key & _HASHED:
            return key.to_bytes(8, "little").rstrip(b"\0").decode("ascii", "replace")
        arena = self._artifact.sections["arena"]
        begin = int(slot["arena"])
        return bytes(arena[begin + 1 : begin + 1 + arena[begin]]).decode("utf-8", "replace")

    def _token(self, spelled: str) -> int:
        """The number of a token; 0 when it is in no form."""
        key = spelled.encode()
        if len(key) <= 8:
            slots = np.flatnonzero(self._vocab["key"] == int.from_bytes(key, "little"))
            found = self._vocab["id"][slots]
            if len(found) and found[0]:
                return int(found[0])
        arena = bytes([len(key)]) + key if len(key) < 256 else b""
        place = self._arena.find(arena) if arena else -1
        while place >= 0:
            slots = np.flatnonzero((self._vocab["arena"] == place) & (self._vocab["key"] >= _HASHED))
            found = self._vocab["id"][slots]
            if len(found) and found[0]:
                return int(found[0])
            place = self._arena.find(arena, place + 1)
        return 0

    @cached_property
    def _arena(self) -> bytes:
        return bytes(self._artifact.sections["arena"])


def _matches(values: Numbers, order: Numbers, wanted: Numbers) -> tuple[Numbers, Numbers]:
    """For values in this ascending order: pairs of a place in `wanted` and a place of an equal value."""
    ordered = values[order]
    low, high = np.searchsorted(ordered, wanted, "left"), np.searchsorted(ordered, wanted, "right")
    counts = high - low
    which = np.repeat(np.arange(len(wanted)), counts)
    before = np.cumsum(counts) - counts
    return which, order[np.arange(len(which)) + np.repeat(low - before, counts)]
