"""A site whose mail host has a real main.cf (`postconf` needs no Postfix that runs) and whose DNS is the test's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.cli.running import Answer, reconciler
from tests.services.main_cf import write_main_cf
from tests.services.name_server import NameServer
from tests.services.needs import require

_MAIN_CF = {
    "compatibility_level": "3.6",
    "myhostname": "mx.good.example",
    "inet_protocols": "all",
    "smtp_bind_address": "192.0.2.25",
    "smtp_bind_address6": "2001:db8::25",
}
_MASTER_CF = "smtp inet n - n - 1 smtpd\nsmtp unix - - n - - smtp\n"


class DnsSite:
    """The site file, main.cf and the state in one folder."""

    def __init__(self, folder: Path) -> None:
        require("postfix", "postconf")
        self.folder = folder
        self.main_cf()

    def main_cf(self, *, master: str = "", **changed: Any) -> None:
        """Writes main.cf; `None` leaves a parameter out. `master` has more lines of master.cf."""
        values = {name: value for name, value in {**_MAIN_CF, **changed}.items() if value is not None}
        config = self.folder / "etc"
        config.mkdir(exist_ok=True)
        write_main_cf(config / "main.cf", "".join(f"{name} = {value}\n" for name, value in values.items()))
        (config / "master.cf").write_text(_MASTER_CF + master)

    def write(
        self, server: NameServer | int, dns: Mapping[str, Any] | None = MappingProxyType({}), **sections: Any
    ) -> None:
        """The site file. An int is the port of a server on 127.0.0.1."""
        port = server if isinstance(server, int) else server.port
        asked = (
            {"server": "127.0.0.1", "port": port, "dkim_selectors": ["mail"], **(dns or {})}
            if dns is not None
            else None
        )
        postfix = {
            "sender_access": "hash:/nowhere",
            "privilege": "direct",
            "config_directory": str(self.folder / "etc"),
        }
        document = {"site": "nrw", "state": "state", "postfix": postfix, "dns": asked, **sections}
        given = {name: section for name, section in document.items() if section is not None}
        (self.folder / "reconciler.yaml").write_text(json.dumps(given), encoding="utf-8")

    def declare(self, domains: Sequence[str]) -> None:
        """The state has an alias in each of these domains."""
        (self.folder / "state").mkdir(exist_ok=True)
        aliases = {f"info@{domain}": ["somebody@elsewhere.example"] for domain in domains}
        (self.folder / "state" / "aliases.yaml").write_text(json.dumps({"aliases": aliases}), encoding="utf-8")

    def run(self, *arguments: str, **env: str) -> Answer:
        """`reconciler doctor`."""
        return reconciler(self.folder, "doctor", *arguments, env=env)

    def checks(self, *arguments: str, area: str = "dns", **env: str) -> dict[str, dict[str, Any]]:
        """The checks of an area by their names; a name twice fails the test."""
        answer = self.run("--format", "json", *arguments, **env)
        found = [check for check in answer.json["checks"] if check["area"] == area]
        by_name = {check["name"]: check for check in found}
        assert len(by_name) == len(found), found
        return by_name
