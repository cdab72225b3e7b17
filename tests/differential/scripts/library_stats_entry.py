"""StatsEntry, StatsError and the functions of locust.stats used on their own."""
# run: python

from locust import stats as module
from locust.stats import RequestStats, StatsEntry, StatsError
from locust.util.rounding import proper_round

from watch import say

stats = RequestStats()
entry = StatsEntry(stats, "mine", "X")
for time in (1, 2, 3, 4, 50, 100):
    entry.log(time, 7)
entry.log_error("oops")
other = StatsEntry(stats, "mine", "X")
other.log(1000, 1)
other.log(None, 1)
entry.extend(other)
say(
    requests=entry.num_requests, none=entry.num_none_requests, failures=entry.num_failures, most=entry.max_response_time
)
say(p=[entry.get_response_time_percentile(p) for p in (0.1, 0.5, 0.9, 1.0)], median=entry.median_response_time)
again = StatsEntry.unserialize(entry.serialize(), stats)
say(again=again.num_requests, times=sorted(again.response_times.items()), total=again.total_response_time)
entry.reset()
say(reset=entry.num_requests, least=entry.min_response_time, most=entry.max_response_time)
error = StatsError("GET", "/x", "boom", 3)
say(name=error.to_name(), key=StatsError.create_key("GET", "/x", "boom") == StatsError.create_key("GET", "/x", "boom"))
say(parsed=StatsError.parse_error(ValueError("a <object object at 0x7f00>")))
for value in (0.5, 1.5, 2.5, -0.5, 1.25):
    say(value=value, rounded=proper_round(value))
say(bucket=[module.bucket_response_time(time) for time in (0.4, 2.5, 99.6, 105, 995, 9950, 58760)])
say(percentile=[module.calculate_response_time_percentile({10: 1, 20: 2, 30: 1}, 4, p) for p in (0.0, 0.5, 0.9, 1.0)])
say(diff=module.diff_response_time_dicts({1: 5, 2: 2}, {1: 3, 2: 2}))
say(readable=module.get_readable_percentiles([0.5, 0.95, 0.999, 1.0]))
say(report=module.PERCENTILES_TO_REPORT, console=module.CONSOLE_STATS_INTERVAL_SEC, csv=module.CSV_STATS_INTERVAL_SEC)
say(sorted=[item.name for item in module.sort_stats({("b", "G"): again, ("a", "G"): StatsEntry(stats, "a", "G")})])
