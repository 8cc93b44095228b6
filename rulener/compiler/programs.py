"""Token patterns to programs for the core's matcher, and where to anchor them.

Instructions are those of `core/structs.pxd`. A pattern is anchored at literals such that every way through it meets one; of all
such choices among its first tokens the one that is rarest in notes is taken, so that "of" and "to" start nothing when a unit
can. An occurrence of an anchor in the automaton starts the program so many tokens earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import NamedTuple

from rulener.packs.model import (
    Alternatives,
    Capture,
    Gap,
    LabelClass,
    MentionPart,
    Optional_,
    PatternNode,
    Separator,
    Sequence_,
    TokenClass,
    Word,
)

TOKEN, NUMBER, WORD, HYPHEN, SLASH, SPLIT, JUMP, SAVE, MATCH, FILLER, SET, GAP_END, LABEL = range(13)
AFTER_NUMBER = 1
AFTER_LABEL = 2
FLAG_HYPHEN = 64
FLAG_SLASH = 128
ANCHOR_REACH = 8
MAX_RUN = 4  # tokens of one anchor
MAX_RUNS = 64  # anchors that one choice may expand to

MENTION = ""  # the name of the capture that is the mention

Tokens = Callable[[str], Sequence[int]]
Frequency = Callable[[int], int]
LabelBits = Callable[[str], int]


class Instruction(NamedTuple):
    op: int
    arg0: int = 0
    arg1: int = 0


@dataclass(slots=True)
class Program:
    """Instructions and captures of one pattern.

    `anchors` are (token numbers, tokens between the start and them, cheap tests): AFTER_NUMBER when a number must stand directly
    before it, AFTER_LABEL when the pattern begins with a label's surface (then the tokens between are counted from its end),
    FLAG_HYPHEN and FLAG_SLASH when one of these must follow.
    """

    code: list[Instruction] = field(default_factory=list)
    captures: list[tuple[str, bool]] = field(default_factory=list)  # (name, numeric)
    anchors: list[tuple[tuple[int, ...], int, int]] = field(default_factory=list)
    sets: list[tuple[int, ...]] = field(default_factory=list)  # SET's arg0 is an index here
    from_number: bool = False
    number_flags: int = 0  # separator flags one of which must follow the number, 0 = no test
    starts_with_number: bool = False
    values_inside: bool = False  # the mention spans the captures too


class Unanchored(Exception):
    """No anchor within reach: the pattern would have to be tried at every token."""


def compile_pattern(
    node: PatternNode, words: Mapping[str, Sequence[str]], tokens: Tokens, frequency: Frequency, label_bits: LabelBits
) -> Program:
    """Compile a parsed pattern. `words` are the named lists, `tokens` cuts a surface into token numbers, `frequency` says how
    common a token is in notes (1 = rare), `label_bits` which labels count as a name (a bit each).

    Raises Unanchored, ValueError (a literal that is no token), KeyError (an unknown word list).
    """
    writer = _Writer(words, tokens, label_bits)
    writer.node(node)
    writer.emit(MATCH)
    program = Program(writer.code, writer.captures, sets=writer.sets)
    _anchor(program, frequency)
    return program


class _Writer:
    def __init__(self, words: Mapping[str, Sequence[str]], tokens: Tokens, label_bits: LabelBits) -> None:
        self.words = words
        self.tokens = tokens
        self.label_bits = label_bits
        self.code: list[Instruction] = []
        self.captures: list[tuple[str, bool]] = []
        self.sets: list[tuple[int, ...]] = []

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
        elif isinstance(node, LabelClass):
            self.label(node)
        elif isinstance(node, Gap):
            self.gap(node)
        elif isinstance(node, Sequence_):
            for item in node.items:
                self.node(item)
        elif isinstance(node, Alternatives):
            self.alternatives([(self.single(option), partial(self.node, option)) for option in node.options])
        elif isinstance(node, Optional_):
            self.optional(lambda: self.node(node.item))
        elif isinstance(node, MentionPart):
            self.capture(Capture(MENTION, node.item))
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
            self.alternatives([(self.single(Word(text)), partial(self.literal, text)) for text in self.words[name]])

    def label(self, node: LabelClass) -> None:
        bits = 0
        for name in node.labels:
            bits |= self.label_bits(name)
        self.emit(LABEL, bits & 0xFFFFFFFF, bits >> 32)

    def gap(self, gap: Gap) -> None:
        for _ in range(gap.low):
            self.emit(FILLER)
        splits = []
        for _ in range(gap.high - gap.low):
            splits.append(self.emit(SPLIT))
            self.emit(FILLER)
        for at in splits:
            self.code[at] = Instruction(SPLIT, at + 1, len(self.code))
        self.emit(GAP_END)

    def single(self, node: PatternNode) -> int | None:
        """The token of a node that is one literal token, else None."""
        while isinstance(node, Sequence_) and len(node.items) == 1:
            node = node.items[0]
        if not isinstance(node, Word):
            return None
        numbers = self.tokens(node.text)
        return numbers[0] if len(numbers) == 1 else None

    def alternatives(self, options: Sequence[tuple[int | None, Callable[[], None]]]) -> None:
        """Options in order; neighbours that are single tokens become one set, since it does not matter which is tried first."""
        parts: list[Callable[[], None]] = []
        run: list[int] = []
        for single, write in options:
            if single is not None:
                run.append(single)
                continue
            if run:
                parts.append(partial(self.one_of, run))
                run = []
            parts.append(write)
        if run:
            parts.append(partial(self.one_of, run))
        self.branches(parts)

    def one_of(self, numbers: Sequence[int]) -> None:
        if len(set(numbers)) == 1:
            self.emit(TOKEN, numbers[0])
            return
        self.sets.append(tuple(dict.fromkeys(numbers)))
        self.emit(SET, len(self.sets) - 1)

    def branches(self, parts: Sequence[Callable[[], None]]) -> None:
        jumps = []
        for k, part in enumerate(parts):
            last = k == len(parts) - 1
            split = -1 if last else self.emit(SPLIT)
            part()
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
        elif op.op in (SAVE, GAP_END):
            pending.append(at + 1)
        else:
            found.add(at)
    return found


_Anchor = tuple[tuple[int, ...], int, int]
_Anchors = frozenset[_Anchor]
_TOO_FAR = 1 << 40


def _anchor(program: Program, frequency: Frequency) -> None:
    """Fill in where the program starts: at literals that every way through it meets, the rarest choice. Raises Unanchored."""
    program.starts_with_number = {program.code[at].op for at in _steps(program.code, 0)} == {NUMBER}
    literals = dict.fromkeys(number for at in range(len(program.code)) for number in _members(program.code, program.sets, at))
    anchors = _best_anchors(tuple(program.code), tuple(program.sets), tuple((number, frequency(number)) for number in literals))
    if anchors is not None:
        program.anchors = list(anchors)
    else:
        _anchor_at_numbers(program)


@lru_cache(maxsize=1 << 10)
def _best_anchors(
    code: tuple[Instruction, ...], sets: tuple[tuple[int, ...], ...], frequencies: tuple[tuple[int, int], ...]
) -> tuple[_Anchor, ...] | None:
    """The anchors of a program, None when literals do not do. Kept, since a pack is compiled again and again while it is written
    and most of its patterns, and those of other packs, are as before."""
    search = _Search(code, sets, dict(frequencies))
    cost, anchors = search.cheapest(search.steps(0), 0, 0)
    return tuple(sorted(anchors)) if cost < _TOO_FAR else None


class _Search:
    """The search for a program's anchors. What it finds out about an instruction it keeps."""

    def __init__(self, code: Sequence[Instruction], sets: Sequence[tuple[int, ...]], frequency: Mapping[int, int]) -> None:
        self.code = code
        self.sets = sets
        self.frequency = frequency
        self._known: dict[tuple[int, int, int], tuple[int, _Anchors]] = {}
        self._steps: dict[int, list[int]] = {}
        self._runs: dict[int, list[tuple[tuple[int, ...], int]]] = {}
        self._costs: dict[tuple[int, int], int] = {}
        self._guesses: dict[tuple[int, ...], int] = {}

    def steps(self, at: int) -> list[int]:
        """The instructions reachable from `at` as `_steps` gives them, in order."""
        if at not in self._steps:
            self._steps[at] = sorted(_steps(self.code, at))
        return self._steps[at]

    def cheapest(self, steps: Iterable[int], head: int, before: int) -> tuple[int, _Anchors]:
        """The cheapest set of anchors that cuts every way on from `steps`, `head` tokens in; _TOO_FAR when there is none.

        `before`: what is known of what was read: AFTER_NUMBER, the token just before was a number; AFTER_LABEL, the first thing
        read was a label's surface, and `head` counts from its end.
        """
        total = 0
        union: set[_Anchor] = set()
        for at in steps:
            cost, anchors = self._cheapest_from(at, head, before)
            if cost >= _TOO_FAR:
                return _TOO_FAR, frozenset()
            total += cost
            union |= anchors
        return total, frozenset(union)

    def _cheapest_from(self, at: int, head: int, before: int) -> tuple[int, _Anchors]:
        key = (at, head, before)
        if key in self._known:
            return self._known[key]
        op = self.code[at].op
        best: tuple[int, _Anchors] = (_TOO_FAR, frozenset())
        if op == LABEL:
            # Of unknown length: only at the beginning, where the anchor is looked for from its end on.
            if head == 0 and not before & AFTER_LABEL:
                best = self.cheapest(self.steps(at + 1), 0, AFTER_LABEL)
        elif op != MATCH and head < ANCHOR_REACH:
            # A tight hyphen and a slash read no token; a spaced hyphen reads one.
            reads = (0, 1) if op == HYPHEN else (0,) if op == SLASH else (1,)
            total, union = 0, _Anchors()
            for more in reads:
                numeric = op == NUMBER or (more == 0 and before & AFTER_NUMBER)
                now = before & AFTER_LABEL | (AFTER_NUMBER if numeric else 0)
                cost, anchors = self.cheapest(self.steps(at + 1), head + more, now)
                total, union = total + cost, union | anchors
            if total < _TOO_FAR:
                best = total, union
            if op in (TOKEN, SET):
                here = self._cost_here(at, before)
                if here <= best[0]:
                    best = here, frozenset((tokens, head, before | after) for tokens, after in self._literal_runs(at))
        self._known[key] = best
        return best

    def _cost_here(self, at: int, before: int) -> int:
        """What the literals read from `at` on cost as anchors."""
        if (at, before) not in self._costs:
            self._costs[at, before] = sum(self._rarity(tokens, before | after) for tokens, after in self._literal_runs(at))
        return self._costs[at, before]

    def _literal_runs(self, at: int) -> list[tuple[tuple[int, ...], int]]:
        if at not in self._runs:
            self._runs[at] = self._read_runs(at)
        return self._runs[at]

    def _read_runs(self, at: int) -> list[tuple[tuple[int, ...], int]]:
        """All literal token sequences that matching may read from instruction `at` on, as long as nothing else may come between,
        each with the separators that must follow it."""
        runs: list[tuple[tuple[int, ...], int]] = [((number,), at) for number in self._members(at)]
        while len(runs[0][0]) < MAX_RUN:
            longer: list[tuple[tuple[int, ...], int]] = []
            after = {last: self.steps(last + 1) for last in {last for _, last in runs}}
            if not all(self.code[step].op in (TOKEN, SET) for steps in after.values() for step in steps):
                break
            if sum(len(self._members(step)) for _, last in runs for step in after[last]) > MAX_RUNS:
                break
            for tokens, last in runs:
                longer += [((*tokens, number), step) for step in after[last] for number in self._members(step)]
            runs = longer
        flags = {last: _following_flags(self.code, [last]) for last in {last for _, last in runs}}
        return [(tokens, flags[last]) for tokens, last in runs]

    def _members(self, at: int) -> Sequence[int]:
        return _members(self.code, self.sets, at)

    def _rarity(self, tokens: tuple[int, ...], tests: int) -> int:
        """A guess how often an anchor starts the program, from how common its words are; at least 1."""
        guess = self._guesses.get(tokens)
        if guess is None:
            guess = min(map(self.frequency.__getitem__, tokens)) * 10
            for _ in tokens[1:]:
                guess //= 10
            self._guesses[tokens] = guess
        return max(guess // 20 if tests else guess, 1)


def _members(code: Sequence[Instruction], sets: Sequence[tuple[int, ...]], at: int) -> Sequence[int]:
    """The tokens that an instruction may read as literals."""
    op, arg0, _ = code[at]
    return (arg0,) if op == TOKEN else sets[arg0] if op == SET else ()


def _anchor_at_numbers(program: Program) -> None:
    """Try the program at every number (and at the literals that may begin it)."""
    code = program.code
    first = _steps(code, 0)
    if not {code[at].op for at in first} <= {TOKEN, SET, NUMBER}:
        raise Unanchored
    anchors: set[_Anchor] = set()
    for at in first:
        if code[at].op in (TOKEN, SET):
            anchors.update(((number,), 0, 0) for number in _members(code, program.sets, at))
    program.anchors = sorted(anchors)
    program.from_number = True
    program.number_flags = _following_flags(code, [at for at in first if code[at].op == NUMBER])


def _following_flags(code: Sequence[Instruction], reading: Iterable[int]) -> int:
    """The separators one of which must follow what these instructions read; 0 when something else may follow too."""
    following = {code[step].op for at in reading for step in _steps(code, at + 1)}
    if not following <= {HYPHEN, SLASH}:
        return 0
    return (FLAG_HYPHEN if HYPHEN in following else 0) | (FLAG_SLASH if SLASH in following else 0)
