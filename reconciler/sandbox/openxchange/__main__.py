"""`python -m reconciler.sandbox.openxchange install FOLDER`: a stand-in to play with; `serve FOLDER`: its HTTP
interface."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from reconciler.errors import ReconcilerError, UsageError
from reconciler.sandbox.openxchange.install import install
from reconciler.sandbox.openxchange.usage import NOTICE
from reconciler.sandbox.openxchange.web import server

_VARIABLE = "RECONCILER_OX_PASSWORD"


def main() -> int:
    """Exit status 0, or 2 with what to do."""
    arguments = _parser().parse_args()
    try:
        return _serve(arguments.folder, arguments.port) if arguments.command == "serve" else _install(arguments)
    except ReconcilerError as error:
        sys.stderr.write(f"{error.message}\n{error.hint}\n")
        return 2


def _install(arguments: argparse.Namespace) -> int:
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
    sys.stdout.write(f"{NOTICE}\nTry: ADMIN_PASSWORD=… {sbin}/listuser -c {arguments.context} -A {arguments.admin}\n")
    return 0


def _serve(folder: Path, port: int) -> int:
    """Until it is stopped. Says its port first."""
    try:
        serving = server(folder, port)
    except (OSError, OverflowError) as error:
        raise UsageError(f"port {port} cannot be taken: {error}", hint="leave --port out for a free one") from None
    with serving:
        sys.stdout.write(f"{serving.server_port}\n")
        sys.stdout.flush()
        try:
            serving.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reconciler.sandbox.openxchange",
        description=NOTICE,
        epilog=f"The context admin's password is read from {_VARIABLE}. "
        f"Example: {_VARIABLE}=secret python -m reconciler.sandbox.openxchange install ./ox",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    command = commands.add_parser("install", help="make a stand-in in a folder", description=NOTICE)
    command.add_argument("folder", type=Path)
    command.add_argument("--admin", default="oxadmin", help="login of the context admin")
    command.add_argument("--admin-mail", default="oxadmin@example.org", help="its primary address")
    command.add_argument("--context", type=int, default=1, help="id of the context")
    command.add_argument("--portable", action="store_true", help="every user of this machine can run the tools")
    command = commands.add_parser("serve", help="its HTTP interface, on loopback", description=NOTICE)
    command.add_argument("folder", type=Path)
    command.add_argument("--port", type=int, default=0, help="the port; left out, a free one. It is printed first")
    return parser


if __name__ == "__main__":
    sys.exit(main())
