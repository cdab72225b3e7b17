"""The statistics as scripts read them."""

import pytest

from katydid import stats
from katydid.stats import RequestStats, StatsError


@pytest.fixture
def counted():
    """Statistics with a few requests in them."""
    counted = RequestStats()
    counted.clear_all()
    for time in (1, 2, 3, 4):
        counted.log_request("GET", "/", time, 10)
    counted.log_request("SQL", "select", None, 0)
    counted.log_error("GET", "/", ValueError("bad"))
    counted.log_error("GET", "/", "text")
    counted.log_error("GET", "/", "text")
    yield counted
    counted.clear_all()


def test_the_total_sums_up_everything(counted):
    total = counted.total
    assert (total.name, total.method) == ("Aggregated", "")
    assert (total.num_requests, total.num_none_requests, total.num_failures) == (5, 1, 3)
    assert total.fail_ratio == 0.6
    assert total.avg_response_time == 2.5
    assert total.median_response_time == 3
    assert (total.min_response_time, total.max_response_time) == (1, 4)
    assert total.get_response_time_percentile(0.95) == 4
    assert counted.num_requests == 5


def test_entries_are_found_by_name_and_method(counted):
    assert sorted(counted.entries) == [("/", "GET"), ("select", "SQL")]
    assert counted.entries[("/", "GET")].num_requests == 4
    assert counted.get("/", "GET").total_content_length == 40
    assert counted.get("select", "SQL").num_none_requests == 1
    assert [entry.num_requests for entry in counted.entries.values()] == [4, 1]
    assert counted.get("absent", "GET").num_requests == 0
    assert ("absent", "GET") in counted.entries, "asking makes it, as in Locust"


def test_an_entry_that_is_held_goes_on_counting(counted):
    entry, total = counted.get("/", "GET"), counted.total
    counted.log_request("GET", "/", 5, 10)
    assert entry.num_requests == 5
    assert total.num_requests == 6


def test_failures_are_grouped_by_request_and_text(counted):
    errors = sorted(counted.errors.values(), key=lambda error: error.occurrences)
    assert [(str(error.error), error.occurrences) for error in errors] == [("bad", 1), ("text", 2)]
    assert isinstance(errors[0].error, ValueError)
    assert errors[0].to_name() == "GET /: ValueError('bad')"
    assert errors[1].last_seen >= errors[1].first_seen
    assert StatsError.create_key("GET", "/", "text") in counted.errors


def test_resetting_keeps_the_names_and_clearing_does_not(counted):
    counted.reset_all()
    assert counted.total.num_requests == 0
    assert not counted.errors
    assert ("/", "GET") in counted.entries
    counted.clear_all()
    assert len(counted.entries) == 0


def test_the_percentile_is_taken_from_the_top():
    times = {1: 1, 2: 1, 3: 1, 4: 1}
    assert stats.calculate_response_time_percentile(times, 4, 0.5) == 3
    assert stats.calculate_response_time_percentile(times, 4, 0.95) == 4
    assert stats.calculate_response_time_percentile({}, 0, 0.5) == 0


def test_statistics_made_by_hand_are_their_own(counted):
    other = RequestStats()
    assert other.num_requests == 0
    other.log_request("GET", "/", 7, 1)
    assert (other.num_requests, counted.num_requests) == (1, 5)


def test_an_entry_made_by_hand_counts_for_itself(counted):
    entry = stats.StatsEntry(counted, "mine", "X")
    entry.log(120.4, 45)
    entry.log(None, 5)
    entry.log_error("no")
    assert (entry.num_requests, entry.num_none_requests, entry.num_failures) == (2, 1, 1)
    assert entry.response_times == {120: 1}
    assert (entry.median_response_time, entry.avg_response_time) == (120.4, 120.4)
    assert ("mine", "X") not in counted.entries
    again = stats.StatsEntry.unserialize(entry.serialize(), counted)
    again.extend(entry)
    assert (again.num_requests, again.total_content_length) == (4, 100)
    assert list(entry.get_stripped_report())[:4] == ["name", "method", "last_request_timestamp", "start_time"]
    assert entry.num_requests == 0
    counted.entries[("mine", "X")] = again
    assert counted.entries[("mine", "X")].num_requests == 4
    entry.num_requests = 9
    assert entry.num_requests == 9


def test_the_bucket_function_may_be_replaced(counted, monkeypatch):
    monkeypatch.setattr(stats, "bucket_response_time", lambda time: int(time) // 7 * 7)
    entry = stats.StatsEntry(counted, "mine", "X")
    entry.log(123, 0)
    assert entry.response_times == {119: 1}
