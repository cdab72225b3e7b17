"""Small helpers."""

import logging

import pytest

from katydid import log
from katydid.util.date import format_duration, format_utc_timestamp
from katydid.util.rounding import proper_round
from katydid.util.timespan import parse_timespan
from katydid.util.url import is_url


@pytest.mark.parametrize(
    ("text", "seconds"), [("20", 20), ("20s", 20), ("3m", 180), ("2h", 7200), ("1h20m", 4800), ("3h30m10s", 12610)]
)
def test_time_spans_in_seconds(text, seconds):
    assert parse_timespan(text) == seconds


@pytest.mark.parametrize("text", ["", "1m1h", "1.5s", "10x", "s"])
def test_other_words_are_no_time_spans(text):
    with pytest.raises(ValueError, match="Invalid time span"):
        parse_timespan(text)


def test_halves_are_rounded_up():
    assert [proper_round(value) for value in (0.5, 1.5, 2.5, -2.5)] == [1, 2, 3, -2]
    assert proper_round(1.005, 2) == 1.01


def test_durations_in_words():
    assert format_duration(0, 0.9) == "0 seconds"
    assert format_duration(0, 61) == "1 minute and 1 second"
    assert format_duration(0, 2 * 86400 + 3 * 3600 + 45 * 60 + 30) == "2 days, 3 hours, 45 minutes and 30 seconds"


def test_timestamps_are_utc():
    assert format_utc_timestamp(1700000000.9) == "2023-11-14T22:13:20Z"


def test_addresses_have_a_scheme_and_a_host():
    assert is_url("https://x/y")
    assert not is_url("x.py")
    assert not is_url("ftp://x")


def test_a_log_line_has_locusts_format_and_is_remembered(capsys):
    saved = {name: logging.getLogger(name).handlers[:] for name in (None, "locust", "locust.stats_logger")}
    try:
        log.setup_logging("info")
        logging.getLogger("locust.runners").info("hello")
        logging.getLogger("locust.stats_logger").info("table")
        logging.getLogger("locust.runners").debug("unseen")
        lines = capsys.readouterr().err.splitlines()
        assert lines[0].endswith(f"] {log.HOSTNAME}/INFO/locust.runners: hello")
        assert lines[1:] == ["table"]
        assert any(line.endswith("hello") for line in log.get_logs())
    finally:
        for name, handlers in saved.items():
            logger = logging.getLogger(name)
            logger.handlers[:] = handlers
            logger.propagate = True
