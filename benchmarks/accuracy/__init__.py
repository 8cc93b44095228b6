"""How much and how well the shipped packs and lexicons find; scores on public corpora."""
