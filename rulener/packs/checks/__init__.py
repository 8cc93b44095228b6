"""Lints: one small object per check, each looking at all packs that are loaded together."""

from __future__ import annotations

from rulener.packs.checks.alternatives import EmptyAlternative
from rulener.packs.checks.base import Check
from rulener.packs.checks.examples import MissingExample
from rulener.packs.checks.repeats import RepeatedText, ShadowedText
from rulener.packs.checks.roles import TwoRoles

ALL_CHECKS: tuple[Check, ...] = (TwoRoles(), MissingExample(), RepeatedText(), ShadowedText(), EmptyAlternative())

__all__ = ["ALL_CHECKS", "Check", "EmptyAlternative", "MissingExample", "RepeatedText", "ShadowedText", "TwoRoles"]
