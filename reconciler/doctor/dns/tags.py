"""`v=DKIM1; k=rsa; p=…`: the lists of tags that DKIM and DMARC records are. Pure."""

from __future__ import annotations


def tags_of(text: str) -> dict[str, str] | None:
    """Names in lower case, values without blanks around them; None for what is no such list (RFC 6376, 3.2)."""
    tags: dict[str, str] = {}
    for part in text.rstrip().removesuffix(";").split(";"):
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if not equals or not name or name in tags:
            return None
        tags[name] = value.strip()
    return tags
