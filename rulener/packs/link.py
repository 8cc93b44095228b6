"""What only packs together can tell: whether labels, sections, word lists and axes exist, and the lints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from rulener.packs.cases import parse_marked
from rulener.packs.checks import ALL_CHECKS, REFUSING
from rulener.packs.diagnostics import Diagnostic, Findings, sort_diagnostics
from rulener.packs.model import Label, MentionRule, Pack, Rule, Text
from rulener.packs.patterns import BUILT_IN_CLASSES, label_classes, parse_pattern, token_classes
from rulener.packs.source import place_at, suggestion

_KIND_OF = {"R130": "labels", "R131": "sections", "R132": "words", "R133": "axes"}  # code of an unknown name -> what it names


def link(packs: Sequence[Pack], *, warn: bool = True) -> list[Diagnostic]:
    """Check parsed packs that are to be used together, in this order. All findings, sorted.

    Without `warn` lints that only warn are left out.
    """
    found = resolve_names(packs)
    found += [diagnostic for check in (ALL_CHECKS if warn else REFUSING) for diagnostic in check.check(packs)]
    return sort_diagnostics(found)


def resolve_names(packs: Sequence[Pack]) -> list[Diagnostic]:
    """The part of `link` without which packs cannot be compiled: whether everything that is named exists.

    Where something of a kind could not be read (`Pack.unread`), names of that kind are not reported as unknown: that would be
    noise after the real error.
    """
    findings = Findings()
    _check_packs_agree(packs, findings)
    _check_labels(packs, findings)
    _check_sections(packs, findings)
    _check_word_lists(packs, findings)
    _check_axes(packs, findings)
    unread = {kind for pack in packs for kind in pack.unread}
    waiting = {code for code, kind in _KIND_OF.items() if kind in unread}
    return [finding for finding in findings.all if finding.code not in waiting]


def known_labels(packs: Iterable[Pack]) -> list[str]:
    """The labels that rules may give to mentions, each once, in order."""
    return list(dict.fromkeys(label.id for pack in packs for label in pack.labels))


def known_label_names(packs: Sequence[Pack]) -> list[str]:
    """The labels and those of the schemes they map to: what `on`, `not_on` and marks may name."""
    mapped = [name for pack in packs for label in pack.labels for _, name in label.schemes]
    return list(dict.fromkeys([*known_labels(packs), *mapped]))


def _mention_rules(packs: Iterable[Pack]) -> Iterator[MentionRule]:
    for pack in packs:
        yield from pack.terms
        yield from pack.patterns


def _check_packs_agree(packs: Sequence[Pack], findings: Findings) -> None:
    seen: dict[str, Pack] = {}
    labels: dict[str, Label] = {}
    for pack in packs:
        if seen.setdefault(pack.name, pack) is not pack:
            findings.error(
                "R134",
                f"two packs are named `{pack.name}`",
                None,
                notes=[f"one is {seen[pack.name].path.as_posix()}, the other {pack.path.as_posix()}"],
                fix="give one of them another name",
            )
        for label in pack.labels:
            first = labels.setdefault(label.id, label)
            if dict(first.schemes) != dict(label.schemes):
                findings.error(
                    "R134",
                    f"the label `{label.id}` is declared with other schemes",
                    label.place,
                    others=[(first.place, "first declared here")],
                    fix="use another id, or leave the second declaration out",
                )


def _check_labels(packs: Sequence[Pack], findings: Findings) -> None:
    labels, names = known_labels(packs), known_label_names(packs)
    for rule in _mention_rules(packs):
        _check_name(rule.label, labels, "R130", "label", "declare it under `labels:` in pack.yaml", findings)
        for text in rule.examples.match + rule.examples.skip:
            findings.extend(parse_marked(text, names)[1])
    for pack in packs:
        for cue in pack.context:
            for text in cue.on + cue.not_on:
                _check_name(text, names, "R130", "label", "declare it under `labels:` in pack.yaml", findings)
    for text in (text for pack in packs for pattern in pack.patterns for text in pattern.match):
        node, _ = parse_pattern(text)
        for name in label_classes(node) if node else ():
            if name not in names:
                start = re.search(rf"label\b[^>}}]*?\b({re.escape(name)})\b", text.value)
                findings.error(
                    "R130",
                    f"unknown label `{name}`",
                    place_at(text, *start.span(1)) if start else text.place,
                    fix=suggestion(name, names) or "declare it under `labels:` in pack.yaml",
                )


def _check_sections(packs: Sequence[Pack], findings: Findings) -> None:
    names = list(dict.fromkeys(section.name for pack in packs for section in pack.sections))
    for rule in _mention_rules(packs):
        for text in rule.unless.section:
            _check_name(text, names, "R131", "section", "add it under `sections:`", findings)


def _check_word_lists(packs: Sequence[Pack], findings: Findings) -> None:
    names = list(dict.fromkeys(words.id for pack in packs for words in pack.words))
    for text in (text for pack in packs for pattern in pack.patterns for text in pattern.match):
        node, _ = parse_pattern(text)
        for name in token_classes(node) if node else ():
            if name not in names:
                start = max(text.value.find(f"<{name}"), text.value.find(f":{name}")) + 1
                findings.error(
                    "R132",
                    f"unknown word list `{name}`",
                    place_at(text, start, start + len(name)),
                    fix=suggestion(name.replace("_", "-"), [*names, *BUILT_IN_CLASSES]),
                )


def _check_name(text: Text, known: Sequence[str], code: str, what: str, otherwise: str, findings: Findings) -> None:
    if text.value not in known:
        fix = suggestion(text.value, known) or otherwise
        findings.error(code, f"unknown {what} `{text.value}`", text.place, fix=fix)


def _check_axes(packs: Sequence[Pack], findings: Findings) -> None:
    assessed = {axis for pack in packs for axis in pack.axes}
    for pack in packs:
        for cue in pack.context:
            _check_assessed(cue, cue.axes, assessed, findings)
        for section in pack.sections:
            _check_assessed(section, section.sets, assessed, findings)


def _check_assessed(rule: Rule, axes: Iterable[str], assessed: set[str], findings: Findings) -> None:
    for axis in axes:
        if axis not in assessed:
            findings.error(
                "R133",
                f"rule `{rule.id}` speaks of the axis `{axis}`, which no loaded pack assesses",
                rule.place,
                notes=["an axis that no pack declares is reported as not assessed, never as false"],
                fix=f"add `{axis}` to `axes:` in pack.yaml",
            )
