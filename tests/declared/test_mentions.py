"""Which files may declare something (`declared.mentions`): perhaps too many, never too few."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from reconciler.declared.mentions import Mentions
from reconciler.errors import InvalidInput
from reconciler.model.addresses import domain_of, local_part
from reconciler.model.declared import Alias, Mailbox
from tests.declared.samples import load, site
from tests.proof.world import LONG

ANNA = "anna@x.example"
BOX = "{groupware: false}"
SITE = site(openxchange={"unique_display_names": False})
FILLER = [f"nobody{number}@x.example" for number in range(40)]
"""With so many addresses all are searched in one pass."""

DECLARE_ANNA = {
    "plain": f"mailboxes:\n  anna@x.example: {BOX}\n",
    "short": f"domain: x.example\nmailboxes:\n  anna: {BOX}\n",
    "capitals": f"mailboxes:\n  Anna@X.Example: {BOX}\n",
    "capitals, short": f"domain: X.EXAMPLE\nmailboxes:\n  ANNA: {BOX}\n",
    "single quotes": f"mailboxes:\n  'anna@x.example': {BOX}\n",
    "double quotes, short": f'"domain": "x.example"\n"mailboxes":\n  "anna" : {BOX}\n',
    "spaces in quotes": f"mailboxes:\n  ' anna@x.example ': {BOX}\n",
    "a space behind the sign": f"mailboxes:\n  'anna@ x.example': {BOX}\n",
    "a no-break space behind it": f"mailboxes:\n  'anna@x.example\u00a0': {BOX}\n",
    "a dot behind it": f"mailboxes:\n  anna@x.example.: {BOX}\n",
    "a dot behind the domain on top": f"domain: x.example.\nmailboxes:\n  anna: {BOX}\n",
    "an escape": f'mailboxes:\n  "\\x61nna@x.example": {BOX}\n',
    "an escape in the domain on top": f'domain: "\\u0078.example"\nmailboxes:\n  anna: {BOX}\n',
    "an escape in the key of that": f'"dom\\x61in": x.example\nmailboxes:\n  anna: {BOX}\n',
    "full width": f"mailboxes:\n  anna@ｘ.example: {BOX}\n",
    "full width on top": f"domain: ｘ.example\nmailboxes:\n  anna: {BOX}\n",
    "a soft hyphen": f"mailboxes:\n  anna@x.exam\u00adple: {BOX}\n",
    "flow": "mailboxes: {bernd@x.example: {groupware: false}, anna@x.example: {groupware: false}}\n",
    "first in braces": f"mailboxes: {{anna@x.example: {BOX}}}\n",
    "flow without colons": "domain: x.example\nmailboxes: {bernd, anna}\n",
    "flow over lines": "domain: x.example\nmailboxes: {\n  bernd,\n  anna\n}\n",
    "JSON": '{"domain":"x.example","mailboxes":{"anna":{"groupware":false}}}',
    "all in braces": "{domain: x.example, mailboxes: {anna: {groupware: false}}}",
    "behind a text over two lines": 'mailboxes: {b@x.example: {name: "B\n # ", active: true}, anna@x.example: }\n',
    "a complex key": f"mailboxes:\n  ? anna@x.example\n  : {BOX}\n",
    "a complex key on top": f"? domain # x\n: x.example\nmailboxes:\n  anna: {BOX}\n",
    "an alias of YAML from a list": f"aliases:\n  b@x.example: [&a anna@x.example]\nmailboxes:\n  *a : {BOX}\n",
    "behind a bracket in a text": 'mailboxes: {b@x.example: {name: "B [b", active: true}, anna@x.example: }\n',
    "a folded complex key": f"mailboxes:\n  ? >-\n    anna@x.example\n  : {BOX}\n",
    "an alias of YAML": f"aliases:\n  b@x.example: &a anna@x.example\nmailboxes:\n  *a : {BOX}\n",
    "an anchor": f"mailboxes:\n  &a anna@x.example: {BOX}\n",
    "an anchor on top": f"domain: &d x.example\nmailboxes:\n  anna: {BOX}\n",
    "the domain on the next line": f"domain:\n  x.example\nmailboxes:\n  anna: {BOX}\n",
    "the domain below": f"mailboxes:\n  anna: {BOX}\ndomain: x.example  # at last\n",
    "everything indented": f"  domain: x.example\n  mailboxes:\n    anna: {BOX}\n",
    "a document's mark": f"---\ndomain: x.example\nmailboxes:\n  anna: {BOX}\n",
    "line ends of Windows": f"\ufeffdomain: x.example\r\nmailboxes:\r\n  anna: {BOX}\r\n",
    "no line end": "domain: x.example\naliases:\n  anna: b",
    "a mailbox called domain": f"domain: x.example\nmailboxes:\n  domain: {BOX}\n  anna: {BOX}\n",
    "a remark behind it": "aliases:\n  anna@x.example:  # - anna\n    - b@x.example\n",
    "an alias beside a mailbox": f"mailboxes:\n  b@x.example: {BOX}\naliases:\n  anna@x.example: b@x.example\n",
}

LEAVE_ANNA = {
    "another domain": f"mailboxes:\n  anna@y.example: {BOX}\n",
    "a domain below": f"mailboxes:\n  anna@x.example.org: {BOX}\n",
    "another domain on top": f"domain: y.example\nmailboxes:\n  anna: {BOX}\n",
    "a longer name": f"domain: x.example\nmailboxes:\n  anna.b: {BOX}\n  b.anna: {BOX}\n  joanna: {BOX}\n",
    "a longer word": f"domain: y.example\nmailboxes:\n  anna: {BOX}\n  subdomain: {BOX}\n",
    "a target": "domain: x.example\naliases:\n  b: anna\n  c: [d, anna]\n  e:\n    - anna\n  f: {goto: [anna]}\n",
    "a target in quotes": "domain: x.example\naliases:\n  b: 'anna'\n  c: ['d']\n  e:\n    - \"anna\"\n",
    "line ends of Windows": "\ufeffdomain: y.example\r\naliases:\r\n  anna: b\r\n",
    "a given name": "domain: x.example\nmailboxes:\n  b: {groupware: false, given_name: Anna}\n# anna: left\n",
}


@pytest.mark.parametrize("text", DECLARE_ANNA.values(), ids=DECLARE_ANNA.keys())
def test_no_spelling_is_missed(text: str, tmp_path: Path) -> None:
    content = text.encode()
    state = load(tmp_path, {"a.yaml": content}, site(openxchange=None)).state
    assert ANNA in {*state.mailboxes, *state.aliases}, "it is one"
    mentions = Mentions({"other.yaml": b"domain: x.example\n", "a.yaml": content, "behind.yaml": b"aliases: {}\n"})
    assert "a.yaml" in mentions.declaring(["anna@z.example", ANNA])
    assert mentions.declaring(["anna@z.example"]) == mentions.odd
    assert "a.yaml" in mentions.declaring([ANNA])
    assert "a.yaml" in mentions.declaring([ANNA, *FILLER])
    assert "a.yaml" in mentions.at("x.example")
    assert "a.yaml" in mentions.claiming("anna")


@pytest.mark.parametrize("text", LEAVE_ANNA.values(), ids=LEAVE_ANNA.keys())
def test_what_is_of_no_use_is_left(text: str, tmp_path: Path) -> None:
    load(tmp_path, text, SITE)
    mentions = Mentions({"a.yaml": text.encode()})
    assert mentions.odd == frozenset()
    assert mentions.declaring([ANNA]) == mentions.declaring([ANNA, *FILLER]) == set()


@pytest.mark.parametrize(
    "text",
    [
        "renames:\n  - {from: a@x.example, to: b@x.example, date: 2026-11-20}\n",
        "'removals':\n- {mailbox: a@x.example, date: 2026-11-20, reason: left}\n",
        "{confirm: []}",
        "sender_blocks :\n  - {domain: spam.example, reason: spam}\n",
        "domains:\n  x.example:\n",
        'alias_domains: {"y.example": x.example}\n',
    ],
)
def test_what_is_no_table_of_addresses_is_always_read(text: str) -> None:
    assert Mentions({"a.yaml": b"mailboxes: {}\n", "b.yaml": text.encode()}).odd == {"b.yaml"}


@pytest.mark.parametrize(
    "written",
    [
        "10042",
        "'10042'",
        '"10042"',
        "&n 10042",
        ">-\n      10042",
        "# a remark\n      10042",
        "\n      10042",
        '"1\\x30042"',
    ],
)
def test_a_member_number_is_found_however_it_is_written(written: str, tmp_path: Path) -> None:
    text = f"mailboxes:\n  a@x.example:\n    groupware: false\n    member: {written}\n"
    (box,) = load(tmp_path, text, SITE).state.mailboxes.values()
    assert box.member == "10042"
    mentions = Mentions({"a.yaml": text.encode(), "b.yaml": b"mailboxes: {b: {member: 100420}}\n"})
    assert "a.yaml" in mentions.numbered("10042")
    assert "b.yaml" not in mentions.numbered("10042")


@pytest.mark.parametrize("written", ["b.muster", "B.Muster", "'b.muster'", "&u b.muster", ">-\n        b.muster"])
def test_a_login_is_found(written: str, tmp_path: Path) -> None:
    box = f"{{given_name: A, surname: B, groupware: {{username: {written}}}}}"
    if "\n" in written:
        box = f"\n    given_name: A\n    surname: B\n    groupware:\n      username: {written}"
    text = f"mailboxes:\n  a@x.example: {box}\n"
    load(tmp_path, text, SITE)
    mentions = Mentions({"a.yaml": text.encode(), "b.yaml": b"mailboxes:\n  b@x.example: {surname: B.Muster}\n"})
    assert mentions.claiming("B.muster") == {"a.yaml"}
    assert mentions.claiming("b.muster@x.example") == set()
    assert Mentions({"a.yaml": b"domain: x.example\nmailboxes:\n  b:\n"}).claiming("B@x.example") == {"a.yaml"}


def test_an_alias_is_found_by_its_targets() -> None:
    mentions = Mentions(
        {
            "short": b"domain: x.example\naliases:\n  b: [c, Anna]\n",
            "whole": b"aliases:\n  b@y.example:\n    - ANNA@x.example\n",
            "behind": b"aliases:\n  b@y.example: anna+list@x.example\n",
            "behind, short": b"domain: x.example\naliases:\n  b@y.example: anna+list\n",
            "other": b"domain: y.example\naliases:\n  b: [c, anna]\n",
        }
    )
    assert mentions.leading_to([ANNA]) == {"short", "whole"}
    assert mentions.leading_to([ANNA], "+") == {"short", "whole", "behind", "behind, short"}
    assert mentions.leading_to(["o'neil@x.example"]) == set(mentions.declaring(["o'neil@x.example"])), "all of them"
    assert len(mentions.leading_to(["o'neil@x.example"])) == 5


LOCALS = ("anna", "a", "anna.b", "b-anna", "info", "10042", "*", "o'neil", "x+y", "domain", "a=b")
DOMAINS = ("x.example", "xx.example", "bücher.example", "x.example.test")
CANONICAL = {"bücher.example": "xn--bcher-kva.example"}


class Speller:
    """Writes a state file in one of many ways."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.header = random.choice([None, *DOMAINS])

    def text(self) -> str:
        keys = self.random.sample([(a, d) for a in LOCALS for d in DOMAINS], 6)
        boxes = [self.entry(key, self.box()) for key in keys[:3] if key[0] not in ("*", "10042")]
        aliases = [self.entry(key, self.target(keys)) for key in keys[3:]]
        sections = [self.section("mailboxes", boxes), self.section("aliases", aliases), *self.top()]
        self.random.shuffle(sections)
        text = "".join(sections)
        for change in self.random.sample(CHANGES, self.random.choice([0, 0, 0, 1])):
            text = change(text)
        return text

    def top(self) -> list[str]:
        if self.header is None:
            return []
        key, domain = self.random.choice(["domain", "'domain'", '"domain"', "domain "]), self.domain(self.header)
        forms = [f"{key}: {domain}\n", f"{key}: '{domain}' # x\n", f"{key}:\n  {domain}\n", f"{key}: &d {domain}\n"]
        return [self.random.choice([forms[0], forms[0], *forms])]

    def section(self, name: str, entries: list[str]) -> str:
        if entries and self.random.random() < 0.2:
            return f"{name}: {{{', '.join(entry.removeprefix('? ').replace(chr(10), ' ') for entry in entries)}}}\n"
        return f"{name}:\n" + "".join(f"  {entry}\n" for entry in entries)

    def entry(self, key: tuple[str, str], value: str) -> str:
        written = self.address(*key)
        return f"? {written}\n  : {value}" if self.random.random() < 0.05 else f"{written}: {value}"

    def box(self) -> str:
        number = self.random.choice(["10042", "'10042'", "4711", '"00042"'])
        member = f", member: {number}" if self.random.random() < 0.3 else ""
        login = self.random.choice(["", "", "", ", given_name: A, surname: B"])
        switch = f"{{username: {self.random.choice(LOCALS[:4])}}}" if login else "false"
        return f"{{groupware: {switch}{login}{member}}}"

    def target(self, keys: list[tuple[str, str]]) -> str:
        targets = [self.address(*key) for key in self.random.sample(keys, 2) if key[0] != "*"]
        return f"[{', '.join(targets)}]" if targets else "k@extern.example"

    def domain(self, domain: str) -> str:
        forms = [domain, domain.upper(), CANONICAL.get(domain, domain), domain + ".", domain.replace("x", "ｘ")]
        return self.random.choice([domain, domain, *forms])

    def address(self, local: str, domain: str) -> str:
        local = self.random.choice([local, local, local.upper()])
        text = local
        if domain != self.header or self.random.random() < 0.3:
            text = f"{local}@{self.random.choice(['', '', '', ' '])}{self.domain(domain)}"
        single = text.replace("'", "''")
        forms = [
            f"'{single}'",
            f'"{text}"',
            f"' {single} '",
            f'"\\x{ord(text[0]):02x}{text[1:]}"',
            f"&n{id(text)} {text}",
        ]
        odd = text[0] in "*'" or " " in text or text[0].isdigit() or "'" in text
        return self.random.choice(forms[:2] if odd else [text] * 6 + forms)


CHANGES: list[Callable[[str], str]] = [
    lambda text: "\ufeff" + text,
    lambda text: text.replace("\n", "\r\n"),
    lambda text: f"---\n{text}",
    lambda text: text.rstrip("\n"),
    lambda text: text.replace("\n", "  # anna: [x\n"),
    lambda text: f"# domain: y.example\n{text}",
]


@given(randoms=st.lists(st.randoms(use_true_random=False), min_size=1, max_size=3))
@settings(
    deadline=None,
    max_examples=2000 if LONG else 100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_whatever_a_file_declares_it_is_found(randoms: list[Random]) -> None:
    texts = {f"{number}.yaml": Speller(random).text().encode() for number, random in enumerate(randoms)}
    mentions = Mentions(texts)
    valid = 0
    for name, text in texts.items():
        with TemporaryDirectory() as folder:
            try:
                state = load(Path(folder), {name: text}, SITE).state
            except InvalidInput:
                continue
        valid += 1
        event("odd" if name in mentions.odd else "searched")
        entries: list[Mailbox | Alias] = [*state.mailboxes.values(), *state.aliases.values()]
        for entry in entries:
            address = entry.address
            assert name in mentions.declaring([address]), (address, text)
            assert name in mentions.declaring([address, *FILLER]), (address, text)
            assert name in mentions.at(domain_of(address)), (address, text)
            if isinstance(entry, Mailbox):
                assert entry.member is None or name in mentions.numbered(entry.member), (address, text)
                assert name in mentions.claiming(entry.username or local_part(address)), (address, text)
            else:
                assert all(name in mentions.leading_to([target]) for target in entry.goto), (address, text)
    assume(valid)
