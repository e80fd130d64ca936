"""listuser: which users, and as a table or as CSV (`facts/open-xchange.md` 2). Called by `run.py`."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterable, Iterator, Sequence

from reconciler.sandbox.openxchange import users
from reconciler.sandbox.openxchange.call import Answer, Call, Server
from reconciler.sandbox.openxchange.columns import access_columns, columns, null
from reconciler.sandbox.openxchange.parser import Given
from reconciler.sandbox.openxchange.users import User


def listuser(call: Call) -> Answer:
    """Lists the users that match, in no order that means anything."""
    context_id = call.context_id()
    server = call.connect(context_id)
    call.on_effect()
    shuffler = random.Random(call.switches.seed)
    found = _page(call.given, matching(call.given, server, shuffler))
    version = call.switches.version
    if call.given.has("csv"):
        return Answer(_csv(found, version, shuffler))
    return Answer(_table(found, with_quota=version != "OLD"))


def pattern(text: str, *, ignore_case: bool) -> re.Pattern[str]:
    """The search pattern as SQL's LIKE understands it: `*` becomes `%`, `_` and `%` are not escaped (2.1)."""
    wild = {"*": ".*", "%": ".*", "_": "."}
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return re.compile("".join(wild.get(character, re.escape(character)) for character in text) + r"\Z", flags)


def matching(given: Given, server: Server, shuffler: random.Random) -> Iterator[User]:
    """The users that a list is about, in no order that means anything."""
    text = given.get("searchpattern")
    ignore_case = given.has("ignorecase")
    wanted = pattern("*" if text is None else text, ignore_case=ignore_case)
    order = shuffler.randrange(1, 1_000_003)
    # as with OX the database searches; it finds more than that, and nobody without a name
    like = "" if text is None or ignore_case or not text.strip("*%") else text.replace("*", "%")
    for user in users.every(server.connection, server.context_id, order=order, like=like):
        shown = given.has("includeguests") if user.is_guest else not given.has("excludeusers")
        # The login or the display name, though the help speaks of the name only.
        names = (user.fields.get("Name", ""), user.fields.get("Display_name", ""))
        if shown and any(wanted.match(name) for name in names):
            # The loader joins the logins: of a guest there is hardly more than the id (2.3).
            yield User(user.id, {}, guest_created_by=user.guest_created_by) if user.is_guest else user


def _page(given: Given, found: Iterator[User]) -> Iterator[User]:
    offset, length = int(given.get("offset") or 0), int(given.get("length") or -1)
    for position, user in enumerate(found):
        if position >= offset and (length < 0 or position < offset + length):
            yield user


def _table(found: Iterable[User], *, with_quota: bool) -> Iterator[str]:
    """Columns as wide as their longest value, counted in UTF-16 units; nothing is quoted, wrapped or cut (2.2)."""
    header = ["Id", "Name", "Displayname", "Email", *(("qmax", "qused") if with_quota else ())]
    fields = ["Name", "Display_name", "PrimaryEmail", *(("MaxQuota", "UsedQuota") if with_quota else ())]
    rows = [header, *([str(user.id), *(user.fields.get(name, "") for name in fields)] for user in found)]
    widths = [max(_units(row[position]) for row in rows) for position in range(len(header))]
    for row in rows:
        first = " " * (widths[0] - _units(row[0])) + row[0]
        padded = (cell + " " * (width - _units(cell)) for cell, width in zip(row[1:], widths[1:], strict=True))
        yield " ".join((first, *padded)) + "\n"


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def _csv(found: Iterator[User], version: str, shuffler: random.Random) -> Iterator[str]:
    """Header, then one line a user. The access columns are there only when there is a user (2.3)."""
    order = list(columns(version))
    shuffler.shuffle(order)
    first = next(found, None)
    rights = access_columns(version) if first is not None else ()
    yield ",".join((*order, *rights)) + "\n"
    if first is not None:
        yield from _csv_rows(itertools.chain([first], found), order, rights, shuffler)


def _csv_rows(
    found: Iterable[User], order: Sequence[str], rights: Sequence[str], shuffler: random.Random
) -> Iterator[str]:
    """Most of the 150 cells are null, and most users have the same ones filled: a line's form, nulls and all, is made
    once for each set of filled columns, not once a user."""
    forms: dict[frozenset[str], str] = {}
    rendered: dict[frozenset[str], str] = {}
    for user in found:
        filled = frozenset(user.fields)
        if filled not in forms:
            forms[filled] = _form(order, filled)
        if user.access not in rendered:
            rendered[user.access] = "".join(f',"{"true" if name in user.access else "false"}"' for name in rights)
        cells = {**user.fields, "Id": str(user.id), "UserAttributes": _attributes(user)}
        if '"' in "".join(cells.values()):
            cells = {name: value.replace('"', '""') for name, value in cells.items()}
        aliases = _aliases(user, shuffler)
        preferences = ", ".join(f"{key}={value}" for key, value in user.preferences.items()) or None
        cells["Aliases"] = "" if aliases is None else quoted(aliases)
        cells["GuiPreferences"] = "" if preferences is None else quoted(preferences)
        yield f"{forms[filled] % cells}{rendered[user.access]}\n"


def _form(order: Sequence[str], filled: frozenset[str]) -> str:
    """A CSV line with a place for every cell that is not null for certain."""
    places = {name: f'"%({name})s"' for name in filled | {"Id", "UserAttributes"}}
    places |= {name: f"%({name})s" for name in ("Aliases", "GuiPreferences")}
    return ",".join(places.get(name) or null(name).replace("%", "%%") for name in order)


def quoted(value: str) -> str:
    """In quotes, inner ones doubled, newlines kept raw (2.3)."""
    return '"' + (value.replace('"', '""') if '"' in value else value) + '"'


def _aliases(user: User, shuffler: random.Random) -> str | None:
    """In an order that means nothing, a hash set's."""
    if len(user.aliases) < 2:
        return next(iter(user.aliases), None)
    return ", ".join(shuffler.sample(sorted(user.aliases), len(user.aliases)))


def _attributes(user: User) -> str:
    """`ns=[k=v, k=v],ns2=[…]`; an empty map is an empty text, not null."""
    spaces: dict[str, list[str]] = {}
    for name, value in user.attributes.items():
        space, _, key = name.partition("/")
        spaces.setdefault(space, []).append(f"{key}={value}")
    return ",".join(f"{space}=[{', '.join(entries)}]" for space, entries in spaces.items())
