"""The address that Postfix binds to (facts/postfix.md 7). `postconf` takes no address that the machine does not have:
these settings cannot stand in the main.cf of tests/cli/test_doctor_dns.py."""

from __future__ import annotations

import pytest

from reconciler.doctor.dns.senders import bound_address
from reconciler.doctor.main_cf import MainCf, Service


@pytest.mark.parametrize(
    ("values", "version", "address"),
    [
        ({"inet_interfaces": "127.0.0.1, 192.0.2.28"}, 4, "192.0.2.28"),
        ({"inet_interfaces": "127.0.0.1, 192.0.2.28"}, 6, None),
        ({"inet_interfaces": "[::1] 192.0.2.28 [2001:db8::28]"}, 6, "2001:db8::28"),
        ({"inet_interfaces": "192.0.2.27 192.0.2.28"}, 4, None),
        ({"inet_interfaces": "all"}, 4, None),
        ({"inet_interfaces": "loopback-only"}, 4, None),
        ({"inet_interfaces": "192.0.2.28", "smtp_bind_address": "192.0.2.29"}, 4, "192.0.2.29"),
        ({"inet_interfaces": "192.0.2.28", "smtp_bind_address6": "2001:db8::29"}, 6, "2001:db8::29"),
    ],
)
def test_what_it_binds_to(values: dict[str, str], version: int, address: str | None) -> None:
    found = bound_address(MainCf(values, ()), None, version)
    assert (str(found) if found else None) == address


def test_a_service_with_an_address_of_its_own() -> None:
    service = Service("out", "unix", "smtp", {"smtp_bind_address": "192.0.2.30"})
    main_cf = MainCf({"smtp_bind_address": "192.0.2.29"}, (service,))
    assert str(bound_address(main_cf, service, 4)) == "192.0.2.30"
