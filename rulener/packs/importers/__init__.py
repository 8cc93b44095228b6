"""Rule files of other systems -> rulener packs: readers that say what a file holds, and one writer. Imports `packs` only."""
