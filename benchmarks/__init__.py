"""How fast rulener is beside what a user would write first. See README.md."""
