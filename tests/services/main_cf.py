"""Writes a main.cf as if it were an hour old: Postfix' tools wait up to two seconds for one that is younger than two,
since somebody may still be writing it (dict_load_file_xt)."""

from __future__ import annotations

import os
import time
from pathlib import Path


def write_main_cf(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    an_hour_ago = time.time() - 3600
    os.utime(file, (an_hour_ago, an_hour_ago))
