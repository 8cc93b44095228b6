"""Alternatives that are none."""

from __future__ import annotations

from collections.abc import Sequence

from rulener.packs.diagnostics import Diagnostic, Findings
from rulener.packs.model import Pack
from rulener.packs.patterns import empty_alternatives, parse_pattern


class EmptyAlternative:
    """`(findings?|lesion)` reads like a plural and means "findings, or nothing, or lesion"."""

    code = "R304"

    def check(self, packs: Sequence[Pack]) -> list[Diagnostic]:
        """All findings in these packs."""
        findings = Findings()
        for pack in packs:
            cues = [text for cue in pack.context for text in cue.cues + cue.exact]
            for text in cues + [text for pattern in pack.patterns for text in pattern.match]:
                node, _ = parse_pattern(text)
                if node and empty_alternatives(node):
                    findings.warning(
                        self.code,
                        "an alternative of this text can be empty",
                        text.place,
                        notes=["`?` makes the whole word before it optional, not its last letter"],
                        fix="for a plural write both, `(finding|findings)`; for nothing put the `?` behind the bracket",
                    )
        return findings.all
