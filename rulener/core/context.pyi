"""ConText over token arrays (docs/design/assertion.md). No Python face."""
