"""Rules that nothing shows to work."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from rulener.packs.cases import parse_marked
from rulener.packs.checks.base import folded
from rulener.packs.diagnostics import Diagnostic, Findings
from rulener.packs.model import Pack, Rule, Text
from rulener.packs.patterns import parse_pattern, token_classes

_WORD = re.compile(r"[^\W_]+")
_STEM = 3  # so many first characters make two words alike: plurals and endings count as near misses


class MissingExample:
    """A stable rule should show at least one text that it finds."""

    code = "R301"

    def check(self, packs: Sequence[Pack]) -> list[Diagnostic]:
        """All findings in these packs."""
        findings = Findings()
        for pack in packs:
            rules: list[Rule] = [*pack.terms, *pack.patterns, *pack.context, *pack.sections]
            for rule in rules:
                if rule.status == "stable" and not rule.examples.match and not rule.examples.skip:
                    findings.warning(
                        self.code,
                        f"rule `{rule.id}` is stable and has no example",
                        rule.place,
                        fix='add `examples: {match: ["…"]}`, or `status: experimental`',
                    )
        return findings.all


class IdleExample:
    """A `skip` example that shares no word with its rule passes whatever the rule says."""

    code = "R328"

    def check(self, packs: Sequence[Pack]) -> list[Diagnostic]:
        """All findings in these packs."""
        findings = Findings()
        members = {words.id: words.any for pack in packs for words in pack.words}
        for pack in packs:
            for rule, texts in _texts_of_rules(pack, members):
                stems = {stem for text in texts for stem in _stems(text.value)}
                for example in rule.examples.skip:
                    if stems and not stems & set(_stems(parse_marked(example)[0].text)):
                        findings.warning(
                            self.code,
                            f"this example has no word in common with the rule `{rule.id}`",
                            example.place,
                            notes=["it passes whatever the rule finds, so it shows nothing"],
                            fix="write a text that nearly matches, or remove it",
                        )
        return findings.all


def _texts_of_rules(pack: Pack, members: Mapping[str, Sequence[Text]]) -> Iterator[tuple[Rule, list[Text]]]:
    """Each rule with what it looks for; rules with a regex, a class or a capture are left out: those need no word in common."""
    for term in pack.terms:
        yield term, [*term.any, *term.exact]
    for cue in pack.context:
        yield cue, [*cue.cues, *cue.exact]
    for section in pack.sections:
        yield section, [*section.headings]
    for pattern in pack.patterns:
        nodes = [parse_pattern(text)[0] for text in pattern.match]
        if not pattern.regex and not any(set("<{") & set(text.value) for text in pattern.match):
            lists = [text for node in nodes if node for name in token_classes(node) for text in members.get(name, ())]
            yield pattern, [*pattern.match, *lists]


def _stems(text: str) -> list[str]:
    return [word[:_STEM] for word in _WORD.findall(folded(text))]
