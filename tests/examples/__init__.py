"""Worked examples that the tests run."""
