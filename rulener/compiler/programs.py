"""Token patterns to programs for the core's matcher, and where to anchor them.

Instructions are those of `core/structs.pxd`. A pattern is anchored at the first token position (0 to 3) at which every way
through it reads a literal; that literal's occurrence in the automaton starts the program so many tokens earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rulener.packs.model import (
    Alternatives,
    Capture,
    Gap,
    Optional_,
    PatternNode,
    Separator,
    Sequence_,
    TokenClass,
    Word,
)

TOKEN, NUMBER, WORD, HYPHEN, SLASH, SPLIT, JUMP, SAVE, MATCH, FILLER = range(10)
FLAG_HYPHEN = 64
FLAG_SLASH = 128
ANCHOR_REACH = 4

Tokens = Callable[[str], Sequence[int]]


class Instruction(NamedTuple):
    op: int
    arg0: int = 0
    arg1: int = 0


@dataclass(slots=True)
class Program:
    """Instructions and captures of one pattern. `anchors` are token numbers read `head` tokens after the start."""

    code: list[Instruction] = field(default_factory=list)
    captures: list[tuple[str, bool]] = field(default_factory=list)  # (name, numeric)
    anchors: list[int] = field(default_factory=list)
    head: int = 0
    from_number: bool = False
    number_flags: int = 0  # separator flags one of which must follow the number, 0 = no test


class Unanchored(Exception):
    """No anchor within reach: the pattern would have to be tried at every token."""


def compile_pattern(node: PatternNode, words: Mapping[str, Sequence[str]], tokens: Tokens) -> Program:
    """Compile a parsed pattern. `words` are the named lists, `tokens` cuts a surface into token numbers.

    Raises Unanchored, ValueError (a literal that is no token), KeyError (an unknown word list).
    """
    writer = _Writer(words, tokens)
    writer.node(node)
    writer.emit(MATCH)
    program = Program(writer.code, writer.captures)
    _anchor(program)
    return program


class _Writer:
    def __init__(self, words: Mapping[str, Sequence[str]], tokens: Tokens) -> None:
        self.words = words
        self.tokens = tokens
        self.code: list[Instruction] = []
        self.captures: list[tuple[str, bool]] = []

    def emit(self, op: int, arg0: int = 0, arg1: int = 0) -> int:
        self.code.append(Instruction(op, arg0, arg1))
        return len(self.code) - 1

    def node(self, node: PatternNode) -> None:
        if isinstance(node, Word):
            self.literal(node.text)
        elif isinstance(node, Separator):
            self.emit(HYPHEN if node.text == "-" else SLASH)
        elif isinstance(node, TokenClass):
            self.token_class(node.name)
        elif isinstance(node, Gap):
            self.gap(node)
        elif isinstance(node, Sequence_):
            for item in node.items:
                self.node(item)
        elif isinstance(node, Alternatives):
            self.alternatives([lambda option=option: self.node(option) for option in node.options])
        elif isinstance(node, Optional_):
            self.optional(lambda: self.node(node.item))
        else:
            self.capture(node)

    def literal(self, text: str) -> None:
        for number in self.tokens(text):
            self.emit(TOKEN, number)

    def token_class(self, name: str) -> None:
        if name == "number":
            self.emit(NUMBER)
        elif name == "word":
            self.emit(WORD)
        else:
            self.alternatives([lambda text=text: self.literal(text) for text in self.words[name]])

    def gap(self, gap: Gap) -> None:
        for _ in range(gap.low):
            self.emit(FILLER)
        splits = []
        for _ in range(gap.high - gap.low):
            splits.append(self.emit(SPLIT))
            self.emit(FILLER)
        for at in splits:
            self.code[at] = Instruction(SPLIT, at + 1, len(self.code))

    def alternatives(self, options: Sequence[Callable[[], None]]) -> None:
        jumps = []
        for k, option in enumerate(options):
            last = k == len(options) - 1
            split = -1 if last else self.emit(SPLIT)
            option()
            if not last:
                jumps.append(self.emit(JUMP))
                self.code[split] = Instruction(SPLIT, split + 1, len(self.code))
        for at in jumps:
            self.code[at] = Instruction(JUMP, len(self.code))

    def optional(self, item: Callable[[], None]) -> None:
        split = self.emit(SPLIT)
        item()
        self.code[split] = Instruction(SPLIT, split + 1, len(self.code))

    def capture(self, node: Capture) -> None:
        numeric = node.item == TokenClass("number")
        slot = next((k for k, (name, _) in enumerate(self.captures) if name == node.name), len(self.captures))
        if slot == len(self.captures):
            self.captures.append((node.name, numeric))
        elif not numeric:
            self.captures[slot] = (node.name, False)
        self.emit(SAVE, 2 * slot)
        self.node(node.item)
        self.emit(SAVE, 2 * slot + 1)


# --- anchors ---------------------------------------------------------------------------------------------------------


def _closure(code: Sequence[Instruction], states: set[int], *, through_slash: bool) -> set[int]:
    """Instructions that read a token (or MATCH) reachable without reading one; HYPHEN and SLASH stay in unless passed."""
    found: set[int] = set()
    pending = sorted(states)
    seen: set[int] = set()
    while pending:
        at = pending.pop()
        if at in seen:
            continue
        seen.add(at)
        op = code[at]
        if op.op == SPLIT:
            pending += [op.arg0, op.arg1]
        elif op.op == JUMP:
            pending.append(op.arg0)
        elif op.op == SAVE or (op.op == SLASH and through_slash):
            pending.append(at + 1)
        else:
            found.add(at)
    return found


def _anchor(program: Program) -> None:
    """Fill in where the program starts; raises Unanchored."""
    code = program.code
    states = _closure(code, {0}, through_slash=True)
    first = states
    for head in range(ANCHOR_REACH):
        ops = {code[at].op for at in states}
        if ops == {TOKEN}:
            program.head = head
            program.anchors = sorted({code[at].arg0 for at in states})
            return
        if MATCH in ops or HYPHEN in ops:
            # Too short, or the position of what follows is not fixed: a spaced hyphen is a token, a tight one is not.
            break
        states = _closure(code, {at + 1 for at in states}, through_slash=True)
    if {code[at].op for at in first} <= {TOKEN, NUMBER}:
        program.anchors = sorted({code[at].arg0 for at in first if code[at].op == TOKEN})
        program.from_number = True
        after = _closure(code, {at + 1 for at in first if code[at].op == NUMBER}, through_slash=False)
        following = {code[at].op for at in after}
        if following <= {HYPHEN, SLASH}:
            program.number_flags = (FLAG_HYPHEN if HYPHEN in following else 0) | (FLAG_SLASH if SLASH in following else 0)
        return
    raise Unanchored
