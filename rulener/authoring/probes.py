"""Checks that need the compiled rules: texts made from the rules themselves are annotated, and what is not found is a finding.

For every text of a term and for every way through a pattern that the sampling takes, a note holds just that text; every
mention is kept (`resolution: all`), no lexicon is loaded. For every heading a note begins with it. What the engine does not
find there it finds nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rulener.engine import Engine, compile_packs
from rulener.packs.diagnostics import Diagnostic, Findings
from rulener.packs.model import (
    Alternatives,
    Capture,
    Gap,
    MentionPart,
    MentionRule,
    Optional_,
    Pack,
    Pattern,
    PatternNode,
    Section,
    Separator,
    Sequence_,
    Text,
    TokenClass,
    Word,
)
from rulener.packs.patterns import label_classes, parse_pattern

_SAMPLES = 24  # ways tried through one pattern
_FILLER = "xyz"
_SHOWN = 12


def probe(packs: Sequence[Pack], checked: Sequence[Pack]) -> list[Diagnostic]:
    """R321 for texts of `checked` that never match, R327 for sections that never open. `packs` are all packs, without errors."""
    findings = Findings()
    with TemporaryDirectory(prefix="rulener-", ignore_cleanup_errors=True) as folder:
        engine = compile_packs(Path(folder) / "probe.rnr", packs, resolution="all")
        _probe_mentions(engine, packs, checked, findings)
        _probe_sections(engine, checked, findings)
        engine.close()
    return findings.all


# --- terms and patterns ----------------------------------------------------------------------------------------------


def _probe_mentions(engine: Engine, packs: Sequence[Pack], checked: Sequence[Pack], findings: Findings) -> None:
    members = {words.id: [text.value for text in words.any] for pack in packs for words in pack.words}
    texts = [
        (f"{pack.name}:{rule.id}", rule, text, samples)
        for pack in checked
        for rule, text in _texts(pack)
        if (samples := list(dict.fromkeys(_samples(rule, text, members))))
    ]
    notes = [f"{_FILLER} {sample} {_FILLER}" for _, _, _, samples in texts for sample in samples]
    found = iter([{entity.rule for entity in doc.entities} for doc in engine.annotate_many(notes)])
    for name, rule, text, samples in texts:
        if not any([name in next(found) for _ in samples]):
            _report(engine, rule, text, samples, findings)


def _texts(pack: Pack) -> Iterator[tuple[MentionRule, Text]]:
    for term in pack.terms:
        yield from ((term, text) for text in term.any + term.exact)
    for pattern in pack.patterns:
        yield from ((pattern, text) for text in pattern.match)


def _report(engine: Engine, rule: MentionRule, text: Text, samples: Sequence[str], findings: Findings) -> None:
    tokens = " ".join(f"`{token}`" for token in engine.tokens(samples[0])[:_SHOWN])
    what = "pattern" if isinstance(rule, Pattern) else "text"
    notes = [f"a note with just this was not matched: tokens {tokens or 'none'}"]
    if len(samples) > 1:
        notes.append(f"{len(samples)} ways through it were tried")
    findings.warning(
        "R321",
        f"this {what} of `{rule.id}` never matches",
        text.place,
        notes=notes,
        fix="look at the tokens: a gap `<…>` never reaches over the end of a sentence",
    )


def _samples(rule: MentionRule, text: Text, members: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if not isinstance(rule, Pattern):
        yield text.value
        return
    node, _ = parse_pattern(text)
    if node is None or label_classes(node):  # what stands under a label is known to lexicons only
        return
    for way in range(_SAMPLES):
        yield re.sub(r"\s+", " ", _sample(node, way, members)).strip()


def _sample(node: PatternNode, way: int, members: Mapping[str, Sequence[str]]) -> str:
    """One text that a pattern should match; `way` chooses alternatives and whether what is optional stands."""
    if isinstance(node, Word | Separator):
        return f" {node.text} "
    if isinstance(node, TokenClass):
        known = {"number": ["12"], "word": [_FILLER]}.get(node.name) or members.get(node.name) or [_FILLER]
        return f" {known[way % len(known)]} "
    if isinstance(node, Gap):
        return f" {_FILLER} " * (node.low + (way % 2) * (node.high - node.low))
    if isinstance(node, Optional_):
        return _sample(node.item, way, members) if way % 2 == 0 else ""
    if isinstance(node, Capture | MentionPart):
        return _sample(node.item, way, members)
    if isinstance(node, Alternatives):
        return _sample(node.options[way // 2 % len(node.options)], way, members)
    if isinstance(node, Sequence_):
        return "".join(_sample(item, way, members) for item in node.items)
    raise AssertionError("patterns with a label are not sampled")


# --- sections --------------------------------------------------------------------------------------------------------


def _probe_sections(engine: Engine, checked: Sequence[Pack], findings: Findings) -> None:
    sections = [(f"{pack.name}:{section.id}", section) for pack in checked for section in pack.sections]
    notes = [f"{text.value.rstrip().removesuffix(':')}:\n{_FILLER}.\n" for _, section in sections for text in section.headings]
    opened = iter([{found.rule for found in doc.sections} for doc in engine.annotate_many(notes)])
    for name, section in sections:
        rules = [next(opened) for _ in section.headings]
        if rules and not any(name in found for found in rules):
            _report_section(section, sorted({rule for found in rules for rule in found if rule}), findings)


def _report_section(section: Section, others: Sequence[str], findings: Findings) -> None:
    headings = ", ".join(f"`{rule}`" for rule in others)
    findings.warning(
        "R327",
        f"the section `{section.id}` never opens",
        section.place,
        notes=[f"its headings open: {headings}" if others else "no heading of it is taken as one"],
        fix="give it a heading of its own, or remove it",
    )
