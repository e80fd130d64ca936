"""Random merge requests on a site that people also change by hand, each applied, each judged by `oracle`.

A walk that fails is printed by Hypothesis as the shortest one that fails: its steps are the merge requests. Short in
`make test`; `make proof` walks long.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from ruamel.yaml import YAML

from reconciler import workflow
from reconciler.sandbox.openxchange import control
from reconciler.sandbox.openxchange.switches import Fault
from reconciler.systems.postfixadmin import matching, system
from reconciler.systems.postfixadmin.expect import expect
from tests.proof.world import DOMAIN, LONG, World
from tests.walk.oracle import Oracle
from tests.walk.rows import look
from tests.walk.site import LOCALS, OUTSIDE, PEOPLE, REGISTER, RETENTION, Entry, Person, State, full

HAND_MADE = ("name", "alias row", "alias targets", "switch", "block", "display name")
DONE, INVALID, REFUSED, PARTLY, UNREADABLE = 0, 3, 5, 8, 9
locals_ = st.sampled_from(LOCALS)
entries = st.builds(
    Entry,
    person=st.sampled_from([None, *PEOPLE]),
    groupware=st.booleans(),
    active=st.sampled_from([True, True, True, False]),
    quota=st.sampled_from([None, 1024, 2048]),
)
faults = st.sampled_from(
    [Fault(kind, tool) for kind in ("down", "storage_error") for tool in ("createuser", "changeuser", "listuser")]
)
blocks = st.sampled_from(["spam.example", "muster-werbung.example"])
targets = st.lists(st.sampled_from([*LOCALS, OUTSIDE]), min_size=1, max_size=3, unique=True)


SHORT = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


class Walk(RuleBasedStateMachine):
    """One site, from its first merge request on."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="reconciler-walk-"))
        self.world = World.build(self.folder / "site", with_map=True)
        (self.world.folder / "members.csv").write_text(REGISTER, encoding="utf-8")
        self.state = State()
        self.oracle = Oracle(self.world)

    @initialize()
    def a_site_that_is_in_use(self) -> None:
        """Two people, a role, an alias; and what nobody declares."""
        self._by_hand_mailbox(f"wild.wuchs@{DOMAIN}")
        self._by_hand_alias(f"liste@{DOMAIN}", f"wild.wuchs@{DOMAIN},Board+AbC9@tasks.example")
        state = State().with_box("anna.a", Entry(PEOPLE[0])).with_box("bernd.a", Entry(PEOPLE[1]))
        state = state.with_box("technik", Entry(None, groupware=False)).with_alias("vorstand", "anna.a", "bernd.a")
        self._merge(state)
        assert len(self.world.sql("SELECT * FROM mailbox")) == 4

    def teardown(self) -> None:
        """Nothing is left over."""
        shutil.rmtree(self.folder)

    # merge requests

    @rule(local=locals_, entry=entries)
    def declare_a_mailbox(self, local: str, entry: Entry) -> None:
        """A new one, one instead of an alias, or another entry at the same address (another member, too)."""
        self._merge(self.state.with_box(local, entry))

    @precondition(lambda self: self.state.boxes)
    @rule(data=st.data())
    def change_an_entry(self, data: st.DataObject) -> None:
        """One field of a mailbox that is declared."""
        local = data.draw(st.sampled_from(sorted(self.state.boxes)))
        change = data.draw(
            st.sampled_from(
                [
                    {"active": True},
                    {"active": False},
                    {"quota": 4096},
                    {"display": "Der Vorstand"},
                    {"display": "Anna Beispiel"},
                    {"reset": self.world.today},
                    {"groupware": True},
                    {"person": PEOPLE[2]},
                    {"person": None},
                ]
            )
        )
        changed = replace(self.state.boxes[local], **change)  # type: ignore[arg-type]  # the fields of an Entry
        self._merge(self.state.with_box(local, changed))

    @precondition(lambda self: self.state.boxes)
    @rule(data=st.data())
    def take_a_mailbox_out(self, data: st.DataObject) -> None:
        """Absence never deletes a mailbox."""
        self._merge(self.state.without_box(data.draw(st.sampled_from(sorted(self.state.boxes)))))

    @rule(local=locals_, goto=targets)
    def declare_an_alias(self, local: str, goto: list[str]) -> None:
        """A new one, other targets, or one instead of a mailbox."""
        self._merge(self.state.with_alias(local, *goto))

    @precondition(lambda self: self.state.aliases)
    @rule(data=st.data())
    def take_an_alias_out(self, data: st.DataObject) -> None:
        """It goes, when it was ours."""
        self._merge(self.state.without_alias(data.draw(st.sampled_from(sorted(self.state.aliases)))))

    @precondition(lambda self: self.state.boxes)
    @rule(data=st.data(), new=locals_, kind=st.sampled_from(["attach", "move"]))
    def rename(self, data: st.DataObject, new: str, kind: str) -> None:
        """To a free address, to one that somebody has, back to a former one."""
        self.world.today += timedelta(days=1)
        old = data.draw(st.sampled_from(sorted(self.state.boxes)))
        if old != new:
            self.oracle.follow(full(old), full(new))
            self._merge(self.state.renamed(old, new, self.world.today, kind))

    @precondition(lambda self: self.state.renames)
    @rule(data=st.data())
    def take_a_rename_out(self, data: st.DataObject) -> None:
        """Of a rename that was carried out; not what docs/rename.md advises."""
        gone = data.draw(st.sampled_from(range(len(self.state.renames))))
        self._merge(replace(self.state, renames=tuple(r for n, r in enumerate(self.state.renames) if n != gone)))

    @precondition(lambda self: self.state.boxes)
    @rule(data=st.data(), account=st.sampled_from(["keep", "delete"]))
    def remove(self, data: st.DataObject, account: str) -> None:
        """Switched off today, purged later."""
        local = data.draw(st.sampled_from(sorted(self.state.boxes)))
        self._merge(self.state.removed(local, self.world.today, account))

    @precondition(lambda self: self.state.removals)
    @rule(data=st.data(), entry=entries, again=st.booleans())
    def take_a_removal_out(self, data: st.DataObject, entry: Entry, again: bool) -> None:
        """Alone, or with the mailbox declared again."""
        removal = data.draw(st.sampled_from(self.state.removals))
        state = replace(self.state, removals=tuple(r for r in self.state.removals if r != removal))
        self._merge(state.with_box(removal["mailbox"], entry) if again else state)

    @rule(key=blocks)
    def declare_a_block(self, key: str) -> None:
        """Of a domain."""
        self._merge(replace(self.state, blocks=self.state.blocks | {key}))

    @precondition(lambda self: self.state.blocks)
    @rule(data=st.data())
    def take_a_block_out(self, data: st.DataObject) -> None:
        """It is lifted."""
        gone = data.draw(st.sampled_from(sorted(self.state.blocks)))
        self._merge(replace(self.state, blocks=self.state.blocks - {gone}))

    @rule(local=locals_, entry=entries, fault=faults)
    def declare_a_mailbox_while_ox_is_in_trouble(self, local: str, entry: Entry, fault: Fault) -> None:
        """A tool of OX fails; later it works, and the run is resumed."""
        self._merge(self.state.with_box(local, entry), fault)

    @precondition(lambda self: self.state.boxes)
    @rule(data=st.data(), new=locals_, fault=faults)
    def rename_while_ox_is_in_trouble(self, data: st.DataObject, new: str, fault: Fault) -> None:
        """The same for a rename."""
        self.world.today += timedelta(days=1)
        old = data.draw(st.sampled_from(sorted(self.state.boxes)))
        if old != new:
            self.oracle.follow(full(old), full(new))
            self._merge(self.state.renamed(old, new, self.world.today, "attach"), fault)

    @rule(days=st.sampled_from([1, 20, RETENTION + 1]))
    def time_passes(self, days: int) -> None:
        """Cron applies what has come due."""
        self.world.today += timedelta(days=days)
        self._merge(replace(self.state, confirm=()))

    # what people do by hand

    @rule(local=locals_, goto=st.sampled_from(["{a},privat@extern.example", "{a},Board+AbC9@tasks.example", "{a}"]))
    def a_user_forwards(self, local: str, goto: str) -> None:
        """A copy of everything to somewhere else."""
        if full(local) in look(self.world).boxes:
            self._sql("UPDATE alias SET goto = ? WHERE address = ?", goto.format(a=full(local)), full(local))
            self.oracle.forward_only.discard(full(local))
            self.oracle.forwards[full(local)] = set(goto.split(",")) - {"{a}"}
            self._merge(self.state)

    @rule(local=locals_)
    def a_user_keeps_nothing_here(self, local: str) -> None:
        """Everything goes elsewhere, and that is their choice."""
        if full(local) in look(self.world).boxes:
            self._sql("UPDATE alias SET goto = 'Privat.Post@extern.example' WHERE address = ?", full(local))
            self.oracle.forward_only.add(full(local))
            self.oracle.forwards[full(local)] = {"Privat.Post@extern.example"}
            self._merge(self.state)

    @rule(person=st.sampled_from(PEOPLE))
    def somebody_takes_a_member_number(self, person: Person) -> None:
        """An alias of digits, made by hand for somebody outside."""
        if full(person.member) not in look(self.world).aliases:
            self._by_hand_alias(full(person.member), OUTSIDE)
            self._merge(self.state)

    @rule(person=st.sampled_from(PEOPLE), login=st.sampled_from(["fremd", "clara.a", "anna.b"]))
    def somebody_makes_an_ox_user(self, person: Person, login: str) -> None:
        """With a name that is somebody's, or a login that will be."""
        live = look(self.world).users.values()
        name = f"{person.given} {person.surname}"
        if name not in {user.display for user in live} and login not in {user.login for user in live}:
            self.world.add_ox_user(login, f"{login}@fremd.example", name)
            self._merge(self.state)

    @rule(local=locals_)
    def somebody_makes_an_alias(self, local: str) -> None:
        """Where there is nothing yet, in PostfixAdmin's web form."""
        live = look(self.world)
        if full(local) not in {*live.boxes, *live.aliases}:
            self._by_hand_alias(full(local), OUTSIDE)
            self._merge(self.state)

    @rule(local=locals_)
    def somebody_makes_a_mailbox(self, local: str) -> None:
        """Where there is nothing yet."""
        live = look(self.world)
        if full(local) not in {*live.boxes, *live.aliases}:
            self._by_hand_mailbox(full(local))
            self._merge(self.state)

    @rule(local=locals_, what=st.sampled_from(HAND_MADE))
    def somebody_breaks_something(self, local: str, what: str) -> None:
        """With the best of intentions."""
        address = full(local)
        match what:
            case "name":
                self._sql("UPDATE mailbox SET name = 'Jemand' WHERE username = ?", address)
            case "alias row":
                self._sql("DELETE FROM alias WHERE address = ?", address)
                self.oracle.forwards.pop(address, None)
            case "alias targets":
                if address not in look(self.world).boxes:
                    self._sql("UPDATE alias SET goto = ? WHERE address = ?", OUTSIDE, address)
            case "switch":
                self._sql("UPDATE mailbox SET active = 1 - active WHERE username = ?", address)
            case "block":
                self.world.map.write_text("hand@made.example REJECT\n", encoding="utf-8")
            case _:
                self.world.rename_ox_users(address, f"Jemand {local}")
        self._merge(self.state)

    # what follows

    def _merge(self, state: State, fault: Fault | None = None) -> None:
        """The merge request is merged and applied, while OX may be in trouble; where it is refused, somebody does what
        the refusal says, or takes the merge request back."""
        earlier, before = self.state, look(self.world)
        self.world.declare(state.written())
        control.set_switches(self.world.ox, faults=[fault._asdict()] if fault else [])
        answer = self.world.apply()
        control.set_switches(self.world.ox, faults=[])
        note(f"{state.text}\n  {fault or ''} → {answer.status}")
        if answer.status == UNREADABLE:
            answer = self.world.apply()
        if answer.status == INVALID:  # no merge request passes that
            assert "state.yaml" in answer.out
            self.world.declare(earlier.written())
            return
        self.state = state
        status = self._finished(answer.status, answer.out)
        self._judge(before)
        if status == REFUSED:
            self._allowed()

    def _finished(self, status: int | None, out: str) -> int:
        """What was left is done by `resume`, which needs no second one."""
        if status == PARTLY:
            resumed = self.world.resume()
            note(f"  resume → {resumed.status}: {resumed.out}")
            status, out = resumed.status, resumed.out
            if status == DONE:
                status = self.world.apply().status
        assert status in (DONE, REFUSED), out
        return status

    def _allowed(self) -> None:
        """Whatever a refusal prints is written, with a reason; then that refusal is over."""
        for _ in range(4):
            entries = list(self._entries())
            if not entries:
                return
            (rule_, subject), section, item = entries[0]
            before = look(self.world)
            state = _with(self.state, section, item)
            note(f"  allowed: {section}: {item}")
            self.world.declare(state.written())
            answer = self.world.apply()
            assert answer.status != INVALID, f"the entry that {rule_} prints is not valid: {item}\n{answer.out}"
            self.state = state
            self._finished(answer.status, answer.out)
            self._judge(before)
            left = [key for key, *_ in self._entries()]
            assert (rule_, subject) not in left, f"{rule_} of {subject} was allowed as printed, and refuses still"

    def _entries(self) -> Iterator[tuple[tuple[str, str], str, dict[str, Any]]]:
        """(rule, subject), section and item of what refusals print."""
        for finding in self.world.planned()["findings"]:
            for entry in finding.get("entries") or ():
                ((section, (item,)),) = YAML(typ="safe", pure=True).load(entry).items()
                yield (finding["rule"], finding["subject"]), section, _with_reason(item)

    def _judge(self, before: Any) -> None:
        plan = self.world.planned()
        refused = {t["subject"] for t in plan["transitions"] if t["refused"]}
        refused |= {f["subject"] for f in plan["findings"] if f["severity"] == "refusal"}
        pending = [t["id"] for t in plan["transitions"] if not t["refused"]]
        whole = any(f["severity"] == "refusal" and f["owner"] is None for f in plan["findings"])
        assert whole or not pending, f"applied, and still pending: {pending}"
        confirmed = {c["subject"] for c in self.state.confirm if c["gate"] in ("member-changed", "foreign")}
        held = {full(name) for name in (*self.state.boxes, *self.state.aliases)} if whole else self._held(refused)
        wrong = list(self.oracle.wrong(self.state, before, held, confirmed))
        assert not wrong, "\n".join(wrong)

    def _held(self, refused: set[str]) -> set[str]:
        """With what is refused, all that leads to it waits."""
        held = set(refused)
        for _ in self.state.aliases:
            held |= {full(a) for a, ts in self.state.aliases.items() if held & {full(t) for t in ts}}
        return held

    def _sql(self, statement: str, *parameters: object) -> None:
        self.world.sql(statement, *parameters)

    def _by_hand_alias(self, address: str, goto: str) -> None:
        self._sql(
            "INSERT INTO alias (address, goto, domain) VALUES (?, ?, ?)", address, goto, address.partition("@")[2]
        )

    def _by_hand_mailbox(self, address: str) -> None:
        local, _, domain = address.partition("@")
        self._sql(
            "INSERT INTO mailbox (username, password, name, maildir, quota, local_part, domain, active) "
            "VALUES (?, '{x}y', 'Von Hand', ?, 0, ?, ?, 1)",
            *(address, f"{domain}/{local}/", local, domain),
        )
        self._by_hand_alias(address, address)


def _with_reason(item: dict[str, Any]) -> dict[str, Any]:
    """An entry as it is printed, with the reason that a person has to write."""
    return {**item, "reason": "looked at it"} if "reason" in item else item


def _with(state: State, section: str, item: dict[str, Any]) -> State:
    entries = {section: (*getattr(state, section), item)}
    return replace(state, **entries)  # type: ignore[arg-type]  # a section that is a tuple of entries


def test_every_walk_ends_well() -> None:
    """The same walks each time in `make test`, so that a failure is one of this change and not of this day."""
    bounded = settings(
        SHORT,
        max_examples=1000 if LONG else 6,
        stateful_step_count=30 if LONG else 10,
        derandomize=not LONG,
        print_blob=LONG,
    )
    run_state_machine_as_test(Walk, settings=bounded)


def _forget_former(sight: Any, _chain: object, former: Any) -> None:
    sight.wanted["alias"].pop(former.address, None)


def _without_aliases(context: Any) -> Any:
    return replace(context, desired=replace(context.desired, aliases={}))


BROKEN: dict[str, tuple[object, str, Any]] = {
    "aliases are not made": (system, "expect", lambda context, site: expect(_without_aliases(context), site)),
    "no gates": (workflow, "run_gates", lambda *_: []),
    "forwards stay behind": (matching._TargetState, "_carried", lambda *_: ()),
    "old addresses are left": (matching._TargetState, "_former_alias", _forget_former),
}


@pytest.mark.parametrize("fault", list(BROKEN) if LONG else ["aliases are not made"])
def test_a_product_that_is_broken_ends_no_walk_well(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """Else the walks would prove nothing."""
    monkeypatch.setattr(*BROKEN[fault])
    once = settings(SHORT, max_examples=40, stateful_step_count=10, derandomize=True, phases=[Phase.generate])
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Walk, settings=once)
