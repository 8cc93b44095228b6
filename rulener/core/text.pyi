"""Tokens with exact offsets, keys by folding, lines and list items. No Python face: `Scanner.tokenise` shows what it does."""
