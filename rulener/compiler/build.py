"""Compile checked packs and term tables into one artifact file.

The numbers of rules give the order of resolution: packs as given (terms, then patterns, as written), then lexicons.
"""

from __future__ import annotations

import json
import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import regex

from rulener import artifact
from rulener.compiler import layers, programs, unicode
from rulener.compiler.lexicons import LexiconReport, add_lexicon, lexicon_name, shown_name, too_large
from rulener.core.automaton import Builder, token_id
from rulener.errors import PackError
from rulener.lexicon.table import Row
from rulener.packs.anchors import regex_anchors
from rulener.packs.diagnostics import Diagnostic, Located
from rulener.packs.model import (
    AXES,
    ContextCue,
    Direction,
    Label,
    MentionRule,
    Pack,
    Pattern,
    Place,
    Rule,
    Section,
    Term,
    Text,
)
from rulener.packs.patterns import cue_forms, label_classes, parse_pattern

NONE = 0xFFFFFFFF
KIND_TERM, KIND_CUE, KIND_HEADING, KIND_PATTERN, KIND_REGEX, KIND_BLOCKER = range(6)
UNLESS_BEFORE, UNLESS_AFTER = 1, 2
FLAG_ABBREVIATION, FLAG_CONTINUES, FLAG_LIST = 1, 2, 4
CUE_LISTS_STOP, CUE_PAST_CLAUSE, CUE_WITHIN_LINE, CUE_WITHIN_SECTION, CUE_NOT_ON, CUE_ACTS_INSIDE, CUE_TAKES_OBJECT = (
    1 << bit for bit in range(7)
)
HEADING_NEEDS_COLON, HEADING_PART = 1, 2
MAX_LABELS = 64
MENTION_GROUP = "mention"  # the group of a regex that is its mention
REGEX_TIMEOUT = 1.0  # seconds a regex may run on the windows of one note

# Words of everyday clinical prose, with how often they come per 10,000 tokens (rounded); all others count as 1.
# Anchors of patterns are chosen by it, so it changes speed only, never results.
_COMMON = {
    300: ("and the was "),
    150: ("a in of to with "),
    80: ("for is no patient she "),
    40: ("as at has he her history left on or right that then there this were "),
    20: ("after also an any are be by from had have his i it mg normal not pain placed procedure s time we well which will "),
    10: (
        "all anesthesia anterior area artery back been blood but c chest cm diagnosis did disease does dr examination "
        "fashion general incision into lower made mm neck noted old one out over past performed position present "
        "pressure removed room skin some taken through two up upper used using who without x year "
    ),
    6: (
        "abdomen about approximately bilaterally both care catheter clear closed complications condition daily day "
        "denies distal done down draped evidence exam extremities family findings given good head heart intact l "
        "lateral loss medical medications mild negative none o obtained operating other p physical plan posterior "
        "postoperative preoperative prepped seen side significant small stable sterile surgery suture symptoms tissue "
        "under very vicryl within wound "
    ),
    400: ". ,",
    50: ": ( ) % - + = < > ~ #",
}
COMMON_WORDS = {word: count for count, words in _COMMON.items() for word in words.split()}

_DIRECTIONS = {direction: number for number, direction in enumerate(Direction)}
_TERM = "<IIHHIHhII"
_LINK = struct.Struct("<IHBB")
TERM_AMBIGUOUS, TERM_UNCODED, TERM_YIELDS = 2, 4, 8
_ExtraTerm = tuple[int, int, list[int], int, int, int, int, bool]


@dataclass(frozen=True, slots=True)
class CompileInputs:
    """What one artifact is made of, with the hashes that go into its fingerprint."""

    packs: tuple[Pack, ...]
    lexicons: tuple[Path, ...]
    lexicon_hashes: tuple[str, ...]
    resolution: str
    fingerprint: bytes
    cache: Path | None = None  # where large lexicons are kept as layers


@dataclass(slots=True)
class _Tables:
    """The small tables, as they grow."""

    rules: list[tuple[int, int, int, int]] = field(default_factory=list)
    cues: list[bytes] = field(default_factory=list)
    blocker_refs: array[int] = field(default_factory=lambda: array("I"))
    headings: list[tuple[int, int, int, int]] = field(default_factory=list)
    section_refs: array[int] = field(default_factory=lambda: array("I"))
    regexes: list[dict[str, Any]] = field(default_factory=list)


def compile_artifact(inputs: CompileInputs, path: Path) -> dict[str, Any]:
    """Compile and write atomically to `path`; returns the artifact's description (its `meta` section).

    Raises PackError for texts only the compiler can refuse, LexiconError for unusable tables.
    """
    return _Compiler(inputs).run(path)


class _Compiler:
    def __init__(self, inputs: CompileInputs) -> None:
        self.inputs = inputs
        self.pages, self.cells, self.fold_text = unicode.tables()
        self.tables = _Tables()
        self.labels = list(_labels(inputs.packs))
        self.label_numbers = {label.id: number for number, label in enumerate(self.labels)}
        self.label_names = _label_names(self.labels)
        # Rows have labels in an order of their own, so that a layer does not depend on that of the packs.
        self.row_labels = {label: number for number, label in enumerate(sorted(self.label_numbers))}
        self.reports: dict[int, LexiconReport] = {}
        self.words = _word_lists(inputs.packs)
        self.spellings: dict[int, str] = {}
        self.token_lists: dict[str, list[int]] = {}
        self.surround: list[list[tuple[int, list[int]]]] = []  # per rule with `unless` words: side and token numbers
        self.blockers: dict[str, int] = {}
        self.coded_labels: set[int] = set()  # labels of the rules that name codes
        self.concept_keys: dict[int, str] = {}  # system of every concept that a pack's rule names
        self.patterns: list[tuple[programs.Program, int, MentionRule]] = []  # program, rule number, rule
        self.findings: list[Diagnostic] = []

    def run(self, path: Path) -> dict[str, Any]:
        if len(self.label_names) > MAX_LABELS:
            found = f"the packs have {len(self.label_names)} labels (those of schemes counted)"
            self._refuse(f"{found}; at most {MAX_LABELS} are allowed", self.labels[-1].place)
        numbered = list(zip(range(len(self.inputs.lexicons)), self.inputs.lexicons, self.inputs.lexicon_hashes, strict=True))
        large = [one for one in numbered if layers.is_large(one[1])]
        self.builder = self._begin(large)
        self.strings = self.builder.strings
        self._add_words()
        for pack in self.inputs.packs:
            self._add_mention_rules(pack)
        for pack in self.inputs.packs:
            self._add_context(pack)
            self._add_sections(pack)
        if self.findings:
            raise PackError(self.findings)
        for number, lexicon, digest in numbered:
            if number not in self.reports:
                self._add_lexicon(number, lexicon, digest)
        self._add_lexicon_rules()
        return self._write(path)

    # --- findings -----------------------------------------------------------------------------------------------------

    def _refuse(self, message: str, place: Place) -> None:
        self.findings.append(Diagnostic("R220", "error", message, (Located(place),)))

    def _rule(self, pack: Pack, rule: Rule) -> int:
        place = f"{pack.name}/{shown_name(PurePosixPath(rule.place.path))}"
        number = len(self.tables.rules)
        self.tables.rules.append(
            (self.strings.add(f"{pack.name}:{rule.id}"), self.strings.add(place), rule.place.line, rule.place.column)
        )
        return number

    # --- words --------------------------------------------------------------------------------------------------------

    def _add_words(self) -> None:
        for pack in self.inputs.packs:
            for flag, lists in (
                (FLAG_ABBREVIATION, pack.abbreviations),
                (FLAG_CONTINUES, pack.continues),
                (FLAG_LIST, pack.continues_list),
            ):
                for words in lists:
                    for text in words.any:
                        self._guard(text, lambda text=text, flag=flag: self.builder.flag_word(text.value, flag))

    def _guard(self, text: Text, action: Any) -> Any:
        """Run a builder call; what it refuses becomes a finding at the text."""
        try:
            return action()
        except ValueError as error:
            self._refuse(f"this text cannot be compiled: {error}", text.place)
            return None

    # --- terms and patterns -------------------------------------------------------------------------------------------

    def _add_mention_rules(self, pack: Pack) -> None:
        for term in pack.terms:
            self._add_term(pack, term)
        for pattern in pack.patterns:
            self._add_pattern(pack, pattern)

    def _add_term(self, pack: Pack, term: Term) -> None:
        rule = self._rule(pack, term)
        label = self.label_numbers[term.label.value]
        concepts = self._concepts(term, (term.any or term.exact)[0].value)
        first, count, surround = self._unless(term)
        for texts, exact in ((term.any, False), (term.exact, True)):
            for text in texts:
                self._guard(
                    text,
                    lambda text=text, exact=exact: self.builder.add_term(
                        text.value,
                        rule,
                        label,
                        concepts,
                        exact=exact,
                        priority=term.priority,
                        unless=first,
                        n_unless=count,
                        surround=surround,
                    ),
                )

    def _concepts(self, rule: MentionRule, default_name: str) -> list[int]:
        name = rule.name or default_name
        if not rule.concepts:
            return [self.builder.concept("", "", name)] if name else []
        self.coded_labels.add(self.label_numbers[rule.label.value])
        numbers = [self.builder.concept(ref.system, ref.code, name) for ref in rule.concepts]
        self.concept_keys.update(zip(numbers, (ref.system for ref in rule.concepts), strict=True))
        return numbers

    def _unless(self, rule: MentionRule) -> tuple[int, int, int]:
        """Where `unless` is kept: the slice of its section names, and its words (0: none; token numbers until written)."""
        first = len(self.tables.section_refs)
        self.tables.section_refs.extend(self.strings.add(text.value) for text in rule.unless.section)
        forms = []
        for texts, side in ((rule.unless.before, UNLESS_BEFORE), (rule.unless.after, UNLESS_AFTER)):
            for text in texts:
                tokens = self._guard(text, lambda text=text: self.builder.tokens(text.value))
                if tokens:
                    forms.append((side, tokens))
        if not forms:
            return first, len(rule.unless.section), 0
        self.surround.append(forms)
        return first, len(rule.unless.section), len(self.surround)

    def _add_pattern(self, pack: Pack, pattern: Pattern) -> None:
        rule = self._rule(pack, pattern)
        if pattern.regex is not None:
            self._add_regex(pattern, rule, pack.options.values_in_mention == "inside")
            return
        for text in pattern.match:
            node, problems = parse_pattern(text)
            if node is None:
                self.findings.extend(problems)
                continue
            try:
                program = programs.compile_pattern(
                    node, {**self.words, **_word_lists([pack])}, self._tokens, self._frequency, self._label_bits
                )
            except programs.Unanchored:
                self._refuse(
                    "this pattern has no anchor: no word or punctuation mark that every match has in a fixed place", text.place
                )
            except ValueError as error:
                self._refuse(f"this pattern cannot be compiled: {error}", text.place)
            else:
                program.values_inside = pack.options.values_in_mention == "inside"
                self.patterns.append((program, rule, pattern))

    def _tokens(self, surface: str) -> list[int]:
        numbers = self.token_lists.get(surface)  # members of word lists are asked for again and again
        if numbers is None:
            numbers = self.token_lists[surface] = self.builder.tokens(surface)
            for number, spelling in zip(numbers, self.builder.spell(surface), strict=True):
                self.spellings[number] = spelling
        return numbers

    def _frequency(self, number: int) -> int:
        """How common a token is in notes, roughly: what anchors are chosen by."""
        spelling = self.spellings[number]
        return COMMON_WORDS.get(spelling, (1, 15, 8)[len(spelling)] if spelling.isdigit() and len(spelling) < 3 else 1)

    def _add_regex(self, pattern: Pattern, rule: int, values_inside: bool) -> None:
        assert pattern.regex is not None
        number = len(self.tables.regexes)
        anchors = [text.value for text in pattern.anchors] or regex_anchors(pattern.regex.value)
        folds_case = bool(regex.compile(pattern.regex.value).flags & regex.IGNORECASE)
        for anchor in anchors:
            # An anchor with a capital letter keeps its case, unless the regex itself does not care.
            exact = not folds_case and any(char.isupper() for char in anchor)
            self._guard(
                pattern.regex, lambda anchor=anchor, exact=exact: self.builder.add(anchor, KIND_REGEX, number, exact=exact)
            )
        self.tables.regexes.append({"rule": rule, "pattern": pattern, "anchored": bool(anchors), "values_inside": values_inside})

    # --- context and sections -----------------------------------------------------------------------------------------

    def _add_context(self, pack: Pack) -> None:
        for cue in pack.context:
            rule = self._rule(pack, cue)
            number = len(self.tables.cues)
            self.tables.cues.append(self._cue(pack, cue, rule))
            seen: set[tuple[str, bool]] = set()
            for form in cue_forms(cue):
                if (form.surface, form.exact) in seen:
                    continue
                seen.add((form.surface, form.exact))
                self._guard(
                    form.text,
                    lambda form=form, number=number: self.builder.add(form.surface, KIND_CUE, number, exact=form.exact),
                )

    def _cue(self, pack: Pack, cue: ContextCue, rule: int) -> bytes:
        axes = sum(1 << AXES.index(axis) for axis in cue.axes) or (1 << len(AXES)) - 1
        flags = (
            (CUE_LISTS_STOP if (cue.scope.lists or pack.options.lists) == "stop" else 0)
            | (0 if cue.scope.stop_at_clause else CUE_PAST_CLAUSE)
            | (CUE_WITHIN_LINE if cue.scope.within == "line" else 0)
            | (CUE_WITHIN_SECTION if cue.scope.within == "section" else 0)
            | (CUE_NOT_ON if cue.not_on else 0)
            | (CUE_TAKES_OBJECT if cue.takes_object else 0)
            | (CUE_ACTS_INSIDE if pack.options.cues_inside_mention == "act" else 0)
        )
        labels = 0
        for text in cue.on or cue.not_on:
            labels |= self._label_bits(text.value)
        first = len(self.tables.blocker_refs)
        words = cue.after if cue.direction is Direction.STOP else cue.blocked_by
        for text in words:
            self.tables.blocker_refs.append(self._blocker(text))
        return struct.pack(
            "<BBBBIQIIII",
            axes,
            _DIRECTIONS[cue.direction],
            flags,
            0,
            NONE if cue.scope.tokens is None else cue.scope.tokens,
            labels,
            first,
            len(words),
            rule,
            0,
        )

    def _label_bits(self, name: str) -> int:
        """The label names that count as this one: itself, those that some scheme maps to it, and those a scheme maps it to."""
        targets = {label.id: {target for _, target in label.schemes} for label in self.labels}
        return sum(
            1 << number
            for number, other in enumerate(self.label_names)
            if other == name or other in targets.get(name, ()) or name in targets.get(other, ())
        )

    def _blocker(self, text: Text) -> int:
        number = self.blockers.get(text.value)
        if number is None:
            number = self.blockers[text.value] = len(self.blockers)
            self._guard(text, lambda: self.builder.add(text.value, KIND_BLOCKER, number))
        return number

    def _add_sections(self, pack: Pack) -> None:
        for section in pack.sections:
            rule = self._rule(pack, section)
            sets = sum(1 << AXES.index(axis) for axis in section.sets)
            for needs_colon, texts in _headings(section):
                number = len(self.tables.headings)
                self.tables.headings.append(
                    (
                        rule,
                        self.strings.add(section.name),
                        sets,
                        (HEADING_NEEDS_COLON if needs_colon else 0) | (HEADING_PART if section.part else 0),
                    )
                )
                for text, surface in texts:
                    self._guard(text, lambda surface=surface, number=number: self.builder.add(surface, KIND_HEADING, number))

    # --- lexicons -----------------------------------------------------------------------------------------------------

    def _begin(self, numbered: Sequence[layers.Numbered]) -> Builder:
        """A builder that holds the large lexicons."""
        pages, cells, fold_text = self.pages, self.cells, self.fold_text
        builder, reports = layers.add_large(
            lambda: Builder(pages, cells, fold_text), numbered, self.row_labels, self._shown_labels(), self.inputs.cache
        )
        self.reports.update(reports)
        return builder

    def _add_lexicon(self, number: int, path: Path, digest: str) -> None:
        self.reports[number] = add_lexicon(self.builder, path, digest, number, self.row_labels, self._shown_labels())

    def _add_lexicon_rules(self) -> None:
        for lexicon in self.inputs.lexicons:
            name, place = f"lexicon:{lexicon_name(lexicon)}", shown_name(lexicon)
            self.tables.rules.append((self.strings.add(name), self.strings.add(place), 0, 0))

    def _shown_labels(self) -> str:
        return ", ".join(label.id for label in self.labels)

    # --- writing ------------------------------------------------------------------------------------------------------

    def _write(self, path: Path) -> dict[str, Any]:
        # Everything that adds strings or tokens comes before `finish`.
        regexes = [self._regex_meta(entry) for entry in self.tables.regexes]
        captures = [
            [self._capture(name, numeric, program) for name, numeric in program.captures] for program, _, _ in self.patterns
        ]
        pattern_terms = [self._extra_term(rule, number) for _, number, rule in self.patterns]
        regex_terms = [self._extra_term(entry["pattern"], entry["rule"]) for entry in self.tables.regexes]
        hyphen_and_others = {
            chr(c): self.builder.token(chr(c)) for c in range(33, 127) if not chr(c).isalnum() and chr(c) not in "'`/-"
        }
        hyphen_and_others["-"] = self.builder.token("--")
        for k, (program, _, _) in enumerate(self.patterns):
            for numbers, head, tests in program.anchors:
                self.builder.add_tokens(numbers, KIND_PATTERN, k, head=head, tail=tests)
        surround, places = self._surround_table(token_id)
        first_rule = len(self.tables.rules) - len(self.inputs.lexicons)
        labels = [self.label_numbers[label] for label in self.row_labels]
        try:
            tables, counts = self.builder.finish(first_rule, labels, places)
        except OverflowError as error:
            raise too_large(error, str(path)) from error
        punct_ids = array("I", bytes(4 * 128))
        for char, number in hyphen_and_others.items():
            punct_ids[ord(char)] = token_id(number)
        terms, links = self._extra_terms(tables, [*pattern_terms, *regex_terms], places)
        first_extra = len(tables["terms"])
        for k, entry in enumerate(regexes):
            entry["term"] = first_extra + len(pattern_terms) + k
        meta = self._meta(counts, regexes)
        tables.update(
            {
                "meta": json.dumps(meta, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8"),
                "fold_pages": self.pages,
                "fold_cells": self.cells,
                "fold_text": self.fold_text,
                "punct_ids": punct_ids,
                "terms": [tables["terms"], terms],
                "concept_links": [tables["concept_links"], links],
                "rules": b"".join(struct.pack("<4I", *rule) for rule in self.tables.rules),
                "cues": b"".join(self.tables.cues),
                "blocker_refs": self.tables.blocker_refs,
                "headings": b"".join(struct.pack("<4I", *heading) for heading in self.tables.headings),
                "section_refs": self.tables.section_refs,
                "surround": surround,
                **self._programs(token_id, captures, first_extra),
            }
        )
        artifact.write(path, tables, self.inputs.fingerprint)
        return meta

    def _capture(self, name: str, numeric: bool, program: programs.Program) -> tuple[int, int]:
        """A capture record; the mention has no name, and 1 when it spans the captures too."""
        if name == programs.MENTION:
            return NONE, int(program.values_inside)
        return self.strings.add(name), int(numeric)

    def _extra_term(self, rule: MentionRule, number: int) -> _ExtraTerm:
        """A term record for mentions that patterns and regexes make: rule, label, concepts, unless slice, priority."""
        first, count, surround = self._unless(rule)
        concepts = self._concepts(rule, "")
        yields = isinstance(rule, Pattern) and any(node and label_classes(node) for node, _ in map(parse_pattern, rule.match))
        return number, self.label_numbers[rule.label.value], concepts, first, count, rule.priority, surround, yields

    def _extra_terms(self, tables: dict[str, Any], extra: Sequence[_ExtraTerm], places: Sequence[int]) -> tuple[bytes, bytes]:
        """The records of terms that have no form, and their links, which follow those of the builder."""
        records: list[bytes] = []
        links: list[bytes] = []
        first = len(tables["concept_links"])
        for rule, label, concepts, unless, n_unless, priority, surround, yields in extra:
            flags = self._term_flags(concepts) | (TERM_YIELDS if yields else 0)
            where = first + len(links)
            records.append(
                struct.pack(_TERM, rule, where, len(concepts), label, unless, n_unless, priority, flags, places[surround])
            )
            links.extend(_LINK.pack(concept, 0, 0, 0) for concept in concepts)
        return b"".join(records), b"".join(links)

    def _is_coded(self, label: int) -> bool:
        """Whether some term of the label has a code."""
        return label in self.coded_labels or bool(self.builder.coded_labels >> label & 1)

    def _term_flags(self, concepts: Sequence[int]) -> int:
        """What the core says of other terms when it links them (`judge_links`)."""
        systems = [self.concept_keys[number] for number in concepts if number in self.concept_keys]
        if not systems:
            return TERM_UNCODED
        return TERM_AMBIGUOUS if sum(system == systems[0] for system in systems) > 1 else 0

    def _surround_table(self, token_id: Any) -> tuple[array[int], list[int]]:
        """All `unless` words as the core reads them, and where each rule's begin."""
        table = array("I", [0])
        places = [0]
        for forms in self.surround:
            places.append(len(table))
            table.append(len(forms))
            for side, numbers in forms:
                table.extend((side, len(numbers), *(token_id(number) for number in numbers)))
        return table, places

    def _regex_meta(self, entry: dict[str, Any]) -> dict[str, Any]:
        pattern: Pattern = entry["pattern"]
        assert pattern.regex is not None
        names = sorted(regex.compile(pattern.regex.value).groupindex.items(), key=lambda item: item[1])
        return {
            "rule": entry["rule"],
            "regex": pattern.regex.value,
            "names": [[name, self.strings.add(name)] for name, _ in names if name != MENTION_GROUP or not entry["values_inside"]],
            "timeout": REGEX_TIMEOUT,
            "anchored": entry["anchored"],
        }

    def _programs(self, token_id: Any, captures: Sequence[list[tuple[int, int]]], first_term: int) -> dict[str, Any]:
        code: list[bytes] = []
        table: list[bytes] = []
        sets = array("I")
        capture_table: list[bytes] = []
        for k, (program, _, _) in enumerate(self.patterns):
            table.append(
                struct.pack(
                    "<8I",
                    len(code),
                    len(program.code),
                    len(capture_table),
                    len(captures[k]),
                    first_term + k,
                    int(program.from_number),
                    program.number_flags,
                    int(program.starts_with_number),
                )
            )
            for op, arg0, arg1 in program.code:
                if op == programs.TOKEN:
                    arg0 = token_id(arg0)
                elif op == programs.SET:
                    members = sorted(token_id(number) for number in program.sets[arg0])
                    arg0, arg1 = len(sets), len(members)
                    sets.extend(members)
                code.append(struct.pack("<4I", op, arg0, arg1, 0))
            capture_table.extend(struct.pack("<2I", *capture) for capture in captures[k])
        return {"code": b"".join(code), "programs": b"".join(table), "sets": sets, "captures": b"".join(capture_table)}

    def _meta(self, counts: dict[str, int], regexes: list[dict[str, Any]]) -> dict[str, Any]:
        packs = self.inputs.packs
        return {
            "fingerprint": self.inputs.fingerprint.hex(),
            "labels": [label.id for label in self.labels],
            "label_names": self.label_names,
            "label_descriptions": [label.description for label in self.labels],
            "schemes": _schemes(self.labels),
            "axes": [axis for axis in AXES if any(axis in pack.axes for pack in packs)],
            "resolution": self.inputs.resolution,
            "cues_inside_mention": "act" if any(pack.options.cues_inside_mention == "act" for pack in packs) else "ignore",
            "lists": "stop" if any(pack.options.lists == "stop" for pack in packs) else "follow",
            "packs": [
                {"name": pack.name, "version": pack.version, "path": shown_name(pack.path), "sha256": pack.content_hash}
                for pack in packs
            ],
            "lexicons": [report.described for _, report in sorted(self.reports.items())],
            "warnings": [warning for _, report in sorted(self.reports.items()) for warning in report.warnings],
            "variants": self.builder.variants,
            "coded_labels": [label.id for number, label in enumerate(self.labels) if self._is_coded(number)],
            "regexes": regexes,
            "counts": {
                **counts,
                "cues": len(self.tables.cues),
                "headings": len(self.tables.headings),
                "patterns": len(self.patterns),
                "regexes": len(regexes),
                "rules": len(self.tables.rules),
            },
        }


def _labels(packs: Iterable[Pack]) -> Iterator[Label]:
    """Each label once, with the schemes of all packs that declare it."""
    found: dict[str, Label] = {}
    for pack in packs:
        for label in pack.labels:
            known = found.get(label.id)
            found[label.id] = label if known is None else replace(known, schemes=(*known.schemes, *label.schemes))
    return iter(found.values())


def _label_names(labels: Sequence[Label]) -> list[str]:
    """The labels, then the names that schemes give them."""
    return list(dict.fromkeys([*(label.id for label in labels), *(name for label in labels for _, name in label.schemes)]))


def _word_lists(packs: Iterable[Pack]) -> dict[str, list[str]]:
    """The word lists by name; of two packs the first has it."""
    found: dict[str, list[str]] = {}
    for pack in packs:
        for words in pack.words:
            found.setdefault(words.id, [text.value for text in words.any])
    return found


def _schemes(labels: Sequence[Label]) -> dict[str, dict[str, str]]:
    schemes: dict[str, dict[str, str]] = {}
    for label in labels:
        for scheme, target in label.schemes:
            schemes.setdefault(scheme, {}).setdefault(label.id, target)
    return schemes


def _headings(section: Section) -> Iterator[tuple[bool, list[tuple[Text, str]]]]:
    """The section's headings: those that need no colon, then those that do, without it."""
    plain = [(text, text.value) for text in section.headings if not text.value.rstrip().endswith(":")]
    colon = [(text, text.value.rstrip()[:-1]) for text in section.headings if text.value.rstrip().endswith(":")]
    if plain:
        yield False, plain
    if colon:
        yield True, colon


__all__ = ["CompileInputs", "Row", "compile_artifact"]
