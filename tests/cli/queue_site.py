"""A site with nothing but a Postfix that has mail in its queue."""

from __future__ import annotations

import json
from pathlib import Path

from tests.services.mail_queue import QueuePostfix

SPAM, OTHER = "muster@muster.example", "anna.beispiel@mail.example"


def write_site(folder: Path, postfix: QueuePostfix, **section: object) -> None:
    """The site file; `section` changes what it says of Postfix."""
    whole = {"sender_access": "hash:/nowhere", "privilege": "direct", "config_directory": str(postfix.config)}
    document = {"site": "nrw", "postfix": {**whole, **section}}
    (folder / "reconciler.yaml").write_text(json.dumps(document), encoding="utf-8")
