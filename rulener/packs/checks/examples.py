"""Rules that nothing shows to work."""

from __future__ import annotations

from collections.abc import Sequence

from rulener.packs.diagnostics import Diagnostic, Findings
from rulener.packs.model import Pack, Rule


class MissingExample:
    """A stable rule should show at least one text that it finds."""

    code = "R301"
    name = "missing-example"

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
