"""Rows 85 to 99: the statistics as objects, as files and as tables."""

import csv
import json
import logging
import math
import time
from collections import OrderedDict
from types import SimpleNamespace

import gevent
import locust.stats
import pytest
from locust import User, constant, task
from locust.env import Environment
from locust.event import Events
from locust.exception import CatchResponseError
from locust.stats import (
    CachedResponseTimes,
    RequestStats,
    StatsCSV,
    StatsCSVFileWriter,
    StatsEntry,
    StatsError,
    avg,
    bucket_response_time,
    calculate_response_time_percentile,
    diff_response_time_dicts,
    get_error_report_summary,
    get_percentile_stats_summary,
    get_readable_percentiles,
    get_stats_summary,
    setup_distributed_stats_event_listeners,
    sort_stats,
    validate_stats_configuration,
)
from locust.util.rounding import proper_round

SERIALIZED = [
    "name", "method", "last_request_timestamp", "start_time", "num_requests", "num_none_requests", "num_failures",
    "total_response_time", "max_response_time", "min_response_time", "total_content_length", "response_times",
    "num_reqs_per_sec", "num_fail_per_sec",
]  # fmt: skip


@pytest.fixture
def stats():
    """Statistics with seven requests and two failures of one name."""
    stats = RequestStats()
    for response_time, length in ((45, 1), (135, 1), (44, 1), (None, 1), (601, 1), (79, 1), (36, 1)):
        stats.log_request("GET", "test_entry", response_time, length)
    stats.log_error("GET", "test_entry", Exception("one"))
    stats.log_error("GET", "test_entry", Exception("two"))
    return stats


@pytest.fixture
def entry(stats):
    return stats.entries[("test_entry", "GET")]


def test_85_the_percentile_is_taken_from_the_top():
    times = {1: 1, 2: 1, 3: 1, 4: 1}
    assert calculate_response_time_percentile(times, 4, 0.5) == 3
    assert calculate_response_time_percentile(times, 4, 0.95) == 4
    assert calculate_response_time_percentile({}, 0, 0.5) == 0
    entry = StatsEntry(RequestStats(), "percentile_test", "GET")
    for value in range(1, 101):
        entry.log(value, 0)
    assert [entry.get_response_time_percentile(part) for part in (0.5, 0.6, 0.95, 1.0)] == [51, 61, 96, 100]


def test_86_buckets_are_rounded_to_even_and_tables_half_up():
    rounded = {
        0.4: 0, 1.5: 2, 2.5: 2, 99.6: 100, 104: 100, 105: 100, 115: 120, 147: 150, 995: 1000, 3432: 3400, 9950: 10000,
        58760: 59000,
    }  # fmt: skip
    assert {given: bucket_response_time(given) for given in rounded} == rounded
    assert [proper_round(value) for value in (0.5, 1.5, 2.5, 0.4, 99.99)] == [1, 2, 3, 0, 100]
    assert proper_round(0.005, 2) == 0.01


def test_87_the_median_stays_within_the_bounds():
    entry = StatsEntry(RequestStats(), "median", "GET")
    entry.log(140.0, 0)
    entry.log(99.0, 0)
    entry.log(106.0, 0)
    assert entry.median_response_time == 106.0 or entry.median_response_time == 110
    single = StatsEntry(RequestStats(), "single", "GET")
    single.log(123.4, 0)
    assert single.median_response_time == 123.4
    assert StatsEntry(RequestStats(), "none", "GET").median_response_time == 0


def test_88_current_rates_look_at_the_totals_clock(stats, entry):
    assert entry.current_rps == 0
    second = int(time.time())
    for offset, count in ((-12, 3), (-11, 2), (-3, 4), (-2, 100), (-1, 100)):
        entry.num_reqs_per_sec[second + offset] = count
        entry.num_fail_per_sec[second + offset] = count
    stats.total.start_time = second - 100.5
    stats.total.last_request_timestamp = second + 0.2
    assert entry.current_rps == entry.current_fail_per_sec == 9 / 10
    stats.total.last_request_timestamp = second + 60
    assert entry.current_rps == 0
    stats.total.last_request_timestamp = None
    assert entry.current_rps == entry.total_rps == 0


def test_rates_of_the_whole_run_are_measured_by_the_totals_clock(stats, entry):
    stats.log_request("GET", "other", 1337, 1337)
    other = stats.entries[("other", "GET")]
    other.start_time, other.last_request_timestamp = 2.0, 6.0
    entry.start_time, entry.last_request_timestamp = 1.0, 4.0
    stats.total.start_time, stats.total.last_request_timestamp = 1.0, 6.0
    assert (entry.total_rps, other.total_rps, stats.total.total_rps) == (7 / 5, 1 / 5, 8 / 5)
    assert entry.total_fail_per_sec == 2 / 5


def test_89_none_times_count_as_requests_only(entry):
    assert (entry.num_requests, entry.num_none_requests, entry.num_failures) == (7, 1, 2)
    assert entry.avg_response_time == (45 + 135 + 44 + 601 + 79 + 36) / 6
    assert entry.response_times == {45: 1, 140: 1, 44: 1, 600: 1, 79: 1, 36: 1}
    assert (entry.min_response_time, entry.max_response_time) == (36, 601)
    assert entry.get_response_time_percentile(1.0) == 600
    assert entry.total_content_length == 7
    assert entry.avg_content_length == 1
    assert entry.fail_ratio == 2 / 7
    none = StatsEntry(RequestStats(), "none", "GET")
    none.log(None, 0)
    assert (none.avg_response_time, none.median_response_time) == (0, 0)
    assert none.get_response_time_percentile(0.5) == 0


@pytest.mark.parametrize(
    ("requests", "failures", "ratio"), [(0, 0, 0.0), (0, 3, 1.0), (900, 100, 100 / 900), (1000, 500, 0.5)]
)
def test_the_fail_ratio(requests, failures, ratio):
    entry = StatsEntry(RequestStats(), "name", "GET")
    entry.num_requests, entry.num_failures = requests, failures
    assert entry.fail_ratio == ratio


def test_90_failures_are_grouped_without_memory_addresses():
    class Dummy:
        pass

    stats = RequestStats()
    stats.log_error("GET", "/", Exception(f"Error caused by {Dummy()!r}"))
    stats.log_error("GET", "/", Exception(f"Error caused by {Dummy()!r}"))
    stats.log_error("GET", "/", Exception("another"))
    stats.log_error("POST", "/", Exception("another"))
    assert sorted(error.occurrences for error in stats.errors.values()) == [1, 1, 2]
    assert StatsError.parse_error("<x object at 0x7f1a>") == "<x object at 0x....>"
    assert StatsError.parse_error(ValueError("a")) == "ValueError('a')"
    key = StatsError.create_key("GET", "/", Exception("another"))
    assert key in stats.errors
    assert key != StatsError.create_key("POST", "/", Exception("another"))
    assert len(key) == 64


def test_errors_are_seen_first_and_last():
    before = time.time()
    error = StatsError("GET", "/", "x")
    assert (error.first_seen, error.last_seen, error.occurrences) == (None, None, 0)
    error.occurred()
    first = error.first_seen
    gevent.sleep(0.01)
    error.occurred()
    assert error.occurrences == 2
    assert before <= first == error.first_seen < error.last_seen
    again = StatsError.unserialize(error.serialize())
    assert vars(again) == vars(error)
    assert error.serialize() == {
        "method": "GET", "name": "/", "error": "x", "occurrences": 2, "first_seen": error.first_seen,
        "last_seen": error.last_seen,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("text", "GET /: text"),
        (ValueError("x"), "GET /: ValueError('x')"),
        (CatchResponseError("a b"), "GET /: a b"),
        (None, "GET /: None"),
        ("CatchResponseError('x')", "GET /: 'x'"),
    ],
)
def test_a_failure_in_one_line(error, shown):
    assert StatsError("GET", "/", error).to_name() == shown


def test_91_of_several_reports_the_first_and_the_last_count():
    events, stats = Events(), RequestStats()
    setup_distributed_stats_event_listeners(events, stats)
    for first, last in ((20, 30), (10, 25), (15, 40)):
        theirs = RequestStats()
        theirs.log_error("GET", "/", ValueError("bad"))
        (error,) = theirs.errors.values()
        error.first_seen, error.last_seen = first, last
        data = {
            "stats": theirs.serialize_stats(),
            "stats_total": theirs.total.get_stripped_report(),
            "errors": theirs.serialize_errors(),
        }
        events.worker_report.fire(client_id="a", data=data)
    (error,) = stats.errors.values()
    assert (error.occurrences, error.first_seen, error.last_seen) == (3, 10, 40)


def test_92_the_bucket_function_may_be_replaced(monkeypatch):
    monkeypatch.setattr(locust.stats, "bucket_response_time", lambda response_time: 7 * int(response_time // 7))
    stats = RequestStats()
    stats.log_request("GET", "/", 123.4, 0)
    assert stats.get("/", "GET").response_times == stats.total.response_times == {119: 1}


def test_entries_are_made_when_asked_for(stats):
    assert ("absent", "GET") not in stats.entries
    entry = stats.get("absent", "GET")
    assert entry is stats.entries[("absent", "GET")]
    assert (entry.name, entry.method, entry.num_requests) == ("absent", "GET", 0)
    assert isinstance(stats.entries, dict)
    mine = StatsEntry(stats, "mine", "X")
    assert ("mine", "X") not in stats.entries
    stats.entries[("mine", "X")] = mine
    mine.log(1, 2)
    assert stats.get("mine", "X").num_requests == 1
    del stats.entries[("mine", "X")]
    assert ("mine", "X") not in stats.entries


def test_the_total_sums_up(stats):
    stats.log_request("POST", "other", 5, 10)
    assert (stats.total.name, stats.total.method or "") == ("Aggregated", "")
    assert (stats.num_requests, stats.num_none_requests, stats.num_failures) == (8, 1, 2)
    assert stats.start_time == stats.total.start_time
    assert stats.last_request_timestamp == stats.total.last_request_timestamp
    assert stats.total.total_content_length == 17


def test_every_attribute_of_an_entry_may_be_set():
    entry = StatsEntry(RequestStats(), "/", "GET")
    for name in SERIALIZED[2:]:
        value = {1: 2} if name.endswith(("sec", "times")) else 5
        setattr(entry, name, value)
        assert getattr(entry, name) == value
    assert entry.avg_content_length == 1


def test_reset_begins_again(stats, entry):
    started = entry.start_time
    entry.reset()
    assert (entry.num_requests, entry.num_failures, entry.min_response_time, entry.max_response_time) == (0, 0, None, 0)
    assert entry.last_request_timestamp is None
    assert entry.start_time >= started
    assert not entry.response_times
    entry.log(756, 0)
    entry.log_error(Exception("dummy"))
    assert (entry.num_requests, entry.num_failures, entry.avg_response_time) == (1, 1, 756)
    assert (entry.median_response_time, entry.min_response_time) == (756, 756)


def test_reset_all_keeps_names_and_clear_all_does_not(stats, entry):
    stats.history.append({})
    stats.reset_all()
    assert (stats.total.num_requests, entry.num_requests) == (0, 0)
    assert not stats.errors
    assert not stats.history
    assert ("test_entry", "GET") in stats.entries
    stats.clear_all()
    assert not stats.entries
    stats.log_request("GET", "new", 1, 1)
    assert stats.num_requests == 1


def test_extend_adds_up():
    stats = RequestStats()
    one, other = StatsEntry(stats, "one", "GET"), StatsEntry(stats, "other", "GET")
    one.log(20, 30)
    one.log(10, 40)
    other.log(1000, 5)
    other.log(None, 5)
    other.log_error("x")
    one.start_time = 10
    other.start_time, other.last_request_timestamp = 5, one.last_request_timestamp + 100
    one.extend(other)
    assert (one.num_requests, one.num_none_requests, one.num_failures) == (4, 1, 1)
    assert (one.min_response_time, one.max_response_time, one.total_response_time) == (10, 1000, 1030)
    assert (one.total_content_length, one.start_time) == (80, 5)
    assert one.last_request_timestamp == other.last_request_timestamp
    assert one.response_times == {10: 1, 20: 1, 1000: 1}
    assert sum(one.num_reqs_per_sec.values()) == 4
    assert sum(one.num_fail_per_sec.values()) == 1
    empty = StatsEntry(stats, "empty", "GET")
    empty.extend(StatsEntry(stats, "nothing", "GET"))
    assert (empty.min_response_time, empty.max_response_time, empty.last_request_timestamp) == (None, 0, None)
    empty.extend(one)
    assert empty.min_response_time == 10


def test_an_entry_is_written_and_read(stats, entry):
    data = entry.serialize()
    assert list(data) == SERIALIZED
    again = StatsEntry.unserialize(json.loads(json.dumps(data)), stats)
    assert (again.num_requests, again.num_failures, again.start_time) == (7, 2, entry.start_time)
    again = StatsEntry.unserialize(data, stats)
    assert (again.avg_response_time, again.median_response_time) == (entry.avg_response_time, 79)
    report = entry.get_stripped_report()
    assert report["num_requests"] == 7
    assert entry.num_requests == 0


def test_serialising_empties_the_entries(stats):
    stats.get("unused", "GET")
    rows = stats.serialize_stats()
    assert [row["name"] for row in rows] == ["test_entry"]
    assert rows[0]["num_requests"] == 7
    assert stats.serialize_stats() == []
    errors = stats.serialize_errors()
    assert {error["error"] for error in errors.values()} == {"Exception('one')", "Exception('two')"}
    assert list(errors) == list(stats.errors)


def test_the_dictionary_of_an_entry():
    stats = RequestStats()
    stats.log_request("GET", "<b>", 10.6, 4)
    shown = stats.get("<b>", "GET").to_dict(escape_string_values=True)
    assert shown["name"] == "<b>"
    assert (shown["min_response_time"], shown["max_response_time"], shown["avg_response_time"]) == (11, 11, 10.6)
    assert list(shown) == [
        "method", "name", "num_requests", "num_failures", "min_response_time", "max_response_time", "current_rps",
        "current_fail_per_sec", "avg_response_time", "median_response_time", "total_rps", "total_fail_per_sec",
        "response_time_percentile_0.95", "response_time_percentile_0.99", "avg_content_length",
    ]  # fmt: skip
    assert StatsEntry(stats, "none", "GET").to_dict()["min_response_time"] == 0


def test_current_percentiles_need_the_cache(stats):
    entry = StatsEntry(stats, "/", "GET")
    assert entry.response_times_cache is None
    with pytest.raises(ValueError, match="use_response_times_cache must be set to True"):
        entry.get_current_response_time_percentile(0.95)
    assert RequestStats(use_response_times_cache=False).total.use_response_times_cache is False


def test_current_percentiles_compare_with_ten_seconds_ago(stats):
    entry = StatsEntry(stats, "/", "GET", use_response_times_cache=True)
    second = int(time.time())
    for ago in reversed(range(2, 30)):
        entry.response_times_cache[second - ago] = CachedResponseTimes({}, 0, 0)
    entry.response_times_cache[second - 10] = CachedResponseTimes(
        response_times=dict.fromkeys(range(100), 1), num_requests=200, num_none_requests=0
    )
    # The second may change between here and there.
    entry.response_times_cache[second - 9] = entry.response_times_cache[second - 10]
    entry.response_times = dict.fromkeys(range(100), 2)
    entry.num_requests = 300
    assert entry.get_current_response_time_percentile(0.95) == 95
    entry.response_times_cache = OrderedDict()
    assert entry.get_current_response_time_percentile(0.95) is None


def test_the_cache_keeps_twenty_seconds():
    stats = RequestStats()
    second = int(time.time())
    for ago in reversed(range(2, 30)):
        stats.total.response_times_cache[second - ago] = CachedResponseTimes({}, 0, 0)
    stats.total.num_requests = 3
    stats.total._cache_response_times(second + 5)
    assert len(stats.total.response_times_cache) == 20
    assert stats.total.response_times_cache.popitem(last=True) == (second + 5, CachedResponseTimes({}, 3, 0))


def test_a_new_second_is_cached(monkeypatch):
    entry = StatsEntry(RequestStats(), "/", "GET", use_response_times_cache=True)
    second = int(time.time())
    entry.log(10, 0)
    entry.last_request_timestamp -= 1
    entry.log(11, 0)
    cached = entry.response_times_cache[int(entry.last_request_timestamp) - 1]
    assert (cached.response_times, cached.num_requests) == ({10: 1}, 1)
    assert second <= entry.last_request_timestamp


def test_differences_of_response_times():
    assert diff_response_time_dicts({1: 5, 6: 8}, {1: 5, 6: 3}) == {6: 5}
    assert diff_response_time_dicts({1: 5}, {}) == {1: 5}
    assert diff_response_time_dicts({}, {}) == {}


def test_small_helpers():
    assert get_readable_percentiles([0.5, 0.999, 0.9999, 1.0]) == ["50%", "99.9%", "99.99%", "100%"]
    assert (avg([]), avg([1, 2])) == (0.0, 1.5)
    assert sort_stats({("b", "GET"): 1, ("a", "POST"): 2, ("a", "GET"): 3}) == [3, 2, 1]


# Files


@pytest.fixture
def measured(stats):
    """An environment with these statistics, and a runner without users."""
    environment = Environment()
    environment.stats = stats
    environment.runner = SimpleNamespace(
        user_count=3,
        stats=stats,
        exceptions={1: {"count": 2, "msg": "m", "traceback": "t", "nodes": {"local"}}},
    )
    return environment


class Rows(list):
    """Takes the place of a csv.writer."""

    def writerow(self, row):
        self.append(list(row))

    def writerows(self, rows):
        self.extend(rows)


def test_the_rows_of_a_csv_file(measured):
    writer = StatsCSV(measured, locust.stats.PERCENTILES_TO_REPORT)
    requests, failures, exceptions = Rows(), Rows(), Rows()
    writer.requests_csv(requests)
    writer.failures_csv(failures)
    writer.exceptions_csv(exceptions)
    assert list(requests[0][:11]) == [
        "Type", "Name", "Request Count", "Failure Count", "Median Response Time", "Average Response Time",
        "Min Response Time", "Max Response Time", "Average Content Size", "Requests/s", "Failures/s",
    ]  # fmt: skip
    assert list(requests[0][11:]) == ["50%", "66%", "75%", "80%", "90%", "95%", "98%", "99%", "99.9%", "99.99%", "100%"]
    assert [list(row)[:4] for row in requests[1:]] == [["GET", "test_entry", 7, 2], ["", "Aggregated", 7, 2]]
    assert list(requests[1])[6:9] == [36, 601, 1]
    assert list(requests[1])[11:] == [79, 79, 140, 140, 600, 600, 600, 600, 600, 600, 600]
    assert list(failures[0]) == ["Method", "Name", "Error", "Occurrences", "First Seen", "Last Seen"]
    assert {list(row)[2] for row in failures[1:]} == {"Exception('one')", "Exception('two')"}
    assert list(exceptions[0]) == ["Count", "Message", "Traceback", "Nodes"]
    assert [list(row) for row in exceptions[1:]] == [[2, "m", "t", "local"]]


def test_93_the_history_has_a_row_per_interval(measured, tmp_path, monkeypatch, until):
    monkeypatch.setattr(locust.stats, "CSV_STATS_INTERVAL_SEC", 0.05)
    monkeypatch.setattr(locust.stats, "CSV_STATS_FLUSH_INTERVAL_SEC", 0)
    for full in (False, True):
        prefix = tmp_path / f"full{full}"
        writer = StatsCSVFileWriter(measured, [0.5, 0.9], str(prefix), full)
        greenlet = gevent.spawn(writer)
        path = tmp_path / f"full{full}_stats_history.csv"
        until(lambda path=path: path.read_bytes().count(b"Aggregated") > 2)
        greenlet.kill()
        assert writer.stats_history_file_name() == str(path)
        writer.close_files()
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert {row["Name"] for row in rows} == ({"Aggregated", "test_entry"} if full else {"Aggregated"})
        assert rows[0]["User Count"] == "3"
        assert rows[0]["Timestamp"].isdigit()
        assert rows[0]["Requests/s"] == "0.000000"
        assert list(rows[0]) == [
            "Timestamp", "User Count", "Type", "Name", "Requests/s", "Failures/s", "50%", "90%", "Total Request Count",
            "Total Failure Count", "Total Median Response Time", "Total Average Response Time",
            "Total Min Response Time", "Total Max Response Time", "Total Average Content Size",
        ]  # fmt: skip
        assert (tmp_path / f"full{full}_stats.csv").read_bytes().count(b"\r\n") == 3
        assert (tmp_path / f"full{full}_failures.csv").read_bytes().count(b"\r\n") == 3
        assert (tmp_path / f"full{full}_exceptions.csv").read_bytes().count(b"\r\n") == 2


def test_94_names_are_quoted(measured, tmp_path, monkeypatch, until):
    monkeypatch.setattr(locust.stats, "CSV_STATS_INTERVAL_SEC", 0.05)
    name = 'say "hi", please'
    measured.stats.log_request("GET", name, 1, 1)
    writer = StatsCSVFileWriter(measured, [0.5], str(tmp_path / "out"))
    greenlet = gevent.spawn(writer)
    path = tmp_path / "out_stats.csv"
    until(lambda: b"Aggregated" in path.read_bytes())
    greenlet.kill()
    assert b'GET,"say ""hi"", please",1,0' in path.read_bytes()


# Tables


def test_95_the_tables_have_their_columns(stats):
    stats.log_request("POST", "b" * 5, 9120, 5)
    table = get_stats_summary(stats, current=False)
    assert len(table) == 6
    assert table[0].split() == [
        "Type", "Name", "#", "reqs", "#", "fails", "|", "Avg", "Min", "Max", "Med", "|", "req/s", "failures/s",
    ]  # fmt: skip
    assert table[1] == table[4]
    assert set(table[1]) == {"-", "|"}
    assert table[1].count("|") == 9
    assert table[2].split()[:2] == ["POST", "bbbbb"]
    assert table[3].split()[:4] == ["GET", "test_entry", "7", "2(28.57%)"]
    assert table[5].split()[0] == "Aggregated"
    percentiles = get_percentile_stats_summary(stats)
    assert percentiles[0] == "Response time percentiles (approximated)"
    assert len(percentiles) == 7
    assert percentiles[1].split()[2:] == [*get_readable_percentiles(locust.stats.PERCENTILES_TO_REPORT), "#", "reqs"]
    assert percentiles[4].split()[-1] == "7"
    errors = get_error_report_summary(stats)
    assert errors[0] == "Error report"
    assert errors[-1] == ""
    assert errors[3].split()[0] == "1"
    assert errors[3].rstrip().endswith("GET test_entry: Exception('one')")


def test_the_tables_follow_the_modules_constants(stats, monkeypatch):
    monkeypatch.setattr(locust.stats, "STATS_NAME_WIDTH", 20)
    monkeypatch.setattr(locust.stats, "STATS_TYPE_WIDTH", 5)
    monkeypatch.setattr(locust.stats, "PERCENTILES_TO_REPORT", [0.5, 0.999])
    assert get_stats_summary(stats)[1].startswith("-----|-------------------|-------|")
    assert get_percentile_stats_summary(stats)[1:4] == [
        "Type  Name                      50%  99.9% # reqs",
        "-----|--------------------|--------|------|------",
        "GET   test_entry                 79    600      7",
    ]


def test_a_line_of_a_table(entry):
    assert entry.to_string(current=False).split()[:4] == ["GET", "test_entry", "7", "2(28.57%)"]
    assert str(entry).split()[:2] == ["GET", "test_entry"]
    assert entry.percentile().split()[:3] == ["GET", "test_entry", "79"]
    with pytest.raises(ValueError, match="Can't calculate percentile on url with no successful requests"):
        StatsEntry(RequestStats(), "q", "GET").percentile()


def test_nothing_is_printed_of_no_failures(stats, caplog):
    logger = logging.getLogger("locust.stats_logger")
    logger.propagate = True
    with caplog.at_level(logging.INFO, "locust.stats_logger"):
        locust.stats.print_error_report(RequestStats())
        assert not caplog.records
        locust.stats.print_stats(stats)
        locust.stats.print_percentile_stats(stats)
        locust.stats.print_error_report(stats)
    lines = [record.getMessage() for record in caplog.records]
    assert sum(line.startswith("Type") for line in lines) == 2
    assert "Error report" in lines
    assert lines[-1] == ""


def test_96_json_empties_the_statistics(stats, capsys, tmp_path):
    locust.stats.print_stats_json(stats)
    text = capsys.readouterr().out
    rows = json.loads(text)
    assert text.startswith('[\n    {\n        "name": "test_entry"')
    assert list(rows[0]) == SERIALIZED
    assert rows[0]["response_times"] == {"45": 1, "140": 1, "44": 1, "600": 1, "79": 1, "36": 1}
    locust.stats.save_stats_json(stats, str(tmp_path / "out"))
    assert json.loads((tmp_path / "out.json").read_text()) == []


def test_99_percentiles_are_checked(monkeypatch, capsys):
    validate_stats_configuration()
    for name, value in (
        ("PERCENTILES_TO_CHART", [0.5, 1.2]),
        ("PERCENTILES_TO_CHART", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),
        ("PERCENTILES_TO_CHART", [0.5, 1]),
        ("PERCENTILES_TO_STATISTICS", [0.0]),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(locust.stats, name, value)
            with pytest.raises(SystemExit) as ended:
                validate_stats_configuration()
        assert ended.value.code == 1
        assert name in capsys.readouterr().err


# A run's


class Reporter(User):
    wait_time = constant(10)

    @task
    def report(self):
        fire = self.environment.events.request.fire
        fire(request_type="X", name="one", response_time=12.5, response_length=3, context={}, exception=None)
        fire(request_type="X", name="one", response_time=None, response_length=0, context={}, exception=ValueError("v"))


def test_a_runs_statistics_are_read_at_once(run_with, until):
    runner = run_with(Reporter)
    stats = runner.environment.stats
    assert stats is runner.stats
    total = stats.total
    runner.start(1, 1)
    until(lambda: stats.num_requests == 2)
    entry = stats.entries[("one", "X")]
    assert (entry.num_requests, entry.num_none_requests, entry.num_failures) == (2, 1, 1)
    assert (entry.avg_response_time, entry.median_response_time, entry.total_content_length) == (12.5, 12.5, 3)
    runner.environment.events.request.fire(
        request_type="X", name="one", response_time=8, response_length=1, exception=None, context={}
    )
    assert entry.num_requests == stats.get("one", "X").num_requests == 3
    stats.log_request("X", "two", 3, 4)
    assert stats.num_requests == 4
    assert set(stats.entries) == {("one", "X"), ("two", "X")}
    [error] = stats.errors.values()
    assert (error.method, error.name, error.occurrences) == ("X", "one", 1)
    assert repr(error.error) == "ValueError('v')"
    assert StatsError.create_key("X", "one", ValueError("v")) in runner.errors
    assert not math.isnan(stats.total.total_rps)
    assert total.name == "Aggregated"
    assert [row["name"] for row in stats.serialize_stats()] == ["one", "two"]
    assert stats.get("one", "X").num_requests == 0


def test_statistics_stay_when_another_environment_runs(run_with, until):
    first = run_with(Reporter)
    first.start(1, 1)
    until(lambda: first.stats.num_requests == 2)
    first.quit()
    second = run_with(Reporter)
    second.start(1, 1)
    until(lambda: second.stats.num_requests == 2)
    second.stats.log_request("Y", "more", 1, 1)
    assert first.stats.num_requests == 2
    assert first.stats.get("one", "X").num_failures == 1
    assert list(first.stats.entries) == [("one", "X")]
    assert [error.occurrences for error in first.stats.errors.values()] == [1]
    first.stats.log_request("Z", "after", 1, 1)
    assert (first.stats.num_requests, second.stats.num_requests) == (3, 3)


def test_what_was_logged_before_there_is_a_runner_is_kept(run_with):
    environment = Environment()
    environment.stats.log_request("GET", "early", 5, 1)
    total, entry = environment.stats.total, environment.stats.get("early", "GET")
    runner = environment.create_local_runner()
    try:
        assert (total.num_requests, entry.num_requests) == (1, 1)
        environment.stats.log_request("GET", "early", 5, 1)
        assert (total.num_requests, entry.num_requests) == (2, 2)
    finally:
        runner.quit()


def test_the_history_of_a_run(run_with, until):
    runner = run_with(Reporter)
    runner.start(1, 1)
    until(lambda: runner.stats.num_requests == 2)
    locust.stats.update_stats_history(runner)
    locust.stats.update_stats_history(runner, "2024-01-01T00:00:00Z")
    first, second = runner.stats.history
    assert set(first) == {
        "time", "user_count", "current_rps", "current_fail_per_sec", "total_avg_response_time",
        "response_time_percentile_0.5", "response_time_percentile_0.95",
    }  # fmt: skip
    assert first["user_count"] == [first["time"], 1]
    assert second["total_avg_response_time"] == ["2024-01-01T00:00:00Z", 12.5]
