"""PostfixAdmin itself: its installer and its command line, run by the PHP CLI on databases that the tests made.

The Debian package's tree is copied once for a session, so that its own configuration in /etc stays untouched. The copy
asks the environment which database it works on. `tests.services.databases` builds the fixtures from this.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from tests.services.needs import require
from tests.services.own_engine import own_engine

_PACKAGE = Path("/usr/share/postfixadmin")
_CONFIG = Path("/etc/postfixadmin/config.inc.php")
# what Debian's config.inc.php wants to find beside it
_DATABASE_PHP = """<?php
$dbtype = getenv('PFA_TYPE');
$dbserver = getenv('PFA_HOST');
$dbname = getenv('PFA_NAME');
$dbuser = getenv('PFA_USER');
$dbpass = getenv('PFA_PASSWORD');
"""
_LOCAL_PHP = """<?php
if (getenv('PFA_PORT')) { $CONF['database_port'] = getenv('PFA_PORT'); }
$CONF['configured'] = true;
$CONF['emailcheck_resolve_domain'] = 'NO';
$CONF['aliases'] = '0';
$CONF['mailboxes'] = '0';
$CONF['maxquota'] = '0';
$CONF['domain_quota_default'] = '0';
$CONF['vacation'] = 'YES';
$CONF['vacation_domain'] = 'autoreply.example';
$CONF['smtp_server'] = '127.0.0.1';
$CONF['smtp_port'] = '1';
"""
_TYPES = {"mysql": "mysqli", "postgresql": "pgsql", "sqlite": "sqlite"}


@dataclass(frozen=True, slots=True)
class PostfixAdminTree:
    """A private copy of the program."""

    folder: Path

    @classmethod
    def copy_to(cls, folder: Path) -> PostfixAdminTree:
        """Copies the package; skips (or fails in CI) when Debian's package is not installed."""
        require("php-cli php-mysql php-sqlite3 php-pgsql php-mbstring", "php")
        if not _PACKAGE.is_dir():
            require("postfixadmin", str(_PACKAGE))
        shutil.copytree(_PACKAGE, folder, ignore=shutil.ignore_patterns("config.*", "templates_c"))
        shutil.copy(_CONFIG, folder / "config.inc.php")
        (folder / "dbconfig.inc.php").write_text(_DATABASE_PHP)
        (folder / "config.local.php").write_text(_LOCAL_PHP)
        for name in ("templates_c", "sessions"):
            (folder / name).mkdir()
        return cls(folder)

    def install(self, url: URL) -> None:
        """Makes the tables by PostfixAdmin's own upgrade.php (facts/postfixadmin.md 1)."""
        done = self._php(url, "public", "upgrade.php")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Updating database" in done.stdout, done.stdout

    def cli(self, url: URL, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`postfixadmin-cli ARGUMENTS` on this database; the exit status is 0 or 1 (facts 4)."""
        return self._php(url, "scripts", "postfixadmin-cli.php", *arguments)

    def _php(self, url: URL, folder: str, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "PFA_TYPE": _TYPES[url.get_backend_name()],
            "PFA_HOST": url.host or "",
            "PFA_PORT": str(url.port or ""),
            "PFA_NAME": url.database or "",
            "PFA_USER": url.username or "",
            "PFA_PASSWORD": str(url.password or ""),
        }
        options = ("-d", f"session.save_path={self.folder / 'sessions'}", "-d", "memory_limit=256M")
        return subprocess.run(
            ["php", *options, script, *arguments],
            cwd=self.folder / folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@dataclass(frozen=True, slots=True)
class PostfixAdminDatabase:
    """One fresh database with PostfixAdmin's own tables."""

    full_url: URL
    """With the password: for the tests' own connections."""
    password_env: str | None
    """The variable that holds the password, for the site file."""
    tree: PostfixAdminTree

    @property
    def backend(self) -> str:
        """`mysql`, `postgresql` or `sqlite`."""
        return self.full_url.get_backend_name()

    @property
    def url(self) -> str:
        """As the site file writes it: without the password."""
        at = self.full_url
        bare = URL.create(at.drivername, at.username, None, at.host, at.port, at.database)
        return bare.render_as_string(hide_password=False)

    def engine(self) -> Engine:
        """An engine for the tests' own statements; the caller disposes of it."""
        return own_engine(self.full_url)

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """PostfixAdmin's command line on this database."""
        return self.tree.cli(self.full_url, *arguments)

    def add_domain(self, domain: str) -> None:
        """A mail domain without default aliases, made by PostfixAdmin itself."""
        done = self.cli("domain", "add", domain, "--default-aliases", "0", "--password-expiry", "365")
        assert done.returncode == 0, done.stdout + done.stderr
