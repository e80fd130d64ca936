"""The state language as text, in its one canonical layout: what `parse` reads, written."""
