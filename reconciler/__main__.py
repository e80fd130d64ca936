"""`python -m reconciler`, where the console script is not on the path."""

from __future__ import annotations

from reconciler.cli.main import main

main()
