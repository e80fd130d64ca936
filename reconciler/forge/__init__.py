"""Merge requests: what is said there and what was agreed to there. Reads plan documents, and no live system."""
