"""The options of a database URL are judged by our own splitting of it: that must be the one that connects later."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from reconciler.remote.database_url import Parts, split, with_user

_SIGNS = ["://", ":", "/", "@", "?", "&", ";", "=", "[", "]", "%40", "%3F", "+", " ", "\n", "#", "ä", "٣"]
_WORDS = ["mysql+pymysql", "sqlite", "user", "secret", "host", "3306", "ssl_ca", "local_infile", "1", "x"]
_pieces = st.sampled_from([*_SIGNS, *_WORDS])


@settings(max_examples=300)
@given(st.one_of(st.lists(_pieces, max_size=14).map("".join), st.lists(_pieces).map(lambda p: "mysql://" + "".join(p))))
@example("mysql+pymysql://user:p%40w@[::1]:3306/db?ssl_ca=a&ssl_ca=b&ssl_ca=c&x=")
@example("mysql://h:x/db")
def test_a_url_is_split_as_sqlalchemy_splits_it(text: str) -> None:
    ours = theirs = None
    with suppress(ValueError):
        ours = split(text)
    with suppress(ValueError, ArgumentError):
        url = make_url(text)
        theirs = Parts(url.drivername, url.password, dict(url.query))
    assert ours == theirs


@pytest.mark.parametrize(
    "text",
    [
        "postgresql+psycopg:///pfa",
        "postgresql+psycopg:///pfa?sslmode=require",
        "mysql+pymysql://applier@[::1]:3306/pfa",
        "mysql+pymysql://mail.example/pfa",
    ],
)
def test_another_user_is_in_the_url_also_where_no_server_is(text: str) -> None:
    """Without one PostgreSQL takes the user who runs the command, whoever that is."""
    assert make_url(with_user(text, "planner")) == make_url(text).set(username="planner")
