"""Where terms come from: one reader per source, all giving the same rows."""
