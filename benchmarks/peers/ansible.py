"""Ansible asks a MariaDB for each mailbox in a loop, as playbooks do. For `run`.

Declared is what is live, so that nothing is to be done: the playbook reads and compares, and writes nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from benchmarks import live, people
from benchmarks.measure import Failed
from benchmarks.peers.peer import Compare, Peer, said, spread
from tests.services.databases import PASSWORD_ENV

_SAMPLE = 100
_COLUMNS = ("name", "quota", "active")
_QUERY = "SELECT name, quota, active FROM mailbox WHERE username = %s"


def ansible(programs: Path, folder: Path, url: URL, size: int) -> Peer:
    """`programs`: where ansible-playbook is. `url` has the password."""
    folder.mkdir()
    rows = [live.mailbox(person) for person in spread(people.parts(size), min(size, _SAMPLE))]
    playbook = folder / "mailboxes.yaml"
    playbook.write_text(json.dumps([_play(programs, url)]), encoding="utf-8")  # JSON is YAML
    (folder / "ansible.cfg").touch()
    variables = {
        **os.environ,
        PASSWORD_ENV: url.password or "",
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),  # empty: not that of somebody's home
        "ANSIBLE_PIPELINING": "true",  # one process fewer a mailbox
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }

    def ready(count: int, different: int) -> Compare:
        declared = [_declared(row, number < different) for number, row in enumerate(rows[:count])]
        (folder / "declared.json").write_text(json.dumps({"mailboxes": declared}), encoding="utf-8")
        return lambda: _different(said([str(programs / "ansible-playbook"), str(playbook)], folder, variables), count)

    return Peer("Ansible", 100, "mailboxes", size, _SAMPLE, ready)


def _declared(row: Mapping[str, Any], different: bool) -> dict[str, Any]:
    values = {column: row[column] for column in _COLUMNS}
    return {
        "username": row["username"],
        "row": values | {"active": int(row["active"]), "quota": row["quota"] + different},
    }


def _play(programs: Path, url: URL) -> dict[str, Any]:
    """Every task is one module: a process for each mailbox, with a connection of its own."""
    query = {
        "login_host": url.host,
        "login_port": url.port,
        "login_user": url.username,
        "login_password": f"{{{{ lookup('env', '{PASSWORD_ENV}') }}}}",
        "login_db": url.database,
        "query": _QUERY,
        "positional_args": ["{{ item.username }}"],
    }
    task = {
        "name": "a mailbox is as it is declared",
        "community.mysql.mysql_query": query,
        "loop": "{{ mailboxes }}",
        "loop_control": {"label": "{{ item.username }}"},
        "register": "found",
        "changed_when": "found.query_result[0] != [item.row]",
    }
    return {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": str(programs / "python")},
        "vars_files": ["declared.json"],
        "tasks": [task],
    }


def _different(output: str, asked: int) -> int:
    """Of its lines, one a mailbox."""
    same, different = (output.count(f"\n{word}: [localhost] => (item=") for word in ("ok", "changed"))
    if same + different != asked:
        raise Failed(f"Ansible looked at {same + different} of {asked} mailboxes\n{output[-4000:]}")
    return different
