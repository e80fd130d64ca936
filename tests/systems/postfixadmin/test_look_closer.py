"""The clock of PostfixAdmin's log is the database's, in the zone of its session: it is compared in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, event

from reconciler.systems.postfixadmin import look_closer


@pytest.mark.parametrize("hours", [0, 2, -5, 5.5])
def test_the_zone_of_the_log_is_found_by_its_clock(hours: float) -> None:
    """SQLite in the place of a server whose zone is another one."""
    engine = create_engine("sqlite://")

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def elsewhere(_c: object, _cursor: object, statement: str, parameters: object, *_: object) -> tuple[str, object]:
        return statement.replace("CURRENT_TIMESTAMP", f"datetime('now', '{hours} hours')"), parameters

    with engine.connect() as connection:
        assert look_closer._offset(connection) == timedelta(hours=hours)
    then = look_closer._utc("2026-11-22 12:00:00", timedelta(hours=hours))
    assert then == datetime(2026, 11, 22, 12, tzinfo=UTC) - timedelta(hours=hours)


def test_what_is_no_time_is_left_out_and_a_zone_in_the_row_counts() -> None:
    assert look_closer._utc("0000-00-00 00:00:00", timedelta()) is None
    there = look_closer._utc("2026-11-22 12:00:00.5+01", timedelta(hours=9))
    assert there == datetime(2026, 11, 22, 11, 0, 0, 500000, tzinfo=UTC)
