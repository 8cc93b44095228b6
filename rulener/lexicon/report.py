"""What the named rules of a stage did: how often, and the first examples. Same rows, same report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rulener.errors import UsageError

EXAMPLES = 10


class Named(Protocol):
    """What a report needs to know of a rule."""

    @property
    def name(self) -> str: ...
    @property
    def effect(self) -> str: ...
    @property
    def summary(self) -> str: ...


@dataclass(slots=True)
class Tally:
    """One rule: how many rows it touched, and the first of them as `(before, after)`."""

    count: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)

    def add(self, before: str, after: str) -> None:
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append((before, after))


class StageReport:
    """The tallies of one stage, in the order of its rules."""

    def __init__(self, stage: str, rules: Sequence[Named]) -> None:
        self.stage = stage
        self.rules = tuple(rules)
        self.rows_in = 0
        self.rows_out = 0
        self.tallies = {rule.name: Tally() for rule in rules}

    @property
    def counts(self) -> dict[str, int]:
        """How many rows each rule touched; those that touched none are not in it."""
        return {name: tally.count for name, tally in self.tallies.items() if tally.count}

    def to_dict(self) -> dict[str, Any]:
        """Plain data: `stage`, `rows_in`, `rows_out` and `rules`, each with `name`, `effect`, `count` and `examples`."""
        return {
            "stage": self.stage,
            "rows_in": self.rows_in,
            "rows_out": self.rows_out,
            "rules": [
                {
                    "name": rule.name,
                    "effect": rule.effect,
                    "count": tally.count,
                    "examples": [{"before": before, "after": after} for before, after in tally.examples],
                }
                for rule in self.rules
                for tally in (self.tallies[rule.name],)
            ],
        }

    def to_text(self) -> str:
        """The same for reading. Rules that touched nothing are listed last, by name."""
        lines = [f"{self.stage}: {self.rows_in} rows in, {self.rows_out} rows out"]
        idle = []
        for rule in self.rules:
            tally = self.tallies[rule.name]
            if not tally.count:
                idle.append(rule.name)
                continue
            lines += ["", f"{rule.name} ({rule.effect}): {tally.count} row{'' if tally.count == 1 else 's'}. {rule.summary}"]
            lines += [f"    {before}  ->  {after}" for before, after in tally.examples]
        if idle:
            lines += ["", f"nothing to do: {', '.join(idle)}"]
        return "\n".join(lines) + "\n"


def chosen(rules: Sequence[Named], only: Iterable[str], without: Iterable[str]) -> frozenset[str]:
    """The names of the rules to run: all, or those in `only`, but those in `without`.

    Raises UsageError: U100 a name is not one of these rules.
    """
    known = [rule.name for rule in rules]
    only, without = list(only), list(without)
    for name in (*only, *without):
        if name not in known:
            raise UsageError("U100", f"there is no rule {name!r}", hint=f"the rules are {', '.join(known)}")
    return frozenset(only or known) - frozenset(without)
