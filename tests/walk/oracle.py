"""What must be true after every apply, judged by people and mail, not by rows that we happen to write.

A mailbox is its maildir, an OX account its id: who declared them first owns them, and nobody else may ever log in there
unless a confirmation said so in as many words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.proof.dump import opened
from tests.proof.world import World
from tests.walk.rows import Box, Live, look
from tests.walk.site import PEOPLE, Entry, Person, State, full

BYTES_OF_A_MB = 1024 * 1000
"""PostfixAdmin's own quota_multiplier, as it ships."""
MEMBER_ALIASES = {full(person.member): person for person in PEOPLE}


@dataclass
class Oracle:
    """What has been seen so far. Whatever is never declared is somebody else's and stays as it is."""

    world: World
    owners: dict[str, Person] = field(default_factory=dict)
    """Maildir, or `ox ID` → whose it is."""
    declared: set[str] = field(default_factory=set)
    """Every address that git ever named."""
    forward_only: set[str] = field(default_factory=set)
    """Addresses whose users chose to keep nothing here."""
    forwards: dict[str, set[str]] = field(default_factory=dict)
    """What users forward to, as they wrote it, by the address of their mailbox."""

    def follow(self, old: str, new: str) -> None:
        """What a user chose goes with them."""
        if old in self.forward_only:
            self.forward_only.add(new)
        if old in self.forwards:
            self.forwards[new] = self.forwards.get(new, set()) | self.forwards[old]

    def forget(self, live: Live, state: State, confirmed: set[str]) -> None:
        """Whose mailbox is gone, is an alias by now, or was given to somebody else has chosen nothing there."""
        aliases = {full(local) for local in state.aliases}
        for address in list(self.forwards):
            if address not in live.boxes or address in aliases | confirmed:
                del self.forwards[address]

    def wrong(self, state: State, before: Live, refused: set[str], confirmed: set[str]) -> Iterator[str]:
        """Everything that is not as it must be. `refused` are the addresses that a gate holds back, and what leads to
        them; `confirmed` those that a person gave to somebody else."""
        live = look(self.world)
        self.declared |= self._named(state)
        self.forget(live, state, confirmed)
        yield from self._foreign(before, live)
        yield from self._kept(state, before, live)
        for local, entry in state.boxes.items():
            address = full(local)
            if address in refused:
                continue
            if entry.active and address not in self.forward_only and address not in live.delivered(address):
                yield f"{address} is declared and gets no mail of its own: {sorted(live.delivered(address))}"
            for old in state.former(local):
                if entry.active and not live.delivered(full(old)) & {address, *self._forwards(live, address)}:
                    yield f"{old} was {local}'s, and mail to it ends at {sorted(live.delivered(full(old)))}"
            yield from self._row(live.boxes.get(address), address, entry)
            if not self.forwards.get(address, set()) <= set(live.aliases[address].goto):
                yield f"{address} forwards to {self.forwards[address]}, and its row is {live.aliases[address]}"
            yield from self._groupware(live, address, entry)
            yield from self._owned(live, address, entry, confirmed)
        for local, targets in state.aliases.items():
            row = live.aliases.get(full(local))
            wanted = {full(target) for target in targets}
            if full(local) not in refused and (row is None or set(row.goto) != wanted or not row.active):
                yield f"the alias {local} should lead to {sorted(wanted)}, and is {row}"
        yield from self._passwords(live)
        if self.world.with_map and not state.blocks <= live.blocks:
            yield f"blocks {sorted(state.blocks)} are declared, the map has {sorted(live.blocks)}"

    def _named(self, state: State) -> set[str]:
        members = {full(e.person.member) for e in state.boxes.values() if e.person}
        renamed = {full(r[end]) for r in state.renames for end in ("from", "to")}
        return (
            {full(n) for n in (*state.boxes, *state.aliases, *(r["mailbox"] for r in state.removals))}
            | members
            | renamed
        )

    def _foreign(self, before: Live, live: Live) -> Iterator[str]:
        """What git never named is as it was."""
        for table in ("boxes", "aliases"):
            was, now = getattr(before, table), getattr(live, table)
            for address in {*was, *now} - self.declared:
                if was.get(address) != now.get(address):
                    yield f"{table}: nobody declared {address}, which was {was.get(address)} and is {now.get(address)}"
        for ident in before.users.keys() & live.users.keys():
            user = before.users[ident]
            if user.primary not in self.declared and user != live.users[ident]:
                yield f"OX user {ident} is nobody's in git and went from {user} to {live.users[ident]}"

    def _kept(self, state: State, before: Live, live: Live) -> Iterator[str]:
        """Mail and OX accounts go by a removal only, or by a confirmation of that very id."""
        purged = {r["mailbox"] for r in state.removals}
        gone_with = {full(local) for name in purged for local in (name, *state.former(name))}
        dirs = {box.maildir for box in live.boxes.values()}
        for address, box in before.boxes.items():
            if box.maildir not in dirs and address not in gone_with:
                yield f"the mailbox {address} is gone, and no removal names it"
        subjects = {c["subject"] for c in state.confirm}
        for ident, user in before.users.items():
            allowed = f"openxchange/{ident}" in subjects or any(full(n) in subjects for n in purged)
            if ident not in live.users and not allowed:
                yield f"OX user {ident} ({user.login}) is deleted, and nobody confirmed it"

    def _forwards(self, live: Live, address: str) -> frozenset[str]:
        return live.delivered(address) if address in self.forward_only else frozenset()

    def _row(self, box: Box | None, address: str, entry: Entry) -> Iterator[str]:
        """The fields that its entry names."""
        if box is None:
            yield f"{address} is declared and has no mailbox"
            return
        if box.active is not entry.active:
            yield f"{address} should be {'on' if entry.active else 'off'} and is {box}"
        if entry.quota is not None and box.quota != entry.quota * BYTES_OF_A_MB:
            yield f"{address} should have {entry.quota} MB and is {box}"
        if entry.named and box.name != entry.name:
            yield f"{address} should be called {entry.name} and is {box}"

    def _groupware(self, live: Live, address: str, entry: Entry) -> Iterator[str]:
        if not entry.groupware:
            return
        users = [user for user in live.users.values() if user.primary == address]
        if len(users) != 1:
            yield f"{address} should have one OX user and has {users}"
        elif address not in users[0].aliases or users[0][3:6] != (entry.name, *entry.names):
            yield f"the OX user of {address} is {users[0]}"

    def _owned(self, live: Live, address: str, entry: Entry, confirmed: set[str]) -> Iterator[str]:
        """Whose mail and groupware this is; a new one belongs to whoever is declared first."""
        things = [live.boxes[address].maildir] if address in live.boxes else []
        if entry.groupware:  # else a user that is there is left to whoever has it
            things += [f"ox {ident}" for ident, user in live.users.items() if user.primary == address]
        person = entry.person
        for thing in things:
            if person is None:
                continue
            if address in confirmed:
                self.owners[thing] = person
            owner = self.owners.setdefault(thing, person)
            if owner != person:
                yield f"{address} is declared for {person.given}, and has {owner.given}'s {thing}"

    def _passwords(self, live: Live) -> Iterator[str]:
        """A letter's password opens what belongs to whom it was sent to, and nothing else."""
        people = {person.register_email: person for person in PEOPLE}
        for recipient, doors in opened(self.world).items():
            for door in (door for places in doors for door in places):
                kind, _, rest = door.partition(" ")
                thing = live.boxes[rest].maildir if kind == "mailbox" else f"ox {rest.partition(' ')[0]}"
                owner = self.owners.get(thing)
                if kind in ("mailbox", "openxchange") and owner not in (None, people[recipient]):
                    assert owner is not None
                    yield f"a letter to {recipient} opens {door}, which is {owner.given}'s"
