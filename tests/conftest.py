"""The services that tests run on are fixtures in `tests/services`; each is started on loopback and stopped by pid."""

import os
import signal
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings

_MEMORY, _NEEDED = Path("/dev/shm"), 4 * 2**30


def _in_memory() -> None:
    """Folders of tests and servers are in memory where there is room: thousands of databases are written, and no test
    is about the disk. A TMPDIR that is set stays."""
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK):
        return
    there = os.statvfs(_MEMORY)
    if there.f_bavail * there.f_frsize >= _NEEDED and not there.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


_in_memory()

# the programs that tests start have their bytecode, as installed ones have: else each call of one compiles it anew
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# a shell starts what it puts into the background deaf to Ctrl-C, and every command of the tests would inherit that
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# how long an example takes says how busy the machine is, and nothing of the code
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

pytest_plugins = [
    "tests.services.databases",
    "tests.services.sshd",
    "tests.services.agent",
    "tests.services.mail",
    "tests.services.mail_queue",
]
