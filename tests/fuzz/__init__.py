"""Fuzzing guided by coverage: `make fuzz` looks for inputs, `test_corpus` replays those that were found."""
