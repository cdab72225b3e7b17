"""Helpers that scripts import: timespans, dates, URLs, caches, ratios."""
# run: python

from locust import TaskSet, User, task
from locust.user.inspectuser import get_ratio, print_task_ratio, print_task_ratio_json
from locust.util.date import format_duration, format_utc_timestamp
from locust.util.timespan import parse_timespan
from locust.util.url import is_url

from watch import say

for text in ("10", "10s", "3m", "2h", "1h30m10s", "1m1h", "1.5s", "x", ""):
    try:
        say(text=text, seconds=parse_timespan(text))
    except ValueError as error:
        say(text=text, error=type(error).__name__)
for url in ("http://a", "https://a/b", "a.py", "ftp://a", "http://"):
    say(url=url, is_url=is_url(url))
say(utc=format_utc_timestamp(0.9), duration=[format_duration(0, n) for n in (0, 1, 61, 3600, 90061, 172800)])


class One(User):
    weight = 3

    @task(2)
    def a(self):
        pass

    @task
    class Inner(TaskSet):
        @task
        def b(self):
            pass


class Two(User):
    fixed_count = 1

    @task
    def c(self):
        pass


say(ratio=get_ratio([One, Two], {"One": 3, "Two": 1}, True))
print_task_ratio([One, Two], 5, False)
print_task_ratio([One, Two], 5, True)
print_task_ratio_json([One, Two], 5)
