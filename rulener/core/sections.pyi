"""Sections of a note. Used by the scanner only."""
