"""Edits of state files: what is not edited keeps every byte, whatever way the files are written, and the state is the
one that was meant."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.declared.load import Declaration, load_state
from reconciler.declared.write.edit import Edit
from reconciler.errors import UsageError
from reconciler.model.addresses import Address
from reconciler.model.declared import Alias, DesiredState, Mailbox
from reconciler.model.source_places import Origin
from tests.declared.samples import BOX, TODAY, load, site

DOMAIN = "mail.example"
NOWHERE = Origin("", "", "")


def edited(
    folder: Path, files: dict[str, str | bytes], change: Callable[[Edit], object]
) -> tuple[dict[str, str], Edit]:
    """The files that a change touches, as they are to be; loaded without an error."""
    before = load(folder, files)
    edit = Edit(before.state, files, lambda name: (folder / name).read_bytes())
    change(edit)
    new = {name: content for name, (_, content) in edit.changed().items()}
    load_state(folder, site(), today=TODAY, instead=new)
    return {name: content.decode() for name, content in new.items()}, edit


def one(folder: Path, text: str, change: Callable[[Edit], object]) -> str:
    """The same for a state of one file."""
    new, _ = edited(folder, {"a.yaml": text}, change)
    assert set(new) == {"a.yaml"}
    return new["a.yaml"]


def add_box(local: str, domain: str = DOMAIN) -> Callable[[Edit], None]:
    return lambda edit: edit.add("mailboxes", {"groupware": False}, key=f"{local}@{domain}", domain=domain)


def take_out(local: str) -> Callable[[Edit], None]:
    return lambda edit: edit.take_out([edit.state.mailboxes[Address(f"{local}@{DOMAIN}")].origin])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  anna: {X}\n  clara: {X}\n", "  anna: {X}\n  bernd: {X}\n  clara: {X}\n"),
        ("  clara:\n    X\n  dora:\n    X\n", "  bernd:\n    X\n  clara:\n    X\n  dora:\n    X\n"),
        ("  clara:\n    X\n  anna:\n    X\n", "  clara:\n    X\n  anna:\n    X\n  bernd:\n    X\n"),
        ("    anna:\n        X\n\n    clara:\n        X\n", None),
        ("  anna:\n    X\n  # of Anna? Of Clara\n  clara:\n    X", None),
        ("  anna:\n    X\n    # of Anna\n\n  # group\n\n  clara:\n    X\n", None),
    ],
)
def test_an_entry_is_added_in_order_with_the_indentation_and_the_blank_lines_of_its_neighbours(
    tmp_path: Path, before: str, after: str | None
) -> None:
    head = f"domain: {DOMAIN}\nmailboxes:\n"
    before, after = (head + text.replace("X", "groupware: false") if text else "" for text in (before, after))
    new = one(tmp_path, before, add_box("bernd"))
    if after:
        assert new == after
        return
    step = 4 if "    anna" in before else 2
    entry = f"{' ' * step}bernd:\n{' ' * 2 * step}groupware: false\n"
    blank = "\n" if "\n\n" in before else ""
    at = before.index("\n", before.index("# of Anna\n") if "# of Anna\n" in before else before.index("false")) + 1
    assert new == before[:at] + blank + entry + before[at:]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("mailboxes:\n", "mailboxes:\n  b@mail.example:\n    groupware: false\n"),
        ("mailboxes: {}  # none\n", "mailboxes:  # none\n  b@mail.example:\n    groupware: false\n"),
        ("# nothing yet", "# nothing yet\n\nmailboxes:\n  b@mail.example:\n    groupware: false\n"),
        ("mailboxes: {a@mail.example: {groupware: false}}",
         "mailboxes: {a@mail.example: {groupware: false}, b@mail.example: {groupware: false}}"),
        ('{"mailboxes": {}}', '{"mailboxes": {b@mail.example: {groupware: false}}}'),
        ("mailboxes:\n  ? a@mail.example\n  : {groupware: false}\n", None),
        ("mailboxes: &all\n  a@mail.example: {groupware: false}\n", None),
    ],
)  # fmt: skip
def test_sections_that_are_empty_or_in_braces(tmp_path: Path, before: str, after: str | None) -> None:
    if after is None:
        with pytest.raises(UsageError, match=r"mailboxes\.yaml:[12]"):
            edited(tmp_path, {"mailboxes.yaml": before}, add_box("b"))
        return
    new, _ = edited(tmp_path, {"mailboxes.yaml": before}, add_box("b"))
    assert new == {"mailboxes.yaml": after}


@pytest.mark.parametrize(
    ("there", "domain", "name"),
    [
        (["z.yaml", "a.yaml"], DOMAIN, "a.yaml"),
        (
            ["mail.example/mailboxes.yaml", "other.example/mailboxes.yaml"],
            "other.example",
            "other.example/mailboxes.yaml",
        ),
        (["mail.example/mailboxes.yaml"], "third.example", "third.example/mailboxes.yaml"),
        (["people.yaml"], "third.example", "people.yaml"),
        ([], DOMAIN, "mailboxes.yaml"),
    ],
)
def test_the_right_file(tmp_path: Path, there: list[str], domain: str, name: str) -> None:
    files: dict[str, str | bytes] = {}
    for number, each in enumerate(there):
        of = each.split("/")[0] if "/" in each else DOMAIN
        files[each] = f"# yaml-language-server: $schema={'../' * each.count('/')}.s.json\ndomain: {of}\n"
        files[each] += f"mailboxes:\n  m{number}: {BOX}\n"  # type: ignore[operator]  # every value here is a text
    new, _ = edited(tmp_path, files, add_box("x", domain))
    assert list(new) == [name]
    if name not in files:
        first = f"# yaml-language-server: $schema={'../' * name.count('/')}.s.json\n" if files else ""
        assert new[name] == f"{first}domain: {domain}\n\nmailboxes:\n  x:\n    groupware: false\n"


STYLES = [
    " {{groupware: false}}",
    "\n{step}groupware: false",
    " {{name: N{n}, groupware: false}}  # in {n}",
    "\n{step}name: >-\n{step}  N{n}\n{step}  # text\n{step}groupware: false\n{step}# in {n}",
    "   # in {n}\n{step}# in it {n}\n{step}groupware: false",
    "\n{step}\"name\": 'it is N{n}'\n{step}groupware: false",
]


def untidy(chance: random.Random) -> tuple[str, list[str]]:
    """A file as people write one, and its mailboxes."""
    indent, step = chance.choice([(2, 4), (4, 8), (2, 6), (1, 3)])
    locals_ = [f"{chance.choice('abcdefgh')}{n}" for n in range(chance.randrange(1, 7))]
    if chance.random() < 0.6:
        locals_.sort()
    lines = ["# head", f"domain: {DOMAIN}", *chance.choice([[], ["aliases:"]]), "mailboxes:"]
    for n, local in enumerate(locals_):
        for _ in range(chance.choice([0, 0, 1, 2])):
            lines.append(chance.choice(["", f"{' ' * indent}# before {n}", f"# margin {n}"]))
        key = chance.choice([local, f'"{local}"', f"{local}@{DOMAIN}", local.upper()])
        style = chance.choice(STYLES).format(step=" " * step, n=n)
        lines += (" " * indent + f"{key}:{style}").split("\n")
    lines += chance.choice([[], ["", "# end"], ["sender_blocks:", "- {domain: spam.example, reason: x}"]])
    return "\n".join(lines) + chance.choice(["", "\n", "\n\n"]), locals_


def pure_insertion(old: str, new: str) -> bool:
    """Whether `old` is `new` with one piece taken out."""
    start = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), len(old))
    return old[start:] == new[len(new) - (len(old) - start) :]


def boxes(state: DesiredState) -> dict[str, Mailbox]:
    return {address: box._replace(written=NOWHERE) for address, box in state.mailboxes.items()}


@pytest.mark.parametrize("seed", range(60))
def test_whatever_way_it_is_written_all_other_bytes_stay(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    text, locals_ = untidy(chance)
    content = text.replace("\n", chance.choice(["\n", "\n", "\r\n"])).encode()
    content = chance.choice([b"", b"", b"\xef\xbb\xbf"]) + content
    before = load(tmp_path, {"a.yaml": content})

    def changed(change: Callable[[Edit], object]) -> tuple[bytes, Declaration]:
        edit = Edit(before.state, ["a.yaml"], lambda _: content)
        change(edit)
        ((_, (old, new)),) = edit.changed().items()
        assert old == content
        assert new.count(b"\r\n") in (0, new.count(b"\n"))
        return new, load_state(tmp_path, site(), today=TODAY, instead={"a.yaml": new})

    local = chance.choice("abcdefgh") + "5"
    address = Address(f"{local}x@{DOMAIN}")
    new, after = changed(add_box(f"{local}x"))
    assert pure_insertion(content.decode(), new.decode())
    assert set(boxes(after.state)) == {*boxes(before.state), address}
    assert {k: v for k, v in boxes(after.state).items() if k != address} == boxes(before.state)

    gone = chance.choice(locals_)
    number = locals_.index(gone)
    new, after = changed(take_out(gone))
    assert pure_insertion(new.decode(), content.decode())
    assert boxes(after.state) == {k: v for k, v in boxes(before.state).items() if k != f"{gone}@{DOMAIN}"}
    comments = [line.partition("#")[2] for line in text.split("\n") if "#" in line]
    kept = [c for c in comments if c.strip() not in (f"in {number}", f"in it {number}", "text")]
    assert [c for c in kept if f"#{c}" not in new.decode()] == []

    origin = before.state.mailboxes[Address(f"{gone}@{DOMAIN}")].origin
    new, after = changed(lambda edit: edit.set_key(origin, Address(f"new@{DOMAIN}")))
    address = Address(f"new@{DOMAIN}")
    box = boxes(before.state).pop(f"{gone}@{DOMAIN}")._replace(address=address)
    assert boxes(after.state) == {k: v for k, v in boxes(before.state).items() if k != f"{gone}@{DOMAIN}"} | {
        address: box
    }
    assert new.decode().partition("new")[0] == content.decode()[: len(new.decode().partition("new")[0])]

    new, after = changed(lambda edit: edit.set_fields(origin, {"quota": "512 MB"}))
    assert pure_insertion(content.decode(), new.decode())
    assert after.state.mailboxes[Address(f"{gone}@{DOMAIN}")].quota == 512
    assert len(after.state.mailboxes) == len(before.state.mailboxes)


ALIASES = f"domain: {DOMAIN}\nmailboxes: {{a: {BOX}, b: {BOX}, c: {BOX}}}\naliases:\n"


@pytest.mark.parametrize(
    ("entry", "without", "instead", "more"),
    [
        ("x: [a, b]  # x", "x: [b]  # x", "x: [c, b]  # x", "x: [a, b, c]  # x"),
        ("x: {goto: [b, a], active: false}", "x: {goto: [b], active: false}", "x: {goto: [b, c], active: false}",
         "x: {goto: [b, a, c], active: false}"),
        ("x:\n    - a\n    - b", "x:\n    - b", "x:\n    - c\n    - b", "x:\n    - a\n    - b\n    - c"),
        ("x:\n  - b # of b\n  - a # of a", "x:\n  - b # of b", "x:\n  - b # of b\n  - c # of a",
         "x:\n  - b # of b\n  - a # of a\n  - c"),
        ("x:\n    goto: [a, b]\n", "x:\n    goto: [b]\n", "x:\n    goto: [c, b]\n", "x:\n    goto: [a, b, c]\n"),
        ("x: a # one", None, "x: c # one", "x: [a, c] # one"),
        ("x: ['a']", None, "x: [c]", "x: ['a', c]"),
    ],
)  # fmt: skip
def test_targets_of_aliases(tmp_path: Path, entry: str, without: str | None, instead: str, more: str) -> None:
    a, c = Address(f"a@{DOMAIN}"), Address(f"c@{DOMAIN}")
    text = ALIASES + "  " + entry + "\n"

    def alias(edit: Edit) -> Alias:
        return edit.state.aliases[Address(f"x@{DOMAIN}")]

    if without is None:
        with pytest.raises(UsageError, match=f"x@{DOMAIN} leads to a@{DOMAIN} alone"):
            one(tmp_path, text, lambda edit: edit.set_target(alias(edit), a, None))
    else:
        assert one(tmp_path, text, lambda edit: edit.set_target(alias(edit), a, None)) == f"{ALIASES}  {without}\n"
    assert one(tmp_path, text, lambda edit: edit.set_target(alias(edit), a, c)) == f"{ALIASES}  {instead}\n"
    assert one(tmp_path, text, lambda edit: edit.add_targets(alias(edit), [c])) == f"{ALIASES}  {more}\n"


def test_a_comment_in_braces_does_not_go_along(tmp_path: Path) -> None:
    text = f"domain: {DOMAIN}\nmailboxes: {{\n  a: {BOX}, # of a\n  b: {BOX}}}\n"
    with pytest.raises(UsageError, match="a comment inside of the braces would go along"):
        one(tmp_path, text, take_out("a"))


def test_several_entries_share_a_new_file(tmp_path: Path) -> None:
    def change(edit: Edit) -> None:
        add_box("b")(edit)
        add_box("a")(edit)

    new, _ = edited(tmp_path, {}, change)
    box = "    groupware: false\n"
    assert new == {"mailboxes.yaml": f"domain: {DOMAIN}\n\nmailboxes:\n  a:\n{box}  b:\n{box}"}
