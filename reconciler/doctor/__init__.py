"""Examines a site before something goes wrong: `reconciler doctor`. Reads only; each check says what it saw, why that
matters, and what to do."""
