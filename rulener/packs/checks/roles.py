"""Cues that say two things at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rulener.packs.checks.base import folded
from rulener.packs.diagnostics import Diagnostic, Findings
from rulener.packs.model import AXES, ContextCue, Direction, Pack
from rulener.packs.patterns import CueForm, cue_forms

_REACHING = (Direction.FORWARD, Direction.BACKWARD, Direction.BOTH)


@dataclass(frozen=True, slots=True)
class _Use:
    """One form of one rule."""

    rule: ContextCue
    form: CueForm


class TwoRoles:
    """One form with two directions on the same axis: only the first rule's would count."""

    code = "R104"

    def check(self, packs: Sequence[Pack]) -> list[Diagnostic]:
        """All findings in these packs; each pair of rules and texts once, whatever the number of shared forms and axes."""
        findings = Findings()
        uses: dict[tuple[str, str], list[_Use]] = {}
        reported: set[tuple[object, ...]] = set()
        for rule in (rule for pack in packs for rule in pack.context):
            for form in cue_forms(rule):
                use = _Use(rule, form)
                surface = folded(form.surface) or form.surface
                for axis in rule.axes or AXES:
                    earlier = uses.setdefault((axis, surface), [])
                    other = next((before for before in earlier if _clash(before, use)), None)
                    pair = (form.text.place, other.form.text.place) if other else ()
                    if other and pair not in reported:
                        reported.add(pair)
                        self._report(other, use, axis, findings)
                    if not any(before.rule is rule for before in earlier):
                        earlier.append(use)
        return findings.all

    def _report(self, first: _Use, second: _Use, axis: str, findings: Findings) -> None:
        findings.error(
            self.code,
            f"cue `{second.form.surface}` is in two roles on the axis `{axis}`",
            second.form.text.place,
            label=f"{second.rule.direction.value} in `{second.rule.id}`",
            others=[(first.form.text.place, f"{first.rule.direction.value} in `{first.rule.id}`")],
            notes=["of two rules with the same cue and axis only the first acts"],
            fix=_fix(first.rule.direction, second.rule.direction),
        )


def _fix(first: Direction, second: Direction) -> str:
    if {first, second} == {Direction.FORWARD, Direction.BACKWARD}:
        return "remove it from one rule, or move it to a rule with `direction: both`"
    return "remove it from one of the two rules"


def _clash(first: _Use, second: _Use) -> bool:
    one, other = first.rule.direction, second.rule.direction
    if one is other:
        return False
    if first.form.exact and second.form.exact and first.form.surface != second.form.surface:
        return False
    # A field cue acts only in its own position ("Fever: no"), so the same word may also reach forward or backward.
    return not (Direction.FIELD in (one, other) and (one in _REACHING or other in _REACHING))
