"""`reconciler doctor` and a real replica: it follows, is late, is stopped, and may not be asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.doctor import replica as checks
from tests.cli.conftest import Command
from tests.cli.conftest import command as command  # a fixture
from tests.services.mariadb_replica import primary_and_replica, wait_until
from tests.services.own_engine import Server

ENV, PASSWORD = "RECONCILER_TEST_REPLICA", "nobody-sees-this-8"


def _run(server: Server, *statements: str) -> None:
    with server.admin.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_a_replica(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command) -> None:
    monkeypatch.setenv(ENV, PASSWORD)
    monkeypatch.chdir(tmp_path)
    with primary_and_replica() as (primary, replica):
        _run(
            primary,
            "CREATE DATABASE postfixadmin",
            "CREATE TABLE postfixadmin.t (x int)",
            f"CREATE USER reader@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
            "GRANT SELECT ON postfixadmin.t TO reader@'127.0.0.1'",
        )
        wait_until(replica, 0)
        urls = [f"mysql+pymysql://reader@127.0.0.1:{each.url.port}/postfixadmin" for each in (primary, replica)]
        section = {"url": urls[0], "read_url": urls[1], "password_env": ENV}
        Path("reconciler.yaml").write_text(json.dumps({"site": "nrw", "postfixadmin": section}))

        def examined() -> tuple[str, str, list[str]]:
            answer = command("doctor", "--format", "json")
            (check,) = [each for each in answer.json["checks"] if each["name"] == "replica"]
            return check["verdict"], check["saw"], check["fix"]

        verdict, saw, fix = examined()
        assert (verdict, saw) == ("warning", "this login may not see whether the replica follows")
        _run(replica, fix[1])
        assert examined()[:2] == ("ok", "follows, 0 s behind")

        _run(replica, "STOP SLAVE", "CHANGE MASTER TO MASTER_DELAY = 3600", "START SLAVE")
        _run(primary, "INSERT INTO postfixadmin.t VALUES (1)")
        monkeypatch.setattr(checks, "LATE", 0)
        wait_until(replica, 1)
        assert examined()[0] == "warning"
        assert "s behind" in examined()[1]

        _run(replica, "STOP SLAVE")
        verdict, saw, fix = examined()
        assert (verdict, saw) == ("failed", "it is stopped")
        assert fix[1] == "START SLAVE; SHOW SLAVE STATUS;"

        section["read_url"] = urls[0]
        _run(primary, "GRANT SLAVE MONITOR ON *.* TO reader@'127.0.0.1'")
        Path("reconciler.yaml").write_text(json.dumps({"site": "nrw", "postfixadmin": section}))
        assert examined()[0] == "ok"
        assert "no replica" in examined()[1]
