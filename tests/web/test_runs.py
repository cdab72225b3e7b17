"""Runs that are kept: listed by the next process, counted over any stretch, and there after a kill."""

import signal

from tests.web.conftest import Site

BUSY = """
from locust import HttpUser, constant, events, task

class Visitor(HttpUser):
    wait_time = constant(0.01)

    @task
    def front_page(self):
        self.client.get("/")

    @task
    def missing(self):
        self.client.get("/status/404", name="/missing")
"""


def total(site: Site, run: str, start: int = 0, end: int = 1 << 40) -> dict:
    return site.get(f"/api/v1/runs/{run}/window?from={start}&to={end}").json()


def test_a_run_is_counted_as_the_target_counts_and_its_windows_add_up(serve, target, tmp_path):
    site = serve("-H", target.url, "--store", tmp_path / "runs.db", head=BUSY)
    assert site.post("/api/v1/start", json={"users": 3, "spawn_rate": 3}).status_code == 200
    while len(site.get("/api/v1/snapshot").json()["points"]) < 4:
        pass
    assert site.post("/api/v1/stop", json={"mode": "now"}).json()["ok"] is True
    truth = target.truth()
    while total(site, "current")["total"][1] < truth["total"]:
        pass
    whole = total(site, "current")
    assert whole["total"][1] == truth["total"]
    assert whole["total"][2] == truth["by_path"]["GET /status/404"] == whole["errors"][0]["count"]
    assert sorted(name[1:] for name in whole["names"]) == [["GET", "/"], ["GET", "/missing"]]
    seconds = [point[0] for point in site.get("/api/v1/snapshot").json()["points"]]
    parts = [total(site, "current", t, t + 1)["total"] for t in range(seconds[0], seconds[-1] + 2)]
    assert sum(part[1] for part in parts) == truth["total"]
    assert max(part[10] or 0 for part in parts) == whole["total"][10]
    # The documents of the live page, of the store: of all of it and of a stretch.
    live = site.get("/api/v1/snapshot").json()
    kept = site.get("/api/v1/runs/current/snapshot").json()
    assert kept["total"][1:3] + kept["total"][5:8] == live["total"][1:3] + live["total"][5:8]
    # A second in which nothing was answered yet may stand in one of them and not in the other.
    counts = [[point[:3] for point in document["points"] if point[1] + point[2]] for document in (kept, live)]
    assert counts[0] == counts[1]
    first, end = kept["span"]
    part = site.get(f"/api/v1/runs/current/snapshot?from={first + 1}&to={end - 1}").json()
    inside = [point for point in kept["points"] if first < point[0] < end - 1]
    assert part["points"] == inside
    assert part["total"][1] == sum(point[1] + point[2] for point in inside)
    assert site.get("/api/v1/runs/current/endpoints/99").status_code == 404
    for wrong in ("current/snapshot?from=5&to=5", "current/heat?from=9&to=3", "current/errors?from=x"):
        assert site.get(f"/api/v1/runs/{wrong}").status_code == 400, wrong
    for wrong in ("current/window", "current/window?from=5&to=5", "current/window?from=x&to=y"):
        refused = site.get(f"/api/v1/runs/{wrong}")
        assert refused.status_code == 400, wrong
        assert refused.json()["error"]["message"], wrong
    refused = site.get("/api/v1/compare?before=one")
    assert (refused.status_code, refused.json()["error"]["message"]) == (400, "missing field `after`")
    assert site.get("/api/v1/runs/nothing/window?from=1&to=2").status_code == 404
    assert site.running.end(signal.SIGINT) == 1
    assert target.truth()["total"] == truth["total"]


def test_a_run_that_was_killed_is_there_up_to_its_last_seconds(serve, target, tmp_path):
    store = tmp_path / "runs.db"
    site = serve("-H", target.url, "--store", store, head=BUSY)
    assert site.post("/api/v1/start", json={"users": 3, "spawn_rate": 3}).status_code == 200
    points = []
    while len(points) < 5:
        points = site.get("/api/v1/snapshot").json()["points"]
    run = next(run for run in site.get("/api/v1/runs").json()["runs"] if run["is_current"])
    site.running.process.kill()
    site.running.process.communicate()

    again = serve("-H", target.url, "--store", store, head=BUSY)
    listed = again.get("/api/v1/runs").json()["runs"]
    assert [(each["id"], each["is_current"]) for each in listed] == [(run["id"], False)]
    assert listed[0]["about"]["user_classes"] == ["Visitor"]
    # At most the last two of the seconds that were shown are missing.
    counted = {
        t: total(again, run["id"], t, t + 1)["total"][1] for t in range(int(points[0][0]), int(points[-3][0]) + 1)
    }
    assert counted == {point[0]: point[1] + point[2] for point in points[:-2]}
    again.end()


def test_a_store_that_cannot_be_used_is_told_and_the_run_goes_on(serve, target, tmp_path):
    broken = tmp_path / "runs.db"
    broken.write_text("these are notes and no store" * 100)
    site = serve("-H", target.url, "--store", broken, head=BUSY)
    assert "it is left as it is" in site.running.log
    assert site.post("/api/v1/start", json={"users": 1, "spawn_rate": 1}).status_code == 200
    answer = site.get("/api/v1/runs")
    assert (answer.status_code, "--no-store" in answer.text) == (404, True)
    assert broken.read_text().startswith("these are notes")
    while target.truth()["total"] < 5:
        pass
    assert site.running.end(signal.SIGINT) == 1


def test_kept_runs_are_pinned_deleted_and_compared_by_commands(serve, target):
    site = serve("-H", target.url, head=BUSY)
    ids = []
    for _ in range(2):
        site.post("/api/v1/start", json={"users": 2, "spawn_rate": 10})
        while site.get("/api/v1/snapshot").json()["total"][1] < 20:
            pass
        site.post("/api/v1/stop", json={"mode": "now"})
        kept = site.get("/api/v1/runs").json()["runs"]
        while not kept or kept[0]["state"] != "finished" or kept[0]["id"] in ids:
            kept = site.get("/api/v1/runs").json()["runs"]
        ids.append(kept[0]["id"])
    before, after = ids
    assert kept[0]["result"] == "finished"
    assert kept[0]["total"]["row"][1] >= 20
    found = site.get(f"/api/v1/compare?before={before}&after={after}").json()
    assert (found["before"]["id"], found["after"]["id"], found["verdict"]) == (before, after, "unknown")
    assert [entry["name"] for entry in found["entries"]] == ["/", "/missing"]
    assert site.get(f"/api/v1/compare?before={before}&after=none").status_code == 404

    def pinned():
        return {run["id"]: run["is_pinned"] for run in site.get("/api/v1/runs").json()["runs"]}

    assert site.post(f"/api/v1/runs/{before}/pin", json={}).json() == {"ok": True}
    assert pinned()[before] is True
    assert site.post(f"/api/v1/runs/{before}/unpin", json={}).status_code == 200
    assert pinned()[before] is False
    assert site.post(f"/api/v1/runs/{before}/shred", json={}).status_code == 404
    assert site.post("/api/v1/runs/none/delete", json={}).status_code == 404
    foreign = {"Origin": "http://elsewhere.example"}
    assert site.post(f"/api/v1/runs/{before}/delete", json={}, headers=foreign).status_code == 403

    # What people say about a run; one of a script's runs is the baseline.
    def label(run, **wanted):
        return site.post(f"/api/v1/runs/{run}/label", json=wanted)

    def said(run):
        return {each["id"]: each for each in site.get("/api/v1/runs").json()["runs"]}[run]

    assert label(before, title=" A <b>name</b> ", tags=["release", ""], baseline=True).status_code == 200
    assert label(before, notes="a note").status_code == 200
    assert [said(before)[each] for each in ("title", "notes", "tags")] == ["A <b>name</b>", "a note", ["release"]]
    assert said(after)["baseline"] == said(before)["baseline"] == before
    assert site.get(f"/api/v1/runs/{after}/snapshot").json()["kept"]["baseline"] == before
    assert label(after, baseline=True).status_code == 200
    assert said(before)["baseline"] == after
    for wrong in ({"title": 1}, {"tags": "x"}, {"title": "x" * 201}, {"notes": "x" * 10_001}, {"tags": ["x"] * 21}):
        assert label(before, **wrong).status_code in (400, 422), wrong
    assert label("none", title="x").status_code == 404

    # To a file and back, with nothing lost.
    file = site.get(f"/api/v1/runs/{before}/file")
    assert file.headers["content-disposition"] == f'attachment; filename="{before}.run"'
    documents = ("snapshot", "heat", "errors", "errors/course", "endpoints/-1", "endpoints/0")

    def answers():
        return [site.get(f"/api/v1/runs/{before}/{each}").json() for each in documents]

    was = answers()
    kind = {"Content-Type": "application/vnd.sqlite3"}

    def take(data, **headers):
        return site.post("/api/v1/runs/import", data=data, headers=kind | headers)

    assert take(file.content).status_code == 409
    assert site.post(f"/api/v1/runs/{before}/delete", json={}).status_code == 200
    assert before not in pinned()
    assert site.get(f"/api/v1/runs/{before}/snapshot").status_code == 404
    assert take(file.content, Origin="http://elsewhere.example").status_code == 403
    assert take(file.content, **{"Content-Type": "text/plain"}).status_code == 415
    half = len(file.content) // 2
    for harmed in (b"", b"no run", file.content[:half], file.content[:half] + b"\0" * half):
        refused = take(harmed)
        assert (refused.status_code, "nothing was imported" in refused.text) == (422, True)
    assert before not in pinned()
    assert take(file.content).json() == {"ok": True, "runs": [before]}
    assert answers() == was
    site.post("/api/v1/start", json={"users": 1, "spawn_rate": 1})
    while site.get("/api/v1/runs").json()["runs"][0]["state"] != "running":
        pass
    under_way = site.get("/api/v1/runs").json()["runs"][0]["id"]
    assert site.post(f"/api/v1/runs/{under_way}/delete", json={}).status_code == 409
