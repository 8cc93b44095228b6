"""What an author writes, read into a checked pack. Pure Python; never imports the core."""
