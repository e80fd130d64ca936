"""What each key of the site file means, in the words that `reconciler schema site` and editors show. `schema` puts them
into the JSON Schema; a test holds them against the models."""

from __future__ import annotations

_PASSWORD_ENV = "The environment variable that holds the password."
_PASSWORD_FILE = "The file that holds the password, instead of `password_env`."
_LOGIN_HOST = "The machine, logged in to over SSH with the settings under `ssh`. Left out: this machine."

SITE_WORDS: dict[str, dict[str, str]] = {
    "Site": {
        "site": "The site's name: in the plan, the ledger, and as `subject` of a `confirm` about a limit.",
        "state": "The folder of the declared state. Relative paths start at this file's folder.",
        "timezone": "In which time zone a day begins: for `date`, `expires` and the like, and in reports.",
        "postfixadmin": "Mailboxes and aliases. Left out: none are managed.",
        "openxchange": "Groupware accounts. Left out: none are managed, and no mailbox may ask for one.",
        "postfix": "The sender map and the mail queue. Left out: sender blocks are not managed.",
        "ssh": "How to log in to the machines that the sections name, by their names.",
        "planner": "The logins that only read, for jobs with RECONCILER_ROLE=planner in their environment.",
        "register": "The member register. Left out: member numbers are not checked, and no letter can be sent.",
        "letters": "Letters to members. Left out: no new password is told to anybody.",
        "ledger": "Where reconciler remembers what it did.",
        "policy": "What a run may do, and how names are made.",
        "passwords": "Which passwords `reconciler password` takes.",
        "dns": "What `reconciler doctor` asks DNS, and whom.",
        "report": "How plans, drift and runs are reported.",
    },
    "PostfixAdmin": {
        "url": "The database: DRIVER://USER@HOST:PORT/DATABASE, without the password.",
        "password_env": _PASSWORD_ENV,
        "password_file": _PASSWORD_FILE,
        "read_url": "Another address of the same database for reading, for example a replica.",
        "password_scheme": "How passwords are hashed. Must be one that Dovecot here accepts.",
        "vacation_domain": "PostfixAdmin's `vacation_domain`; needed to carry vacations over in a rename.",
        "quota_multiplier": "PostfixAdmin's `quota_multiplier`: bytes that it counts as one megabyte.",
        "maildir": "Where a new mailbox lies, with {domain} and {local_part}; as PostfixAdmin and Dovecot have it.",
        "table_prefix": "PostfixAdmin's `database_prefix`.",
        "welcome_mail": "Whether a new mailbox gets a first mail, which makes Dovecot create it on disk.",
    },
    "MailServer": {
        "host": "The server's name as OX calls it.",
        "port": "Its port.",
        "security": "tls: encrypted from the start; starttls: encrypted before the login; none: not at all.",
    },
    "OpenXchange": {
        "host": _LOGIN_HOST,
        "sbin": "The folder of OX' command-line tools.",
        "context": "The number of the OX context.",
        "admin": "The administrator of the context.",
        "admin_password_env": "The environment variable that holds the administrator's password.",
        "admin_password_file": "The file that holds the administrator's password.",
        "username": "What a login is made of: the local part, or the whole address.",
        "unique_display_names": "Whether OX refuses two users with one display name.",
        "language": "The language of new users, like de_DE.",
        "timezone": "The time zone of new users.",
        "parallel": "How many of OX' tools run at the same time.",
        "soap_url": "OX' SOAP service for users: one connection in place of its tools, which are then not called"
        " (docs/openxchange.md). Left out: the tools.",
        "web_url": "OX' HTTP API. Needed to attach an old mailbox after a rename.",
        "database_url": "OX' own database, to remove subscriptions. Left out: it is not done.",
        "database_password_env": "The environment variable that holds that database's password.",
        "database_password_file": "The file that holds that database's password.",
        "imap": "The IMAP server of new users.",
        "smtp": "The SMTP server of new users.",
    },
    "Postfix": {
        "host": _LOGIN_HOST,
        "sender_access": "The sender map as main.cf names it: TYPE:PATH.",
        "privilege": "How it is written: through sudo (docs/postfix.md has the lines), or directly.",
        "whole_file": "true: the map is reconciler's alone, and lines made by hand are removed, which the plan shows. "
        "false: reconciler keeps to its own section of the file.",
        "config_directory": "Where main.cf is, when it is not Postfix' default.",
    },
    "Ssh": {
        "user": "The user to log in as. Left out: the one who runs reconciler.",
        "port": "The port of sshd.",
        "address": "Where to connect, when the name used in this file is not what DNS knows.",
        "key_file": "The private key; its certificate lies beside it, as KEY_FILE-cert.pub.",
        "known_hosts": "The file with the keys of the host and its jump hosts; a host not in it is not trusted.",
        "ssh_config": "An ssh_config of which Host, HostName, Port, User, IdentityFile, CertificateFile and ProxyJump "
        "are taken; anything else in it is an error. Left out: none is read.",
        "read_only": "true: the key runs reconciler-remote there (docs/remote.md), which lists, cannot write, and "
        "holds OX' password itself. `apply` refuses.",
    },
    "PlannerLogin": {
        "user": "The user to log in as.",
        "key_file": "The private key.",
        "read_only": "As under `ssh`. false: the login has a shell, and OX' password has to be in the job.",
    },
    "Planner": {
        "database_user": "The user in `postfixadmin.url`, `read_url` and `ledger.url`: one who only reads "
        "(docs/database.md).",
        "database_password_env": "The environment variable that holds that user's password.",
        "database_password_file": "The file that holds that user's password.",
        "ssh": "How the planner logs in to the machines under `ssh`; what is left out is as there.",
    },
    "RegisterColumns": {
        "member": "The column of the member number.",
        "status": "The column that says whether somebody is a member.",
        "email": "The column of the address that letters go to.",
        "given_name": "The column of the given name.",
        "surname": "The column of the surname.",
        "language": "The column of the language of their letters, `de` or `en`; else it is `letters.language`.",
    },
    "Register": {
        "csv": "The register as a CSV file in UTF-8, with commas or semicolons.",
        "database_url": "The database that holds the register, instead of `csv`.",
        "password_env": _PASSWORD_ENV,
        "password_file": _PASSWORD_FILE,
        "query": "The SQL query whose rows are the register; goes with `database_url`.",
        "columns": "What the register calls its columns.",
        "active": "The values of the status column that mean: is a member.",
    },
    "Smtp": {
        "host": "The mail server.",
        "port": "Its port: 587 or 25 with STARTTLS, 465 with TLS.",
        "security": "tls, starttls or none. Left out: encrypted, unless the server is this machine itself.",
        "user": "The user name for the login, where the server wants one.",
        "password_env": _PASSWORD_ENV,
        "password_file": _PASSWORD_FILE,
        "ca_file": "The certificate authority to trust, when the system does not know it.",
    },
    "Letters": {
        "smtp": "The server that sends them.",
        "outbox": "A folder that letters are written to instead of being sent; for trying things out.",
        "from": "The sender, like: AG Technik <technik@mail.example>.",
        "language": "The language of the letters: de or en.",
        "templates": "A folder with letters of your own, which replace ours by name.",
    },
    "Ledger": {
        "url": "A database of its own. Left out or null: beside PostfixAdmin's tables, which is safest.",
        "password_env": _PASSWORD_ENV,
        "password_file": _PASSWORD_FILE,
        "history_days": "What `ledger prune` without --before forgets: older history (docs/ledger.md).",
    },
    "Limit": {
        "share": "This share of the managed accounts (0.01 is 1 %).",
        "at_least": "Of a small site, still this many.",
        "number": "At most this many.",
    },
    "Limits": {
        "removals": "Accounts that are removed (switched off, purged), and aliases and sender blocks that go.",
        "changes": "Accounts, aliases and sender blocks that are changed; a rename is a change.",
        "creations": "Accounts, aliases and sender blocks that are made; only `number` counts.",
        "window_hours": "Runs of so many hours are counted together.",
    },
    "Policy": {
        "local_part": "The pattern that names of new mailboxes follow, from their first letter to their last.",
        "default_quota": "The quota of a new mailbox that declares none.",
        "retention_days": "How long a mailbox stays, switched off, before it is purged.",
        "protected": "Local parts, addresses or OX logins that are neither renamed, removed nor switched off.",
        "one_shot_days": "How late a `password_reset` or `subscriptions_reset` may still be done.",
        "limits": "How much a run may do before it refuses.",
        "never_block": "Domains that cannot be blocked whole.",
    },
    "PasswordRules": {
        "min_length": "At least so many characters.",
        "forbidden": "Words that a password must not hold, beside those of the address and the name.",
    },
    "Reports": {
        "language": "The language of reports for people: de or en. Errors, help and logs are English.",
    },
    "Dns": {
        "server": "The address of the name server to ask. Left out: the one of the machine that doctor runs on.",
        "port": "Its port.",
        "sending_addresses": "The addresses that others see mail come from. Left out: asked for on the mail host. "
        "Needed where it is behind NAT, or hands its mail to a relay.",
        "dkim_selectors": "The selectors that mail is signed with, as in SELECTOR._domainkey.DOMAIN. One that a domain "
        "lacks does no harm when it has another.",
    },
}
"""By the name of the section's model, then by key."""
