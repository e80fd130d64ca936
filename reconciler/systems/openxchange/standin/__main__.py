"""`python -m reconciler.systems.openxchange.standin install FOLDER`: a stand-in to play with."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from reconciler.errors import ReconcilerError, UsageError
from reconciler.systems.openxchange.standin.install import install
from reconciler.systems.openxchange.standin.usage import NOTICE

_VARIABLE = "RECONCILER_OX_PASSWORD"


def main() -> int:
    """Exit status 0, or 2 with what to do."""
    arguments = _parser().parse_args()
    try:
        password = os.environ.get(_VARIABLE, "")
        if not password:
            raise UsageError(f"{_VARIABLE} is not set", hint=f"export {_VARIABLE}=… : the context admin's password")
        sbin = install(
            arguments.folder,
            admin_password=password,
            admin=arguments.admin,
            context=arguments.context,
            admin_mail=arguments.admin_mail,
            portable=arguments.portable,
        )
    except ReconcilerError as error:
        sys.stderr.write(f"{error.message}\n{error.hint}\n")
        return 2
    sys.stdout.write(f"{NOTICE}\nTry: ADMIN_PASSWORD=… {sbin}/listuser -c {arguments.context} -A {arguments.admin}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reconciler.systems.openxchange.standin",
        description=NOTICE,
        epilog=f"The context admin's password is read from {_VARIABLE}. "
        f"Example: {_VARIABLE}=secret python -m reconciler.systems.openxchange.standin install ./ox",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("install", help="make a stand-in in a folder", description=NOTICE)
    command.add_argument("folder", type=Path)
    command.add_argument("--admin", default="oxadmin", help="login of the context admin")
    command.add_argument("--admin-mail", default="oxadmin@example.org", help="its primary address")
    command.add_argument("--context", type=int, default=1, help="id of the context")
    command.add_argument("--portable", action="store_true", help="every user of this machine can run the tools")
    return parser


if __name__ == "__main__":
    sys.exit(main())
