"""Token patterns to programs for the core's matcher, and where to anchor them.

Instructions are those of `core/structs.pxd`. A pattern is anchored at the first literal of every way through it, at most three tokens
in; an occurrence of such a literal in the automaton starts the program that many tokens earlier.
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
    """Instructions and captures of one pattern. `anchors` are (token number, tokens between the start and it)."""

    code: list[Instruction] = field(default_factory=list)
    captures: list[tuple[str, bool]] = field(default_factory=list)  # (name, numeric)
    anchors: list[tuple[int, int]] = field(default_factory=list)
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


def _steps(code: Sequence[Instruction], at: int) -> set[int]:
    """The instructions that read or test a token (or MATCH) reachable from `at` without reading one."""
    found: set[int] = set()
    seen: set[int] = set()
    pending = [at]
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
        elif op.op == SAVE:
            pending.append(at + 1)
        else:
            found.add(at)
    return found


def _anchor(program: Program) -> None:
    """Fill in where the program starts: at the first literal of every way through it, or at numbers. Raises Unanchored."""
    code = program.code
    anchors: set[tuple[int, int]] = set()
    seen: set[tuple[int, int]] = set()
    pending = [(at, 0) for at in _steps(code, 0)]
    while pending:
        at, head = pending.pop()
        if (at, head) in seen:
            continue
        seen.add((at, head))
        op = code[at].op
        if op == TOKEN:
            anchors.add((code[at].arg0, head))
            continue
        if op == MATCH:
            return _anchor_at_numbers(program)
        # A tight hyphen and a slash read no token; a spaced hyphen reads one.
        reads = (0, 1) if op == HYPHEN else (0,) if op == SLASH else (1,)
        for more in reads:
            if head + more >= ANCHOR_REACH:
                return _anchor_at_numbers(program)
            pending += [(after, head + more) for after in _steps(code, at + 1)]
    program.anchors = sorted(anchors)


def _anchor_at_numbers(program: Program) -> None:
    """Try the program at every number (and at the literals that may begin it)."""
    code = program.code
    first = _steps(code, 0)
    if not {code[at].op for at in first} <= {TOKEN, NUMBER}:
        raise Unanchored
    program.anchors = sorted({(code[at].arg0, 0) for at in first if code[at].op == TOKEN})
    program.from_number = True
    after = {step for at in first if code[at].op == NUMBER for step in _steps(code, at + 1)}
    following = {code[at].op for at in after}
    if following <= {HYPHEN, SLASH}:
        program.number_flags = (FLAG_HYPHEN if HYPHEN in following else 0) | (FLAG_SLASH if SLASH in following else 0)
