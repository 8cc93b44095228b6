"""Which cue reaches which mention: docs/design/assertion.md, word for word and slowly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rulener.packs.model import AXES, ContextCue, Direction, Pack, Scope
from rulener.packs.patterns import cue_forms

from .matching import Form, Note, Range, form_of, forms_of, occurrences_of_any
from .text import Flag, Heading

BRACKETS = {")": "(", "]": "[", "}": "{"}
FIELD_MARKS = (":", "-", "=", "|", "?")
SEGMENT_ENDS = (",", ";", ".", "|")
BLOCK_REACH = 4
MAX_SCOPE_TOKENS = 1024
SIGN_TOKENS = 3
NO_BRACKET = -1

CueRecord = tuple[str, str, int, int, int, int, str]


@dataclass(frozen=True)
class CueRule:
    name: str
    order: int
    axes: tuple[str, ...]
    direction: Direction
    forms: tuple[Form, ...]
    scope: Scope
    lists: str
    blocked_by: tuple[Form, ...]
    after: tuple[Form, ...]
    takes_object: bool
    on: frozenset[str]
    not_on: frozenset[str]
    acts_inside_mention: bool


@dataclass(frozen=True)
class Hit:
    rule: CueRule
    start: int
    end: int

    @property
    def is_stop(self) -> bool:
        return self.rule.direction is Direction.STOP


@dataclass(frozen=True)
class Mention:
    """What cues act on: tokens [first, last), empty for a given mention that overlaps no token."""

    first: int
    last: int
    label: str


@dataclass(frozen=True)
class Labels:
    """What each label is called in the schemes of the packs."""

    schemes: Mapping[str, frozenset[str]]

    def agree(self, rule_label: str, mention_label: str) -> bool:
        """Whether they are the same label, or a scheme maps one onto the other."""
        return (
            rule_label == mention_label
            or rule_label in self.schemes.get(mention_label, frozenset())
            or mention_label in self.schemes.get(rule_label, frozenset())
        )


def labels_of(packs: Sequence[Pack]) -> Labels:
    schemes: dict[str, frozenset[str]] = {}
    for pack in packs:
        for label in pack.labels:
            schemes[label.id] = schemes.get(label.id, frozenset()) | {target for _, target in label.schemes}
    return Labels(schemes)


def declared_axes(packs: Sequence[Pack]) -> tuple[str, ...]:
    return tuple(axis for axis in AXES if any(axis in pack.axes for pack in packs))


def cue_rules(packs: Sequence[Pack]) -> list[CueRule]:
    """The context rules of all packs, in rule order."""
    axes = declared_axes(packs)
    pairs = [(pack, rule) for pack in packs for rule in pack.context]
    return [_cue_rule(pack, rule, order, axes) for order, (pack, rule) in enumerate(pairs)]


def _cue_rule(pack: Pack, rule: ContextCue, order: int, axes: tuple[str, ...]) -> CueRule:
    forms = [form_of(form.surface, exact=form.exact) for form in cue_forms(rule)]
    return CueRule(
        name=f"{pack.name}:{rule.id}",
        order=order,
        axes=tuple(axis for axis in axes if not rule.axes or axis in rule.axes),
        direction=rule.direction,
        forms=tuple(form for form in forms if form),
        scope=rule.scope,
        lists=rule.scope.lists or pack.options.lists,
        blocked_by=tuple(forms_of(rule.blocked_by)),
        after=tuple(forms_of(rule.after)),
        takes_object=rule.takes_object,
        on=frozenset(text.value for text in rule.on),
        not_on=frozenset(text.value for text in rule.not_on),
        acts_inside_mention=pack.options.cues_inside_mention == "act",
    )


def overlap(a: Range, b: Range) -> bool:
    """Whether two ranges share a token; an empty range shares none."""
    return max(a[0], b[0]) < min(a[1], b[1])


class Assertion:
    """The context stage of one note, for one set of mentions."""

    def __init__(
        self, note: Note, rules: Sequence[CueRule], mentions: Sequence[Mention], labels: Labels, list_words: frozenset[str]
    ) -> None:
        self.note = note
        self.layout = note.layout
        self.rules = rules
        self.mentions = mentions
        self.labels = labels
        self.list_words = list_words
        self.brackets = self.bracket_pairs()
        self.hits = {axis: self.hits_of(axis) for axis in AXES}
        self.blockers = {rule.name: occurrences_of_any(self.layout, rule.blocked_by) for rule in rules}
        self.openers = {rule.name: occurrences_of_any(self.layout, rule.after) for rule in rules if rule.after}

    def cues_of(self, mention: Mention) -> tuple[CueRecord, ...]:
        """All cues that reach a mention: by axis, then start, then rule order (sections after cues)."""
        if mention.first == mention.last:
            return ()
        found: list[tuple[int, int, int, CueRecord]] = []
        for number, axis in enumerate(AXES):
            for hit in self.hits[axis]:
                record = self.act(axis, hit, mention)
                if record:
                    found.append((number, record[2], hit.rule.order, record))
            for rule, record in self.sign_records(axis, mention):
                found.append((number, record[2], rule.order, record))
            section = self.section_record(axis, mention)
            if section:
                found.append((number, section[2], len(self.rules), section))
        return tuple(record for _, _, _, record in sorted(found, key=lambda f: f[:3]))

    # --- 1. cues ---

    def hits_of(self, axis: str) -> list[Hit]:
        """The hits of an axis that stay: of overlapping ones the longer, the earlier, `field`, the first in rule order."""

        def rank(hit: Hit) -> tuple[int, int, bool, int]:
            return hit.start - hit.end, hit.start, hit.rule.direction is not Direction.FIELD, hit.rule.order

        found = [
            Hit(rule, a, b)
            for rule in self.rules
            if axis in rule.axes
            for a, b in occurrences_of_any(self.layout, rule.forms)
            if rule.direction is not Direction.FIELD or self.field_scope(a, b) is not None
        ]
        kept: list[Hit] = []
        for hit in sorted(found, key=rank):
            if not any(overlap((hit.start, hit.end), (k.start, k.end)) for k in kept):
                kept.append(hit)
        return sorted(kept, key=lambda h: h.start)

    def act(self, axis: str, hit: Hit, mention: Mention) -> CueRecord | None:
        """What a hit does to a mention; None when it does not act on it."""
        inside = mention.first <= hit.start and hit.end <= mention.last
        if inside and not hit.rule.acts_inside_mention:
            return None
        within = hit.rule.direction is not Direction.FIELD and hit.start < mention.first and mention.last <= hit.end
        labels_agree = self.label_allows(hit.rule, mention) or (within and not hit.rule.not_on)
        if not labels_agree or self.is_blocked(hit, mention):
            return None
        reached = self.reach(axis, hit, mention)
        if reached is None:
            return None
        scope, via = reached
        return (axis, hit.rule.name, *self.note.offsets(hit.start, hit.end), *self.note.offsets(*scope), via)

    # --- 2. scope ---

    def reach(self, axis: str, hit: Hit, mention: Mention) -> tuple[Range, str] | None:
        """The scope that reaches the mention, and how; for `both` the side that does, forward first."""
        direction = hit.rule.direction
        if direction is Direction.FIELD:
            scope = self.field_scope(hit.start, hit.end)
            return (scope, "field") if scope and overlap(scope, (mention.first, mention.last)) else None
        if hit.start < mention.first and mention.last <= hit.end:
            return (hit.start + 1, hit.end), "direct"
        found = None
        if direction in (Direction.FORWARD, Direction.BOTH):
            found = self.reach_forward(axis, hit, mention)
        if found is None and direction in (Direction.BACKWARD, Direction.BOTH):
            found = self.reach_backward(axis, hit, mention)
        return found

    def reach_forward(self, axis: str, hit: Hit, mention: Mention) -> tuple[Range, str] | None:
        end = self.forward_end(axis, hit, mention)
        cut = self.first_list_end(axis, hit)
        return self.reach_within(hit, mention, (hit.end, end), (hit.end, min(end, cut)))

    def reach_backward(self, axis: str, hit: Hit, mention: Mention) -> tuple[Range, str] | None:
        start = self.backward_start(axis, hit, mention)
        cut = self.last_list_start(axis, hit)
        return self.reach_within(hit, mention, (start, hit.start), (max(start, cut), hit.start))

    def reach_within(self, hit: Hit, mention: Mention, scope: Range, first_item: Range) -> tuple[Range, str] | None:
        """`first_item` is the scope as far as the first list separator with a reached mention before it."""
        tokens = (mention.first, mention.last)
        if hit.rule.lists == "stop":
            return (first_item, "direct") if overlap(first_item, tokens) else None
        if not overlap(scope, tokens):
            return None
        return scope, "direct" if overlap(first_item, tokens) else "list"

    def forward_end(self, axis: str, hit: Hit, mention: Mention) -> int:
        """Where the forward scope ends as this mention sees it: a stop inside the mention does not count."""
        scope = hit.rule.scope
        after = range(hit.end, self.note.size)
        ends = [close for open_, close in self.brackets if open_ < hit.start and close >= hit.end]
        ends += [stop.start for stop in self.stops(axis, hit, mention) if stop.start >= hit.end and self.is_open(stop, hit.end)]
        if scope.tokens is not None:
            ends.append(hit.end + scope.tokens)
        if scope.within == "section":
            ends += [self.section_end(hit.start), hit.end + MAX_SCOPE_TOKENS]
        else:
            ends.append(self.note.sentence_range(hit.end - 1)[1])
            ends += [t for t in after if self.layout.tokens[t].has(Flag.RESET) or self.layout.key(t) == ";"]
        if scope.within == "line":
            ends += [t for t in after if self.layout.tokens[t].has(Flag.SEP_NEWLINE)]
        return max(hit.end, min(ends))

    def backward_start(self, axis: str, hit: Hit, mention: Mention) -> int:
        scope = hit.rule.scope
        starts = [self.note.sentence_range(hit.start)[0]]
        starts += [t for t in range(hit.start + 1) if self.layout.tokens[t].has(Flag.RESET)]
        starts += [t + 1 for t in range(hit.start) if self.layout.key(t) == ";"]
        starts += [open_ + 1 for open_, close in self.brackets if NO_BRACKET < open_ < hit.start and close >= hit.end]
        starts += [close + 1 for open_, close in self.brackets if open_ == NO_BRACKET and close < hit.start]
        if scope.tokens is not None:
            starts.append(hit.start - scope.tokens)
        if scope.within == "line":
            starts.append(self.layout.line_of[hit.start])
        stops = [stop for stop in self.stops(axis, hit, mention) if max(starts) < stop.end <= hit.start and not stop.rule.after]
        return self.clause_start(stops[-1], hit.start) if stops else max(starts)

    def stops(self, axis: str, hit: Hit, mention: Mention) -> list[Hit]:
        if not hit.rule.scope.stop_at_clause:
            return []
        stops = [stop for stop in self.hits[axis] if stop.is_stop]
        return [stop for stop in stops if not (mention.first <= stop.start and stop.end <= mention.last)]

    def is_open(self, stop: Hit, start: int) -> bool:
        """Whether a word of the stop's `after` stands between a scope's start and the stop; true when it asks for none."""
        if not stop.rule.after:
            return True
        return any(start <= a and b <= stop.start for a, b in self.openers[stop.rule.name])

    def clause_start(self, stop: Hit, end: int) -> int:
        """Where the clause after a stop begins: behind its object, when it takes one and a comma ends it."""
        commas = [t for t in range(stop.end, end) if self.layout.key(t) == ","]
        return commas[0] + 1 if stop.rule.takes_object and commas else stop.end

    def section_end(self, t: int) -> int:
        section = self.note.section_at(t)
        if section:
            return section.end_token
        return self.note.sections[0].heading.start if self.note.sections else self.note.size

    def bracket_pairs(self) -> list[Range]:
        """(opening, closing) tokens: each closing bracket with the nearest unmatched opening one of its kind and sentence.

        A closing one without partner has NO_BRACKET for it.
        """
        pairs = []
        open_by_kind: dict[str, list[int]] = {}
        for t in range(self.note.size):
            if t in self.note.sentence_starts:
                open_by_kind = {"(": [], "[": [], "{": []}
            key = self.layout.key(t)
            if key in open_by_kind:
                open_by_kind[key].append(t)
            elif key in BRACKETS:
                open_ = open_by_kind[BRACKETS[key]]
                pairs.append((open_.pop() if open_ else NO_BRACKET, t))
        return pairs

    # Lists.

    def first_list_end(self, axis: str, hit: Hit) -> int:
        """The first separator after the hit that has a reached mention wholly between them; past the note when none has."""
        reached = [m.last for m in self.mentions if overlap((hit.end, self.forward_end(axis, hit, m)), (m.first, m.last))]
        places = [t for t in range(hit.end, self.note.size) if self.is_list_token(t) or self.layout.tokens[t].has(Flag.SEP_SLASH)]
        return min((t for t in places if any(last <= t for last in reached)), default=self.note.size)

    def last_list_start(self, axis: str, hit: Hit) -> int:
        """The place after the last separator before the hit that has a reached mention wholly between them; else 0."""
        reached = [m.first for m in self.mentions if overlap((self.backward_start(axis, hit, m), hit.start), (m.first, m.last))]
        places = [t + 1 for t in range(hit.start) if self.is_list_token(t)]
        places += [t for t in range(hit.start) if self.layout.tokens[t].has(Flag.SEP_SLASH)]
        return max((t for t in places if any(first >= t for first in reached)), default=0)

    def is_list_token(self, t: int) -> bool:
        return self.layout.key(t) == "," or self.layout.key(t) in self.list_words

    # --- 3. blocking, labels ---

    def is_blocked(self, hit: Hit, mention: Mention) -> bool:
        sentence = self.hit_sentence(hit)
        low = max(sentence[0], min(mention.first, hit.start) - BLOCK_REACH)
        high = min(sentence[1], max(mention.last, hit.end))
        return any(
            low <= a
            and b <= high
            and not overlap((a, b), (hit.start, hit.end))
            and not overlap((a, b), (mention.first, mention.last))
            for a, b in self.blockers[hit.rule.name]
        )

    def hit_sentence(self, hit: Hit) -> Range:
        """From the start of its first token's sentence (a field's: its name's) to the end of its last token's."""
        first = hit.start - 1 if hit.rule.direction is Direction.FIELD else hit.start
        return self.note.sentence_range(first)[0], self.note.sentence_range(hit.end - 1)[1]

    def label_allows(self, rule: CueRule, mention: Mention) -> bool:
        if rule.on and not self.is_one_of(mention, rule.on):
            return False
        return not self.is_one_of(mention, rule.not_on)

    def is_one_of(self, mention: Mention, labels: Iterable[str]) -> bool:
        return any(self.labels.agree(label, mention.label) for label in labels)

    # --- 4. field: value ---

    def field_scope(self, a: int, b: int) -> Range | None:
        """The name of the field whose value is [a, b); None when this is no value of a field."""
        mark = a - 1
        if self.layout.key(mark) not in FIELD_MARKS or self.layout.tokens[a].has(Flag.SEP_NEWLINE):
            return None
        if not self.ends_segment(b):
            return None
        line = self.layout.line_of[mark]
        starts = [line, self.layout.items.get(line, line), self.note.sentence_range(mark)[0]]
        starts += [t + 1 for t in range(mark) if self.layout.key(t) in SEGMENT_ENDS]
        start = max(starts)
        return (start, mark) if start < mark else None

    def ends_segment(self, b: int) -> bool:
        if b == self.note.size or b in self.note.sentence_starts or self.layout.tokens[b].has(Flag.SEP_NEWLINE):
            return True
        return self.layout.key(b) in SEGMENT_ENDS or self.layout.key(b) in BRACKETS

    # --- 5. signs ---

    def sign_records(self, axis: str, mention: Mention) -> list[tuple[CueRule, CueRecord]]:
        rules = [r for r in self.rules if r.direction is Direction.SIGN and axis in r.axes and self.label_allows(r, mention)]
        sign = self.sign_of(mention) if rules else None
        if sign is None:
            return []
        (start, end), scope = sign
        return [(rule, (axis, rule.name, start, end, *self.note.offsets(*scope), "direct")) for rule in rules]

    def sign_of(self, mention: Mention) -> tuple[Range, Range] | None:
        """The minus sign (code points) of a mention and its scope (tokens)."""
        for t in range(mention.first, mention.first - SIGN_TOKENS, -1):
            if t < 0:
                return None
            sign = self.minus_before(t)
            if sign and t < mention.first and sign[1] - sign[0] == 1:
                break
            if sign:
                ends = [k for k in range(t + 1, t + SIGN_TOKENS) if self.ends_signed(k)]
                return sign, (t, min([*ends, t + SIGN_TOKENS]))
            if self.ends_signed(t):
                break
        return self.minus_after(mention)

    def minus_before(self, t: int) -> Range | None:
        tokens = self.layout.tokens
        if tokens[t].kind != "WORD":
            return None
        tight = (tokens[t].start - 1, tokens[t].start)
        if self.is_inline_minus(t):
            return tight
        if tokens[t].has(Flag.LEAD_HYPHEN):
            line = [k for k in range(t + 1, self.note.size) if self.layout.line_of[k] == self.layout.line_of[t]]
            if any(self.is_inline_minus(k) or (self.layout.key(k - 1) == "+" and self.gap(k) == 0) for k in line):
                return tight
            return None
        if tokens[t].has(Flag.SEP_NEWLINE) or t in self.note.sentence_starts or not self.is_bracketed_minus(t - 2):
            return None
        return tokens[t - 2].start, tokens[t - 1].end

    def is_inline_minus(self, t: int) -> bool:
        token = self.layout.tokens[t]
        if token.kind != "WORD" or t in self.layout.items:
            return False
        if token.has(Flag.LEAD_HYPHEN):
            return True
        after_slash = token.has(Flag.SEP_SLASH) and token.has(Flag.SEP_HYPHEN) and self.gap(t) == 2
        return after_slash and self.layout.tokens[t - 1].kind != "PUNCT"

    def is_bracketed_minus(self, t: int) -> bool:
        """Whether tokens t and t + 1 are (-) or [-]."""
        if t < 0 or t + 1 >= self.note.size or not self.layout.tokens[t + 1].has(Flag.SEP_HYPHEN) or self.gap(t + 1) != 1:
            return False
        return (self.layout.key(t), self.layout.key(t + 1)) in (("(", ")"), ("[", "]"))

    def gap(self, t: int) -> int:
        """How many code points stand between a token and the one before it; -1 for the first."""
        return self.layout.tokens[t].start - self.layout.tokens[t - 1].end if t > 0 else -1

    def ends_signed(self, t: int) -> bool:
        if t >= self.note.size or t in self.note.sentence_starts:
            return True
        token = self.layout.tokens[t]
        if token.has(Flag.SEP_NEWLINE) or token.has(Flag.RESET) or token.kind == "PUNCT":
            return True
        return self.layout.key(t) in self.list_words or self.minus_before(t) is not None

    def minus_after(self, mention: Mention) -> tuple[Range, Range] | None:
        t, tokens = mention.last, self.layout.tokens
        if t >= self.note.size or tokens[t].has(Flag.SEP_NEWLINE):
            return None
        if self.is_bracketed_minus(t) and self.ends_segment(t + 2):
            return (tokens[t].start, tokens[t + 1].end), (mention.first, mention.last)
        if tokens[t].has(Flag.SEP_HYPHEN) and self.gap(t) == 1 and tokens[t].kind == "PUNCT" and self.ends_segment(t):
            return (tokens[t].start - 1, tokens[t].start), (mention.first, mention.last)
        return None

    # --- 6. sections ---

    def section_record(self, axis: str, mention: Mention) -> CueRecord | None:
        section = self.note.section_at(mention.first)
        heading = self.setting_heading(axis, mention)
        if section is None or heading is None:
            return None
        cue = self.note.offsets(heading.start, heading.end)
        return (axis, heading.rule, *cue, *self.note.offsets(heading.body, section.end_token), "section")

    def setting_heading(self, axis: str, mention: Mention) -> Heading | None:
        """The heading that sets the axis for a mention: its section's own, else that of the section its section is a part of."""
        section = self.note.section_at(mention.first)
        if section is None:
            return None
        in_body = mention.first >= section.heading.body
        headings = [section.heading] if in_body else []
        if section.whole is not section.heading and (in_body or not section.heading.rule):
            headings.append(section.whole)
        return next((heading for heading in headings if axis in heading.sets), None)
