"""What an apply costs the database: its connections do not grow with the accounts, its statements by a few for each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cli.served import Served
from tests.cli.site import DOMAIN
from tests.services.own_engine import Server, own_engine
from tests.services.postfixadmin import PostfixAdminDatabase


class Costs:
    """Connections and statements since it was made, as the server counts them (its own question is one of each)."""

    def __init__(self, server: Server) -> None:
        self._engine = own_engine(server.admin.url)
        self._before = self._counted()

    def now(self) -> tuple[int, int]:
        """(connections, statements)."""
        before, self._before = self._before, self._counted()
        return self._before[0] - before[0], self._before[1] - before[1]

    def _counted(self) -> tuple[int, int]:
        with self._engine.connect() as connection:
            rows = connection.exec_driver_sql("SHOW GLOBAL STATUS WHERE Variable_name IN ('Connections', 'Questions')")
            found = {str(name): int(value) for name, value in rows}
        return found["Connections"], found["Questions"]


def declare(site: Served, numbers: range) -> None:
    members = (f"{n},active,m{n}@extern.example,Given{n},Surname{n}" for n in numbers)
    (site.folder / "members.csv").write_text("member,status,email,given_name,surname\n" + "\n".join(members))
    site.declare(*(f"person{n}: {{given_name: Given{n}, surname: Surname{n}, member: {n}}}" for n in numbers))


def test_connections_do_not_grow_with_the_accounts(
    tmp_path: Path, new_mariadb: Callable[[], PostfixAdminDatabase], mariadb_server: Server
) -> None:
    site = Served(tmp_path, new_mariadb(), mariadb_server)
    site.write(register={"csv": "members.csv"}, letters={"outbox": "outbox", "from": f"AG Technik <technik@{DOMAIN}>"})
    site.prepared()
    few, many = 2, 22
    costs = Costs(mariadb_server)
    declare(site, range(20001, 20001 + few))
    assert site.run("apply", "--yes").status == 0
    first = costs.now()
    declare(site, range(20001, 20001 + few + many))
    assert site.run("apply", "--yes").status == 0
    second = costs.now()
    assert len(site.letters()) == few + many
    assert second[0] - first[0] <= 2, "a connection is a dozen statements, and over TLS a dozen milliseconds"
    assert (second[1] - first[1]) / (many - few) < 30
