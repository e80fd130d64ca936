"""The user certificates of one login: which are offered to the host, and why others are not. Called by `login_keys`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from copy import copy
from datetime import datetime
from zoneinfo import ZoneInfo

import asyncssh
from asyncssh.public_key import CERT_TYPE_USER, SSHOpenSSHCertificate, decode_ssh_certificate

from reconciler.remote.host import Login

_CERTIFICATE = b"-cert-v01@openssh.com"


class Certificates:
    """The certificate file of a login, and those that an agent holds. One that every host would refuse is not offered,
    since it would use up one of the few tries that a host allows; `remarks` names it, and those offered."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._path = login.certificate or f"{login.key_file}-cert.pub"
        self.remarks: list[str] = []

    def paired(self, pairs: Iterable[asyncssh.SSHKeyPair]) -> list[asyncssh.SSHKeyPair]:
        """Keys with certificates first, then the bare keys, each once."""
        shown, bare = list[asyncssh.SSHKeyPair](), list[asyncssh.SSHKeyPair]()
        for pair in pairs:
            if not pair.algorithm.endswith(_CERTIFICATE):
                bare.append(pair)
            elif self._is_good(_decoded(pair), "the certificate in the agent"):
                shown.append(pair)
        file = self._of_file(bare)
        return [*file, *(pair for pair in shown if not file or pair.public_data != file[0].public_data), *bare]

    def public_half(self, pair: asyncssh.SSHKeyPair) -> bytes:
        if not pair.algorithm.endswith(_CERTIFICATE):
            return pair.public_data
        certificate = _decoded(pair)
        return certificate.key.public_data if certificate else b""

    def _of_file(self, bare: list[asyncssh.SSHKeyPair]) -> list[asyncssh.SSHKeyPair]:
        """The key with the certificate of the file, when one of these is its key."""
        what = f"the certificate {self._path}"
        try:
            certificate = asyncssh.read_certificate(self._path)
        except FileNotFoundError:
            if self._login.certificate is not None:
                self.remarks.append(f"{what} does not exist, which the ssh_config names")
            return []
        except (OSError, asyncssh.KeyImportError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self.remarks.append(f"{what} cannot be read ({reason}) and was not shown: have the key signed anew")
            return []
        if not self._is_good(certificate, what):
            return []
        for pair in bare:
            if pair.public_data == certificate.key.public_data:
                signed = copy(pair)
                signed.set_certificate(certificate)
                return [signed]
        key = self._login.key_file
        self.remarks.append(f"{what} belongs to another key than {key} and was not shown: have {key}.pub signed")
        return []

    def _is_good(self, certificate: asyncssh.SSHCertificate | None, what: str) -> bool:
        """Whether a host may accept it; adds to `remarks` in either case."""
        if not isinstance(certificate, SSHOpenSSHCertificate):
            self.remarks.append(f"{what} is of a kind that sshd does not take, and was not shown")
            return False
        reason = self._refused(certificate)
        if reason:
            self.remarks.append(f"{what} {reason}, and was not shown: have the key signed anew")
            return False
        self.remarks.append(self._shown(certificate, what))
        return True

    def _refused(self, certificate: SSHOpenSSHCertificate) -> str:
        """Why every host refuses it; empty when one may accept it."""
        # asyncssh has no public attributes for these, and its own message names no date
        kind, after, before = certificate._cert_type, certificate._valid_after, certificate._valid_before
        now = time.time()
        if kind != CERT_TYPE_USER:
            return "is one for a host, not for a user"
        if now >= before:
            return f"expired on {self._moment(before)}"
        return f"is valid from {self._moment(after)} on only" if now < after else ""

    def _shown(self, certificate: SSHOpenSSHCertificate, what: str) -> str:
        user, named = self._login.user, list(certificate.principals)
        authority = certificate.signing_key.get_fingerprint()
        remark = f"{what} was shown: the host has to trust its authority {authority} (TrustedUserCAKeys)"
        return remark if not named or user in named else f"{remark}, and it is for {', '.join(named)} only"

    def _moment(self, seconds: int) -> str:
        try:
            return f"{datetime.fromtimestamp(seconds, ZoneInfo(self._login.timezone)):%Y-%m-%d %H:%M %z}"
        except (OverflowError, ValueError, OSError):  # a year beyond 9999
            return f"second {seconds} since 1970"


def _decoded(pair: asyncssh.SSHKeyPair) -> asyncssh.SSHCertificate | None:
    """The certificate of an agent's entry; None when it is broken."""
    try:
        return decode_ssh_certificate(pair.public_data)
    except asyncssh.KeyImportError:
        return None
