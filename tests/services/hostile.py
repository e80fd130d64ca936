"""Database servers that want more than they should get: whatever the client sends them is kept."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_PLUGIN_AUTH, _SECURE, _PROTOCOL_41, _WITH_DB = 1 << 19, 1 << 15, 1 << 9, 1 << 3
_OK = b"\0\0\0\2\0\0\0"


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

    def greet(self, plugin: str = "mysql_native_password") -> None:
        """MySQL's first packet, then the client's login is read."""
        flags = _PLUGIN_AUTH | _SECURE | _PROTOCOL_41 | _WITH_DB
        low, high = struct.pack("<H", flags & 0xFFFF), struct.pack("<H", flags >> 16)
        head = b"\x0a8.0.36\0" + struct.pack("<I", 7) + b"s" * 8 + b"\0" + low
        self.answer(head + b"\x2d\2\0" + high + b"\x15" + b"\0" * 10 + b"a" * 12 + b"\0" + plugin.encode() + b"\0", 0)
        self.packet()


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
                with connection, suppress(EOFError, OSError):
                    connection.settimeout(10)
                    script(Line(connection, heard))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1], heard
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
