"""Database servers that want more than they should get, and one that logs in as MySQL does; what they hear is kept."""

from __future__ import annotations

import hashlib
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_PLUGIN_AUTH, _SECURE, _TLS, _PROTOCOL_41, _WITH_DB = 1 << 19, 1 << 15, 1 << 11, 1 << 9, 1 << 3
_OK = b"\0\0\0\2\0\0\0"
_DENIED = b"\xff\x15\x04#28000Access denied"
NONCE = b"s" * 8 + b"a" * 12
"""What a client scrambles its password with."""


class Line:
    """One client's connection."""

    def __init__(self, connection: socket.socket, heard: bytearray) -> None:
        self._connection = connection
        self._heard = heard

    def exactly(self, size: int) -> bytes:
        """The next bytes; EOFError when the client has gone."""
        got = b""
        while len(got) < size:
            part = self._connection.recv(size - len(got))
            if not part:
                raise EOFError
            self._heard += part
            got += part
        return got

    def send(self, data: bytes) -> None:
        """As it is."""
        self._connection.sendall(data)

    def packet(self) -> bytes:
        """A MySQL packet of the client."""
        head = self.exactly(4)
        self._number = head[3]
        return self.exactly(int.from_bytes(head[:3], "little"))

    def answer(self, payload: bytes, number: int | None = None) -> None:
        """A MySQL packet."""
        self._number = self._number + 1 if number is None else number
        self.send(len(payload).to_bytes(3, "little") + bytes([self._number]) + payload)

    def greet(self, plugin: str = "mysql_native_password", more: int = 0) -> bytes:
        """MySQL's first packet, with `NONCE`; what the client's login says. `more`: flags."""
        flags = _PLUGIN_AUTH | _SECURE | _PROTOCOL_41 | _WITH_DB | more
        low, high = struct.pack("<H", flags & 0xFFFF), struct.pack("<H", flags >> 16)
        head = b"\x0a8.0.36\0" + struct.pack("<I", 7) + NONCE[:8] + b"\0" + low
        rest = b"\x2d\2\0" + high + b"\x15" + b"\0" * 10 + NONCE[8:] + b"\0" + plugin.encode() + b"\0"
        self.answer(head + rest, 0)
        return self.packet()

    def encrypt(self, context: ssl.SSLContext) -> socket.socket:
        """From now on both speak TLS; the caller closes what is returned."""
        self._connection = context.wrap_socket(self._connection, server_side=True)
        return self._connection

    def go_on_with(self, server: socket.socket) -> None:
        """From now on the client talks to this server, which counts the packets of each statement anew, as all do."""
        while True:
            for ready in select.select([self._connection, server], [], [], 10)[0]:
                part = ready.recv(2**16)
                if not part:
                    return
                (server if ready is self._connection else self._connection).sendall(part)


Script = Callable[[Line], None]


def asks_for(plugin: str) -> Script:
    """Says at the login that this plugin is to be used, and takes what comes."""

    def script(line: Line) -> None:
        line.greet()
        line.answer(b"\xfe" + plugin.encode() + b"\0" + (b"\2Password: " if plugin == "dialog" else b"x" * 20 + b"\0"))
        line.packet()

    return script


def shows_a_key(plugin: str, key: bytes) -> Script:
    """Asks for the password under a key of its own."""

    def script(line: Line) -> None:
        line.greet()
        line.answer(b"\xfe" + plugin.encode() + b"\0" + b"x" * 20 + b"\0")
        if plugin == "caching_sha2_password":
            line.packet()  # the scrambled password
            line.answer(b"\1\4")  # is not enough
        line.packet()
        line.answer(b"\1" + key)
        line.packet()

    return script


def sha2(password: bytes, key: RSAPrivateKey, through_to: Callable[[], socket.socket], *, cached: bool) -> Script:
    """MySQL's `caching_sha2_password`, which MariaDB has not: who knows the password gets a connection to another
    server. `cached`: the server remembers the user; else it wants the password under its key."""

    def script(line: Line) -> None:
        once = hashlib.sha256(password).digest()
        twice = hashlib.sha256(hashlib.sha256(once).digest() + NONCE).digest()
        if bytes(a ^ b for a, b in zip(once, twice, strict=True)) not in line.greet("caching_sha2_password"):
            line.answer(_DENIED)
            return
        if cached:
            line.answer(b"\1\3")
        else:
            line.answer(b"\1\4")
            assert line.packet() == b"\2"
            line.answer(b"\1" + key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
            opened = key.decrypt(line.packet(), OAEP(MGF1(SHA1()), SHA1(), None))
            assert bytes(a ^ b for a, b in zip(opened, cycle(NONCE), strict=False)) == password + b"\0"
        line.answer(_OK)
        with through_to() as server:
            line.go_on_with(server)

    return script


def offers_tls(context: ssl.SSLContext) -> Script:
    """Takes the login over TLS and refuses it; a client that is not asked for TLS is not answered."""

    def script(line: Line) -> None:
        assert len(line.greet(more=_TLS)) == 32, "the request for TLS names nobody"
        with line.encrypt(context):
            line.packet()
            line.answer(_DENIED)

    return script


def asks_for_file(path: str) -> Script:
    """Answers the first statement with the request for a file of the client's machine."""

    def script(line: Line) -> None:
        line.greet()
        line.answer(_OK)
        while b"NAMES" in line.packet():  # whose answer PyMySQL does not look at
            line.answer(_OK)
        line.answer(b"\xfb" + path.encode())
        line.packet()

    return script


def talks_nonsense(line: Line) -> None:
    """No database at all."""
    line.send(b"\x03\0\0\0HTT")


def wants_clear_postgresql(line: Line) -> None:
    """AuthenticationCleartextPassword."""
    length = int.from_bytes(line.exactly(4), "big")
    while line.exactly(length - 4)[:4] in (struct.pack(">I", 80877103), struct.pack(">I", 80877104)):
        line.send(b"N")
        length = int.from_bytes(line.exactly(4), "big")
    line.send(b"R" + struct.pack(">II", 8, 3))
    line.exactly(1)
    line.exactly(int.from_bytes(line.exactly(4), "big") - 4)


@contextmanager
def hostile_server(script: Script) -> Iterator[tuple[int, bytearray]]:
    """Its port on loopback, and everything that clients have sent."""
    heard = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                # each in a thread of its own: a client may keep one connection while it opens the next
                talks.append(threading.Thread(target=talk, args=(connection,)))
                talks[-1].start()

        def talk(connection: socket.socket) -> None:
            with connection, suppress(EOFError, OSError):
                connection.settimeout(10)
                script(Line(connection, heard))

        talks: list[threading.Thread] = []
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1], heard
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for each in (thread, *talks):
                each.join()
