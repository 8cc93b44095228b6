"""Lints: one small object per check, each looking at all packs that are loaded together."""

from __future__ import annotations

from rulener.packs.checks.acronyms import FoldedAcronym
from rulener.packs.checks.alternatives import EmptyAlternative
from rulener.packs.checks.base import Check
from rulener.packs.checks.examples import IdleExample, MissingExample
from rulener.packs.checks.repeats import RepeatedText, ShadowedText
from rulener.packs.checks.roles import TwoRoles
from rulener.packs.checks.runaway import RunawayRegex
from rulener.packs.checks.systems import UnknownSystem

ALL_CHECKS: tuple[Check, ...] = (
    TwoRoles(),
    MissingExample(),
    RepeatedText(),
    ShadowedText(),
    EmptyAlternative(),
    RunawayRegex(),
    FoldedAcronym(),
    UnknownSystem(),
    IdleExample(),
)

# Those whose findings are errors. The others warn, and who only loads packs does without them.
REFUSING: tuple[Check, ...] = tuple(check for check in ALL_CHECKS if isinstance(check, TwoRoles))

__all__ = ["ALL_CHECKS", "REFUSING", "Check"]
