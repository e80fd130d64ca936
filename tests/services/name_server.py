"""A private NSD with zones that a test writes, and an Unbound that asks it and caches.

Both listen on loopback and are stopped by their process ids. NSD has port 53 of a loopback address of its own, since
nobody can write another port into a zone; so it needs root.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import pytest

from tests.services.databases import folder_of, free_port, running
from tests.services.needs import cannot, require

BROKEN = ["this is no record"]
"""Instead of records: the zone is configured and cannot be loaded, so each question about it ends with SERVFAIL."""

_NSD_CONF = """\
server:
    ip-address: {authority}
    username: ""
    server-count: 1
    zonesdir: "{folder}"
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd"
    xfrdir: "{folder}"
    zonelistfile: "{folder}/zones"
    logfile: "{folder}/nsd.log"
remote-control:
    control-enable: no
"""
_UNBOUND_CONF = """\
server:
    directory: "{folder}"
    pidfile: "{folder}/unbound.pid"
    username: ""
    chroot: ""
    use-syslog: no
    logfile: ""
    interface: 127.0.0.1
    interface: ::1
    port: {port}
    do-not-query-localhost: no
    # no validation: the zones are not signed
    module-config: "iterator"
    # it would answer itself for addresses of documentation, and for .test
    unblock-lan-zones: yes
    insecure-lan-zones: yes
    local-zone: test. nodefault
    local-zone: invalid. nodefault
    local-zone: "8.b.d.0.1.0.0.2.ip6.arpa." nodefault
remote-control:
    control-enable: no
forward-zone:
    name: "."
    forward-addr: {authority}
"""
_HEAD = """\
$ORIGIN {name}.
$TTL {ttl}
@ IN SOA ns.{name}. hostmaster.{name}. 1 3600 600 86400 {negative}
@ IN NS ns.{name}.
ns IN A {authority}
"""


@dataclass(frozen=True, slots=True)
class NameServer:
    """The running pair."""

    port: int
    """Of the resolver, on 127.0.0.1 and ::1."""
    authority: str
    """The address of the zones' own server; port 53."""


@contextmanager
def running_name_server(
    zones: Mapping[str, Sequence[str]], *, ttl: int = 3600, negative: int = 300
) -> Iterator[NameServer]:
    """Serves these zones while the block runs: the lines of each by its name. SOA and NS come by themselves. `ttl` is
    for lines without one; `negative` says for how long it may be remembered that something is not there; seconds."""
    (nsd,) = require("nsd", "nsd")
    (unbound,) = require("unbound", "unbound")
    if os.geteuid() != 0:
        cannot("a private name server needs root: its zones are asked for at port 53")
    number = secrets.token_bytes(3)
    server = NameServer(free_port(), f"127.{number[0] % 200 + 50}.{number[1]}.{number[2] % 253 + 1}")
    with folder_of("nsd") as one, folder_of("unbound") as other:
        nsd_conf, unbound_conf = one / "nsd.conf", other / "unbound.conf"
        nsd_conf.write_text(_NSD_CONF.format(folder=one, authority=server.authority))
        for name, lines in zones.items():
            head = _HEAD.format(name=name, ttl=ttl, negative=negative, authority=server.authority)
            (one / f"{name}.zone").write_text(head + "".join(f"{line}\n" for line in lines), encoding="utf-8")
            with nsd_conf.open("a") as conf:
                conf.write(f'zone:\n    name: "{name}"\n    zonefile: "{name}.zone"\n')
        unbound_conf.write_text(_UNBOUND_CONF.format(folder=other, authority=server.authority, port=server.port))
        # a copy: Debian's AppArmor profile lets /usr/sbin/unbound into no folder of ours
        program = shutil.copy2(unbound, other / "resolver")
        with (
            running([nsd, "-d", "-c", str(nsd_conf)], one) as first,
            running([str(program), "-d", "-p", "-c", str(unbound_conf)], other) as second,
        ):
            _wait(server.authority, 53, first, one)
            _wait("127.0.0.1", server.port, second, other)
            yield server


@contextmanager
def silent_server() -> Iterator[int]:
    """The port of a name server on 127.0.0.1 that takes questions and answers none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        yield int(deaf.getsockname()[1])


def _wait(address: str, port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + 30
    while True:
        with suppress(OSError, dns.exception.Timeout):
            dns.query.udp(dns.message.make_query("reconciler.invalid", "NS"), address, timeout=1, port=port)
            return
        if process.poll() is not None or time.monotonic() > until:
            logs = [file.read_text(errors="replace") for file in folder.glob("*.log")]
            pytest.fail("".join(logs)[-2000:])
        time.sleep(0.05)
