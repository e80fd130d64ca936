"""`reconciler remote …`: prints what root runs on a mail host."""

from __future__ import annotations

from pathlib import Path

from reconciler.cli.exit_status import Status
from reconciler.cli.streams import write
from reconciler.declared.site_file.load import load_site
from reconciler.errors import UsageError
from reconciler.setup.remote_access import access, install_text, key_file, uninstall_text


def install(host: str | None, key: Path | None, user: str | None, site: Path | None) -> Status:
    """Raises UsageError."""
    settings = load_site(site)
    way = access(settings, host, user)
    keys = key or key_file(settings, way.host)
    if keys is None:
        hint = "name it: --key FILE.pub; `ssh-keygen -t ed25519 -f plan-key` makes one"
        raise UsageError("the site file names no key of the planner's own", hint=hint)
    write(install_text(way, keys).rstrip("\n"))
    return Status.DONE


def uninstall(host: str | None, user: str | None, site: Path | None) -> Status:
    """Raises UsageError."""
    write(uninstall_text(access(load_site(site), host, user)).rstrip("\n"))
    return Status.DONE
