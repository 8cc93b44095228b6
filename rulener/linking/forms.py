"""All term forms of an artifact, read back out of its automaton: the artifact keeps no list of them.

A state of the automaton is a path of tokens. An edge to a state that nothing continues leads to where that state's fail links
lead instead (structs.pxd, `Edge`); such an edge is told by its child, which is no deeper than the edge's own state. Walking the
edges by depth gives every state its path, and an edge or root whose first output has as many tokens as its path ends a form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

U32 = npt.NDArray[np.uint32]
NONE = 0xFFFFFFFF
KIND_TERM = 0
_EDGE = np.dtype([("state", "<u4"), ("token", "<u4"), ("child", "<u4"), ("out", "<u4")])
_OUT = np.dtype([("entry", "<u4"), ("n_entries", "<u2"), ("n_tokens", "<u2"), ("next", "<u4"), ("kinds", "<u4")])
_ENTRY = np.dtype(
    [("ref", "<u4"), ("case", "<u4"), ("priority", "<i2"), ("kind", "u1"), ("head", "u1"), ("tail", "u1"),
     ("only", "u1"), ("r", "<u2")]
)  # fmt: skip
_VOCAB = np.dtype([("key", "<u8"), ("id", "<u4"), ("arena", "<u4")])
_DEEP = np.uint32(0x80000000)


class Forms(NamedTuple):
    """Form k has the tokens `tokens[offsets[k]:offsets[k + 1]]` and the terms `terms[term_offsets[k]:term_offsets[k + 1]]`."""

    tokens: U32
    offsets: U32
    terms: U32
    term_offsets: U32


def spellings(sections: Mapping[str, Any]) -> list[str]:
    """The folded spelling of every token number; number 0 is no token. What leads outside a damaged file is left empty."""
    slots = np.frombuffer(sections["vocab"], _VOCAB)
    slots = slots[slots["id"] > 0]
    arena = bytes(sections["arena"])
    words = [""] * len(sections["word_flags"])
    for key, number, at in zip(slots["key"].tolist(), slots["id"].tolist(), slots["arena"].tolist(), strict=True):
        if number >= len(words):
            continue
        if key >> 63:
            length = arena[at] if at < len(arena) else 0
            raw = arena[at + 1 : at + 1 + length]
        else:
            raw = key.to_bytes(8, "little").rstrip(b"\0")
        words[number] = raw.decode("utf-8", "replace")
    return words


def read_forms(sections: Mapping[str, Any]) -> Forms:
    """The forms that are terms: those of one token, then by the place of their last edge."""
    n_first = len(sections["word_flags"]) - 1  # every token's number is a state, too
    edges = np.frombuffer(sections["edges"], _EDGE).copy()
    edges = edges[edges["state"] > 0]
    for name in ("state", "child"):  # deep states are numbered after those
        deep = edges[name] >= _DEEP
        edges[name][deep] = edges[name][deep] - _DEEP + np.uint32(n_first + 1)
    outs = np.frombuffer(sections["outs"], _OUT)
    entries = np.frombuffer(sections["entries"], _ENTRY)
    roots = np.frombuffer(sections["roots"], "<u4").reshape(-1, 2)
    n_states = n_first + 1 + len(sections["fail"]) // 4
    parent = np.zeros(n_states, np.uint32)
    label = np.zeros(n_states, np.uint32)
    depth = np.zeros(n_states, np.uint8)
    label[: n_first + 1] = np.arange(n_first + 1)
    depth[1 : n_first + 1] = 1
    edge_depth = _depths(edges, parent, label, depth)
    ends = _ends(outs, edges["out"], edge_depth)
    singles = _ends(outs, roots[1 : n_first + 1, 0], np.ones(n_first, np.uint8))
    single_tokens = np.nonzero(singles)[0].astype(np.uint32) + 1
    last, states = edges["token"][ends], edges["state"][ends]
    lengths = np.concatenate([np.ones(len(single_tokens), np.int64), edge_depth[ends].astype(np.int64)])
    of_form = np.concatenate([roots[single_tokens, 0], edges["out"][ends]])
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    tokens = np.zeros(int(offsets[-1]), np.uint32)
    tokens[offsets[1:] - 1] = np.concatenate([single_tokens, last])
    at, place = states.copy(), offsets[1:][len(single_tokens) :] - 2
    while len(at):
        tokens[place] = label[at]
        at, place = parent[at], place - 1
        going = at > 0
        at, place = at[going], place[going]
    terms, term_offsets = _terms(outs[of_form], entries)
    return Forms(tokens, offsets.astype(np.uint32), terms, term_offsets)


def _depths(edges: Any, parent: U32, label: U32, depth: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The depth of every edge's path; fills in parent, label and depth of the states. Edges of a damaged file may keep 0."""
    found = np.zeros(len(edges), np.uint8)
    usable = (edges["state"] < len(depth)) & (edges["child"] < len(depth))
    rest = np.nonzero(usable)[0]
    level = 1
    while len(rest) and level < 65:
        here = depth[edges["state"][rest]] == level
        now, rest = rest[here], rest[~here]
        if not len(now):
            break
        found[now] = level + 1
        child = edges["child"][now]
        new = now[(depth[child] == 0) & (child > 0)]
        depth[edges["child"][new]] = level + 1
        parent[edges["child"][new]] = edges["state"][new]
        label[edges["child"][new]] = edges["token"][new]
        level += 1
    return found


def _ends(outs: Any, out: Any, depth: Any) -> npt.NDArray[np.bool_]:
    """Whether a form that is a term ends with this output."""
    known = out < len(outs)
    row = outs[np.where(known, out, 0)] if len(outs) else np.zeros(len(out), _OUT)
    ends: npt.NDArray[np.bool_] = known & (row["n_tokens"] == depth) & (row["kinds"] & 1 == 1)
    return ends


def _terms(outs: Any, entries: Any) -> tuple[U32, U32]:
    """The terms of each form, and where they begin."""
    counts = outs["n_entries"].astype(np.int64)
    if int(counts.sum()) > len(entries):
        raise ValueError("outs")
    begins = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=begins[1:])
    which = np.repeat(outs["entry"].astype(np.int64) - begins[:-1], counts) + np.arange(begins[-1])
    form = np.repeat(np.arange(len(counts)), counts)
    sound = which < len(entries)
    which, form = which[sound], form[sound]
    is_term = entries["kind"][which] == KIND_TERM
    which, form = which[is_term], form[is_term]
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(np.bincount(form, minlength=len(counts)), out=offsets[1:])
    return entries["ref"][which], offsets.astype(np.uint32)
