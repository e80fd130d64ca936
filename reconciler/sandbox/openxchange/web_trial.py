"""The trial login of the stand-in: it really connects, so that a wrong password is seen as OX would see it. IMAP only.

Called by `web_accounts.py`.
"""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Mapping
from typing import Any

_SECONDS = 10.0


def trial(account: Mapping[str, Any]) -> str | None:
    """Why OX cannot log in to the mail server of an account; None when it can. POP3 is not probed (facts 6)."""
    if account.get("mail_protocol", "imap") != "imap":
        return None
    host, port = str(account["mail_server"]), int(account["mail_port"])
    try:
        with _connect(host, port, account) as session:
            session.login(str(account["login"]), str(account["password"]))
    except imaplib.IMAP4.error:
        return f"The mail server {host} does not accept the credentials of {account['login']}."
    except OSError as error:
        return f"Could not connect to mail server {host} on port {port}: {error.strerror or error}"
    return None


def _connect(host: str, port: int, account: Mapping[str, Any]) -> imaplib.IMAP4:
    # as OX by default: it believes every certificate of a mail server
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    if account.get("mail_secure"):
        return imaplib.IMAP4_SSL(host, port, ssl_context=trusting, timeout=_SECONDS)
    session = imaplib.IMAP4(host, port, timeout=_SECONDS)
    if account.get("mail_starttls"):
        session.starttls(trusting)
    return session
