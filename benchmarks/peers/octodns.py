"""octoDNS compares as many DNS records as the site has mailboxes, or entries: what its files declare with what other
files have. For `run`.

It manages other things than mail accounts, and its way is ours: YAML, read, validated, and compared with what is there.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks import people
from benchmarks.measure import Failed
from benchmarks.peers.peer import Compare, Peer, said

_ZONE = "bench.example."
_DECLARED, _LIVE = "declared", "live"
_PROVIDER = {"class": "octodns.provider.yaml.YamlProvider", "enforce_order": False}
_FOUND = re.compile(r"populate:\s+found (\d+) records")
_CHANGE = re.compile(r"^[\[ ](?:Create|Update|Delete)\b", re.MULTILINE)


def octodns(programs: Path, folder: Path, size: int) -> tuple[Peer, Peer]:
    """With a record for each mailbox, and with one for each entry, which are three times as many. `programs`: where
    octodns-compare is."""
    folder.mkdir()
    config, records = folder / "octodns.yaml", dict(_records(size))
    providers = {name: {**_PROVIDER, "directory": str(folder / name)} for name in (_DECLARED, _LIVE)}
    zones = {_ZONE: {"sources": [_DECLARED], "targets": [_LIVE]}}
    config.write_text(json.dumps({"providers": providers, "zones": zones}), encoding="utf-8")  # JSON is YAML
    asked = ["--config-file", str(config), "--a", _DECLARED, "--b", _LIVE, "--zone", _ZONE]

    def ready(count: int, different: int) -> Compare:
        some = list(records)[:count]
        _write(folder / _LIVE, {name: records[name] for name in some})
        others = {name: {"type": "A", "value": "192.0.2.1"} for name in some[:different]}
        _write(folder / _DECLARED, {name: records[name] for name in some} | others)
        argv = [str(programs / "octodns-compare"), *asked]
        return lambda: _different(said(argv, folder, os.environ, expected=(0, 1)), count)

    few, all_ = (Peer("octoDNS", 5, "records", count, None, ready) for count in (size, len(records)))
    return few, all_


def _records(size: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """One for each mailbox, alias and block; the mailboxes come first."""
    parts = people.parts(size)
    for person in (person for part in parts for person in part.people):
        number = person.number
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        yield person.local, {"type": "A", "value": address, "ttl": 3600}
    for alias in (alias for part in parts for alias in part.aliases()):
        name, *others = (address.partition("@")[0] for address in (alias.address, *alias.goto))
        if len(others) == 1:
            yield name, {"type": "CNAME", "value": f"{others[0]}.{_ZONE}"}
        else:
            yield name, {"type": "TXT", "values": sorted(others)}
    for key in people.blocked(size):
        yield key.rpartition("@")[2], {"type": "TXT", "value": "sells addresses"}


def _write(folder: Path, records: Mapping[str, Mapping[str, Any]]) -> None:
    """As people write such files: two or three lines a record."""
    folder.mkdir(exist_ok=True)
    text = "".join(f"{name}:\n{''.join(_fields(fields))}" for name, fields in records.items())
    (folder / f"{_ZONE}yaml").write_text(f"---\n{text}", encoding="utf-8")


def _fields(fields: Mapping[str, Any]) -> Iterator[str]:
    for name, value in fields.items():
        yield f"  {name}: {', '.join(value).join('[]') if isinstance(value, list) else value}\n"


def _different(output: str, asked: int) -> int:
    found = [int(number) for number in _FOUND.findall(output)]
    if found != [asked, asked]:
        raise Failed(f"octoDNS read {found} records instead of {asked} twice\n{output[-4000:]}")
    return len(_CHANGE.findall(output))
