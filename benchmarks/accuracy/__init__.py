"""How much the shipped packs and lexicons find, and how right the linker is; scores on public corpora."""
