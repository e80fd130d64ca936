"""The services that tests run on are fixtures in `tests/services`; each is started on loopback and stopped by pid."""

from hypothesis import HealthCheck, settings

# how long an example takes says how busy the machine is, and nothing of the code
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

pytest_plugins = ["tests.services.databases", "tests.services.sshd", "tests.services.agent", "tests.services.mail"]
