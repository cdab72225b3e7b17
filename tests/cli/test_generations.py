"""The same script in both generations of the API, and the target's own count of what it did."""

import collections

import pytest

OLD = """
from locust import HttpLocust, TaskSet, task, between

class Test(TaskSet):
    def on_start(self):
        signup_data = {"account": "a", "password": "123456", "password_confirm": "123456"}
        signup_header = {"Authorization": r"Bearer tester", "Content-Type": "application/x-www-form-urlencoded"}
        signup_response = self.client.post("/api/test/testForSignup", data=signup_data, headers=signup_header)
        print(signup_response.text)

    @task(1)
    def get_timeline_page(self):
        get_header = {"Authorization": r"Bearer tester", "Accept-Language": r"test"}
        timeline_page_response = self.client.get("/api/test/timelinePage", headers=get_header)
        print(timeline_page_response.text)

    @task(2)
    def get_mypage(self):
        get_header = {"Authorization": r"Bearer tester", "Accept-Language": r"test"}
        mypage_response = self.client.get("/api/test/mypage", headers=get_header)
        print(mypage_response.text)

class WebSiteUser(HttpLocust):
    task_set = Test
    wait_time = between(1, 3)
    host = ''
"""

NEW = OLD.replace("HttpLocust", "HttpUser").replace("task_set = Test", "tasks = [Test]")

SIGNUP, TIMELINE, MYPAGE = "POST /api/test/testForSignup", "GET /api/test/timelinePage", "GET /api/test/mypage"


@pytest.mark.parametrize("text", [OLD, NEW], ids=["0.14", "2.47"])
def test_the_counts_are_the_targets_own(katydid, locustfile, target, table, text):
    done = katydid("-f", locustfile(text), "--no-web", "-c", 10, "-r", 5, "-t", "6s", "-H", target.url)
    assert done.returncode == 0
    assert done.stderr.count("Traceback") == 0
    counts = target.truth()["by_path"]
    rows = table(done.stderr)
    assert {name: requests for name, (requests, _) in rows.items() if name != "Aggregated"} == counts
    assert rows["Aggregated"] == (sum(counts.values()), 0)
    assert set(counts) == {SIGNUP, TIMELINE, MYPAGE}
    # Every user starts once; what each task printed shows that its response came.
    assert counts[SIGNUP] == 10
    printed = collections.Counter("posts" in line for line in done.stdout.splitlines())
    assert printed[True] == counts[TIMELINE]
    assert printed.total() == sum(counts.values())
    # 10 users, 6 s, waits of 1 to 3 s: from 2 to 6 tasks each.
    assert 20 <= counts[TIMELINE] + counts[MYPAGE] <= 60


def test_the_tasks_come_two_to_one(katydid, locustfile, target):
    eager = OLD.replace("between(1, 3)", "lambda self: 0.001")
    done = katydid(
        "-f", locustfile(eager), "--no-web", "-c", 10, "-r", 10, "-t", "2s", "-H", target.url, "--only-summary"
    )
    assert done.returncode == 0
    counts = target.truth()["by_path"]
    # Thousands of tasks, so a share of two thirds is within a few hundredths.
    assert counts[MYPAGE] / (counts[MYPAGE] + counts[TIMELINE]) == pytest.approx(2 / 3, abs=0.05)


def test_an_old_script_with_everything_old(katydid, locustfile, target):
    path = locustfile(
        """
        from locust import HttpLocust, Locust, TaskSequence, TaskSet, events, seq_task, task
        from locust import runners, web, stats
        from locust.core import NoClientWarningRaiser

        ended = []

        class Steps(TaskSequence):
            def setup(self):
                print("setup")

            @seq_task(2)
            def second(self):
                self.client.get("/item/2")
                if not ended:
                    ended.append(1)
                    print("requests", runners.locust_runner.stats.total.num_requests >= 2)
                    runners.locust_runner.quit()

            @seq_task(1)
            @task(2)
            def first(self):
                self.client.get("/item/1")

        class Buyer(HttpLocust):
            task_set = Steps
            min_wait = 1
            max_wait = 2

        def success(request_type, name, response_time, response_length):
            counts[name] = counts.get(name, 0) + 1

        def hatched(user_count):
            print("hatched", user_count)

        def leaving():
            print("counts", counts)

        counts = {}
        events.request_success += success
        events.hatch_complete += hatched
        events.quitting += leaving
        """
    )
    done = katydid("-f", path, "--no-web", "-c", 1, "-H", target.url, "--only-summary")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()[:2]) == ["hatched 1", "setup"]
    assert done.stdout.splitlines()[2:] == ["requests True", "counts {'/item/1': 2, '/item/2': 1}"]
    assert target.truth()["by_path"] == {"GET /item/1": 2, "GET /item/2": 1}
