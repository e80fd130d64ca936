"""The services that tests run on are fixtures in `tests/services`; each is started on loopback and stopped by pid."""

pytest_plugins = ["tests.services.databases", "tests.services.sshd", "tests.services.mail"]
