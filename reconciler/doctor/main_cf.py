"""Postfix' settings on the mail host, as `postconf` has them: main.cf, and what master.cf says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from reconciler.errors import Unreadable
from reconciler.remote.host import PLAIN, Host
from reconciler.settings import Postfix
from reconciler.systems.postfix.tools import Argv, Tools


class Service(NamedTuple):
    """A line of master.cf."""

    name: str
    """Of a listening service its port, or its address and port."""
    kind: str
    """`inet`, `unix`, `pass` …"""
    command: str
    settings: Mapping[str, str]
    """What its `-o` say."""

    @property
    def title(self) -> str:
        """As postconf names it: `smtp/inet`."""
        return f"{self.name}/{self.kind}"


class MainCf(NamedTuple):
    """All settings, their variables put in."""

    values: Mapping[str, str]
    """Every parameter, its default where main.cf has none."""
    services: tuple[Service, ...]

    def words(self, name: str, service: Service | None = None) -> list[str]:
        """The words of a list, of one service or of main.cf."""
        return self.of(name, service).replace(",", " ").split()

    def of(self, name: str, service: Service | None = None) -> str:
        """The value of a parameter for one service, or in main.cf."""
        return (service.settings if service else {}).get(name, self.values.get(name, ""))


async def read_main_cf(host: Host, section: Postfix) -> MainCf:
    """Raises Unreadable."""
    tools = Tools(section)
    values = _pairs(await _asked(host, tools.settings))
    services = await _asked(host, tools.services)
    overrides = _pairs(await _asked(host, tools.overrides))
    return MainCf(values, tuple(_service(line, overrides) for line in services.splitlines() if line.strip()))


def _service(line: str, overrides: Mapping[str, str]) -> Service:
    words = line.split()
    prefix = f"{words[0]}/{words[1]}/"
    own = {key.removeprefix(prefix): value for key, value in overrides.items() if key.startswith(prefix)}
    return Service(words[0], words[1], words[7], own)


def _pairs(text: str) -> dict[str, str]:
    return {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in text.splitlines())}


async def _asked(host: Host, argv: Argv) -> str:
    done = await host.run(argv, env=PLAIN, repeatable=True)
    if done.status:
        said = done.stderr.decode("utf-8", "replace").strip()[:400] or "it gave no reason"
        raise Unreadable(
            f"{host.name}: {argv[0]} ended with status {done.status}: {said}",
            hint=f"run it there as the user who logs in: {' '.join(argv)}",
        )
    return done.stdout.decode("utf-8", "replace")
