"""Statistics filled by hand: counts, percentiles, rounding, errors, serialisation."""
# run: python

from locust.env import Environment
from locust.exception import CatchResponseError

from watch import say

environment = Environment()
stats = environment.stats
for time in (0.4, 1.5, 2.5, 99.6, 104, 105, 115, 147, 995, 3432, 9950, 58760):
    stats.log_request("GET", "/a", time, 10)
stats.log_request("GET", "/none", None, 5)
stats.log_request("POST", "/b", 20, 0)
stats.log_error("POST", "/b", "text")
stats.log_error("POST", "/b", ValueError("an error"))
stats.log_error("POST", "/b", ValueError("an error"))
stats.log_error("POST", "/b", CatchResponseError("caught"))
stats.log_error("POST", "/b", Exception(object()))
stats.log_error("POST", "/b", Exception(object()))


def show(entry):
    say(
        name=entry.name,
        method=entry.method,
        requests=entry.num_requests,
        none=entry.num_none_requests,
        failures=entry.num_failures,
        ratio=entry.fail_ratio,
        total=entry.total_response_time,
        least=entry.min_response_time,
        most=entry.max_response_time,
        average=entry.avg_response_time,
        median=entry.median_response_time,
        length=entry.avg_content_length,
        content=entry.total_content_length,
        times=sorted(entry.response_times.items()),
        percentiles=[entry.get_response_time_percentile(p) for p in (0.5, 0.66, 0.95, 0.99, 1.0)],
    )


for key in (("/a", "GET"), ("/none", "GET"), ("/b", "POST")):
    show(stats.get(*key))
show(stats.total)
say(
    requests=stats.num_requests,
    none=stats.num_none_requests,
    failures=stats.num_failures,
    entries=sorted(stats.entries),
)
for error in stats.errors.values():
    name = error.to_name()
    say(method=error.method, name=error.name, occurrences=error.occurrences, shown=name.replace("\n", " ")[:60])
say(keys=sorted(error.to_dict()))
say(dict=sorted(stats.get("/a", "GET").to_dict()))
serialized = stats.get("/a", "GET").serialize()
say(keys=sorted(serialized), name=serialized["name"], count=serialized["num_requests"])
say(all=sorted(entry["name"] for entry in stats.serialize_stats()), errors=len(stats.serialize_errors()))
stats.reset_all()
say(reset=stats.total.num_requests, entries=len(stats.entries), errors=len(stats.errors))
stats.clear_all()
say(cleared=len(stats.entries), history=stats.history)
