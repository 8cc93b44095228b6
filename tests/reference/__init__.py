"""The slow oracle: docs/design/matching.md and docs/design/assertion.md written a second time, in plain Python."""
