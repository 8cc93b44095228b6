"""Which of the overlapping candidates become mentions. No Python face."""
