"""The rules: pure functions from facts, a programme and a moment to findings."""
