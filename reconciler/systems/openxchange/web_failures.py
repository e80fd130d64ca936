"""The errors that OX's HTTP interface is known to have: code, our sentence, what to do (facts/open-xchange.md 6).

`web` looks here. {words} are `login`, `old`, `user`, `url` and `said`, the server's own English sentence.
"""

from __future__ import annotations

from typing import NamedTuple

BY_HAND = "attach the old mailbox by hand in the OX web interface, logged in as the person"
RESUME = "`reconciler resume` goes on from here"


class WebFailure(NamedTuple):
    """One known error. A temporary one may be tried again."""

    message: str
    hint: str
    temporary: bool = False


_NOT_YET = WebFailure("the web interface of OX is not ready: {said}", f"when it is, {RESUME}", temporary=True)
_NO_HOST = WebFailure(
    "OX cannot use the mail server of the site file: {said}",
    f"look at `openxchange.imap` and `openxchange.smtp`: OX itself must be able to reach them; then {RESUME}",
)

KNOWN = {
    "LGI-0006": WebFailure(
        "the web interface of OX does not let {login} in with the new password",
        f"log in at {{url}} by hand: if it wants another name than the OX login, {BY_HAND}",
    ),
    "LGI-0011": WebFailure("OX says that the password of {login} is expired", "changeuser --password_expired false"),
    "LGI-0013": WebFailure("{login} is shut out of OX", f"changeuser -i {{user}} --mailenabled true; then {RESUME}"),
    "LGI-0028": WebFailure("OX saw too many logins of {login}", f"wait some minutes; then {RESUME}"),
    "LGI-0002": _NOT_YET,
    "LGI-0005": _NOT_YET,
    "LGI-0010": _NOT_YET,
    "SES-0203": WebFailure("the web session of {login} ended early", RESUME, temporary=True),
    "ACC-0014": WebFailure(
        "{login} may not have more than one mail account in OX",
        f"changeuser -i {{user}} --access-multiple-mail-accounts on; then {RESUME}",
    ),
    "ACC-0005": _NO_HOST,
    "ACC-0019": _NO_HOST,
    "ACC-0025": _NO_HOST,
    "ACC-0020": WebFailure(
        "OX cannot log in to the old mailbox {old}: {said}",
        f"does its IMAP server take the new password? Then {RESUME}",
        temporary=True,
    ),
    "ACC-0021": _NO_HOST,
}

OTHER = WebFailure("OX does not attach the old mailbox {old}: {said}", f"look into the log of OX; or {BY_HAND}")

DUPLICATES = frozenset({"ACC-0015", "ACC-0017"})
"""It is there already: the list knows."""
REFUSED_TRIALS = frozenset({"ACC-0020", "ACC-0021", "ACC-0025"})
"""Warnings after a trial login; one version of OX creates the account all the same, another does not (facts 11)."""
