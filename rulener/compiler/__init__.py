"""Packs and lexicons in, one artifact out. `build` compiles, `cache` compiles on first use."""
