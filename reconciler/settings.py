"""The site file, `reconciler.yaml`: where the systems are and what the policy is. No secret is in it.

`declared.site_file` reads it; every room below the workflow gets the section that it needs. Annotations are values, as
pydantic takes them: it would compile each one that is a text, a quarter of what these models cost.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from reconciler.errors import UsageError
from reconciler.secret_sources import variables_of
from reconciler.setting_values import (
    LOOPBACK,
    DatabaseUrl,
    DomainName,
    IpAddressText,
    Maildir,
    Pattern,
    Port,
    QuotaText,
    SoapUrl,
    TimeZone,
    WebUrl,
)

LONGEST_PASSWORD = 72
"""Bytes: BLF-CRYPT leaves out what is behind them, and a shorter password would let somebody in."""
LONGEST_DAYS = 36500
"""A century: every day that is counted back from today is one of the calendar."""


class Section(BaseModel):
    """A part of the site file: unknown keys are errors, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class PostfixAdmin(Section):
    """PostfixAdmin's database, and what its own configuration says and its tables do not."""

    url: DatabaseUrl
    password_env: str | None = None
    password_file: str | None = None
    read_url: DatabaseUrl | None = None
    password_scheme: Literal["SHA512-CRYPT", "BLF-CRYPT", "ARGON2ID"] = "SHA512-CRYPT"
    vacation_domain: DomainName | None = None
    quota_multiplier: Annotated[int, Field(ge=1)] = 1024000
    maildir: Maildir = "{domain}/{local_part}/"
    table_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]*$")] = ""
    welcome_mail: bool = True


class MailServer(Section):
    """An IMAP or SMTP server as OX is configured for it."""

    host: str
    port: Port
    security: Literal["tls", "starttls", "none"] = "tls"


class OpenXchange(Section):
    """The OX context and how to reach its command-line tools, or its SOAP service."""

    host: str | None = None
    sbin: str = "/opt/open-xchange/sbin"
    context: Annotated[int, Field(ge=1)] = 1
    admin: str = "oxadmin"
    admin_password_env: str | None = None
    admin_password_file: str | None = None
    username: Literal["local_part", "address"] = "local_part"
    unique_display_names: bool = True
    language: Annotated[str, Field(pattern=r"^[a-z]{2}_[A-Z]{2}$")] = "de_DE"
    timezone: TimeZone = "Europe/Berlin"
    parallel: Annotated[int, Field(ge=1, le=32)] = 4
    soap_url: SoapUrl | None = None
    web_url: WebUrl | None = None
    database_url: DatabaseUrl | None = None
    database_password_env: str | None = None
    database_password_file: str | None = None
    imap: MailServer | None = None
    smtp: MailServer | None = None


class Postfix(Section):
    """The sender map and the mail queue, and how to reach them."""

    host: str | None = None
    sender_access: Annotated[str, Field(pattern=r"^[a-z0-9]+:/.+")]
    privilege: Literal["sudo", "direct"] = "sudo"
    whole_file: bool = False
    config_directory: str | None = None
    """Where main.cf is, when it is not Postfix' default; every postfix tool is called with it."""


class Ssh(Section):
    """How to log in to one host."""

    user: str | None = None
    port: Port = 22
    address: str | None = None
    """Where to connect when the name in the site file is not what DNS knows."""
    key_file: str = "~/.ssh/id_ed25519"
    known_hosts: str = "~/.ssh/known_hosts"
    ssh_config: str | None = None
    """For jump hosts and the like; what this section says itself counts first."""
    read_only: bool = False
    """The key runs reconciler-remote there (docs/remote.md)."""


Language = Literal["de", "en"]
"""The languages that letters and reports are written in."""


class RegisterColumns(Section):
    """Our words to the register's column names."""

    member: str = "member"
    status: str = "status"
    email: str = "email"
    given_name: str = "given_name"
    surname: str = "surname"
    language: str | None = None
    """`de` or `en`, for the letters; without this column all are in `letters.language`."""


class Register(Section):
    """Who is a member, and where their letters go."""

    csv: str | None = None
    database_url: DatabaseUrl | None = None
    password_env: str | None = None
    password_file: str | None = None
    query: str | None = None
    columns: RegisterColumns = RegisterColumns.model_construct()
    active: list[str] = ["active"]

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.csv is None) == (self.database_url is None):
            raise ValueError("the register needs exactly one of `csv` and `database_url`")
        if (self.database_url is None) != (self.query is None):
            raise ValueError("`database_url` and `query` go together")
        if self.database_url is None and (self.password_env or self.password_file):
            raise ValueError("`password_env` and `password_file` are for `database_url`; a CSV file needs no password")
        return self


class Smtp(Section):
    """The server that takes our letters and welcome mails. Without `security` the connection is encrypted (port 465:
    TLS, others: STARTTLS), unless the server is this machine itself."""

    host: str = "localhost"
    port: Port = 25
    security: Literal["tls", "starttls", "none"] | None = None
    user: Annotated[str, Field(pattern=r"^[!-~]+$")] | None = None
    password_env: str | None = None
    password_file: str | None = None
    ca_file: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        passwords = [name for name in (self.password_env, self.password_file) if name is not None]
        if len(passwords) != (self.user is not None):
            raise ValueError("`user` goes together with one of `password_env` and `password_file`")
        if self.port == 465 and self.security not in (None, "tls"):
            raise ValueError(f"port 465 speaks TLS from the first byte on, so `security: {self.security}` fails there")
        if self.user is not None and self.security == "none" and self.host not in LOOPBACK:
            raise ValueError("the password would travel in clear text; write `security: starttls` or `security: tls`")
        return self


class Letters(Section):
    """The letters to members. `outbox` writes them to a folder instead of sending them (for the demo)."""

    smtp: Smtp = Smtp.model_construct()
    outbox: str | None = None
    sender: Annotated[str, Field(alias="from")]
    language: Language = "de"
    templates: str | None = None


class Ledger(Section):
    """Where the ledger lives; null is beside PostfixAdmin's tables. `history_days` is for `ledger prune` alone."""

    url: DatabaseUrl | None = None
    password_env: str | None = None
    password_file: str | None = None
    history_days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)] | None = None


class Limit(Section):
    """How much of one kind of change a run may do: min(number, max(at_least, share of managed accounts))."""

    share: Annotated[float, Field(ge=0, le=1)] | None = None
    at_least: Annotated[int, Field(ge=0)] | None = None
    number: Annotated[int, Field(ge=0)]


class Limits(Section):
    """How much a run may do (docs/gates.md, "Limits")."""

    removals: Limit = Limit.model_construct(share=0.01, at_least=1, number=5)
    changes: Limit = Limit.model_construct(share=0.3, at_least=10, number=200)
    creations: Limit = Limit.model_construct(number=200)
    window_hours: Annotated[int, Field(ge=1, le=24 * LONGEST_DAYS)] = 24


class Policy(Section):
    """What a run may do, and how names are made."""

    local_part: Pattern = r"^[a-z0-9]+([._-][a-z0-9]+)*$"
    default_quota: QuotaText = "10240 MB"
    retention_days: Annotated[int, Field(ge=0, le=LONGEST_DAYS)] = 90
    protected: list[str] = ["postmaster", "abuse", "oxadmin"]
    one_shot_days: Annotated[int, Field(ge=0, le=LONGEST_DAYS)] = 14
    limits: Limits = Limits.model_construct()
    never_block: list[DomainName] = ["gmail.com", "gmx.de", "web.de"]


class PasswordRules(Section):
    """What `reconciler password` takes; passwords that are made here are longer than any rule asks for."""

    min_length: Annotated[int, Field(ge=8, le=LONGEST_PASSWORD)] = 12
    forbidden: list[str] = []


class Dns(Section):
    """What `reconciler doctor` needs to know to look at the mail host as others see it."""

    server: IpAddressText | None = None
    port: Port = 53
    sending_addresses: list[IpAddressText] = []
    dkim_selectors: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*$")]] = []


class Reports(Section):
    """How plans, drift and runs are reported."""

    language: Language = "en"


class PlannerLogin(Section):
    """How the planner logs in to one host; what is left out is as under `ssh`."""

    user: str | None = None
    key_file: str | None = None
    read_only: bool = True

    @model_validator(mode="after")
    def _is_another(self) -> Self:
        if self.user is None and self.key_file is None:
            raise ValueError("write `user` or `key_file`: what the planner logs in with must be another login")
        return self


class Planner(Section):
    """Who reads where RECONCILER_ROLE=planner: the database user and the logins of the jobs of merge requests."""

    database_user: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] | None = None
    database_password_env: str | None = None
    database_password_file: str | None = None
    ssh: dict[str, PlannerLogin] = {}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.database_user is None and (self.database_password_env or self.database_password_file):
            raise ValueError("a database password goes with `database_user`")
        return self


class Site(Section):
    """The whole site file. Sections that are left out switch their part off."""

    site: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    state: str = "."
    timezone: TimeZone = "Europe/Berlin"
    postfixadmin: PostfixAdmin | None = None
    openxchange: OpenXchange | None = None
    postfix: Postfix | None = None
    ssh: dict[str, Ssh] = {}
    planner: Planner | None = None
    register_: Annotated[Register | None, Field(alias="register")] = None
    letters: Letters | None = None
    ledger: Ledger = Ledger.model_construct()
    policy: Policy = Policy.model_construct()
    passwords: PasswordRules = PasswordRules.model_construct()
    dns: Dns = Dns.model_construct()
    report: Reports = Reports.model_construct()


class Settings(Site):
    """The site file together with the folder that its relative paths start from."""

    folder: Path
    file: str = "reconciler.yaml"
    """The site file as people see it."""
    place: Callable[[Path], Path] | None = None
    """Where a file that the file names is read, when that is not where it lies: with `plan --base`."""
    as_planner: bool = False
    """Whether the logins of `planner` are in force."""
    applier_variables: frozenset[str] = frozenset()
    """The variables for passwords in the sections that those replaced: they may be set all the same."""

    @property
    def secret_variables(self) -> frozenset[str]:
        """The environment variables that the site file names for passwords; no child process gets them."""
        return self.applier_variables.union(variables_of(self))

    def reads_only(self, host: str | None) -> bool:
        """Whether the login to this host lists and does nothing else; None is this machine."""
        return host is not None and host in self.ssh and self.ssh[host].read_only

    @property
    def least_history_days(self) -> int:
        """Days of history that plans still ask for: whether a one-shot date is due, and what counts for the limits."""
        return max(self.policy.one_shot_days, -(-self.policy.limits.window_hours // 24)) + 1

    def path(self, text: str) -> Path:
        """A path of the site file: `~` is the home folder, relative ones start at the site file's folder."""
        path = self.lies_at(text)
        return path if self.place is None else self.place(path)

    def lies_at(self, text: str) -> Path:
        """That path itself, wherever its content is read. Of the state's folder too, which is the merge request's."""
        try:
            return self.folder / Path(text).expanduser()
        except RuntimeError:  # no HOME, and a user without an entry in the user database
            raise UsageError(
                f"{text} starts in the home folder, and this user ({os.getuid()}) has none",
                hint="set HOME, or write the whole path in the site file",
            ) from None

    def database_urls(self) -> list[tuple[str, str, str]]:
        """(section, key, URL) of every database that the file names."""
        pfa, ox = self.postfixadmin, self.openxchange
        named = [
            ("postfixadmin", "url", pfa.url if pfa else None),
            ("postfixadmin", "read_url", pfa.read_url if pfa else None),
            ("openxchange", "database_url", ox.database_url if ox else None),
            ("register", "database_url", self.register_.database_url if self.register_ else None),
            ("ledger", "url", self.ledger.url),
        ]
        return [(section, key, url) for section, key, url in named if url is not None]
