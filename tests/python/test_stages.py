"""Load in stages, on the command line."""

from __future__ import annotations

import pytest

from katydid.stages import Stage, Stages, parse

SCRIPT = """
from locust import User, constant, task

class Visitor(User):
    wait_time = constant(0.1)

    @task
    def rest(self):
        pass
"""


def test_stages_are_read_and_what_is_wrong_is_said():
    assert parse("30s:10, 1m30s:10,5:0") == [Stage(30, 10), Stage(90, 10), Stage(5, 0)]
    for wrong, why in [
        ("", "no stage with users"),
        ("30s:0", "no stage with users"),
        ("30s", "'30s' is no stage; write its time and its users"),
        ("soon:10", "'soon:10' is no stage"),
        ("0s:10", "at least 1s"),
        ("10s:-1", "0 or more users"),
    ]:
        with pytest.raises(ValueError, match=why):
            parse(wrong)


def test_each_stage_leads_to_its_users_within_its_time(monkeypatch):
    shape = Stages(parse("10s:20,5s:20,4s:0"))
    ticks = {}
    for second in (0, 9.9, 10, 15, 18.9, 19):
        monkeypatch.setattr(shape, "get_run_time", lambda second=second: second)
        ticks[second] = shape.tick()
    assert ticks == {
        0: (20, 2, None),
        9.9: (20, 2, None),
        10: (20, 1, None),
        15: (0, 5, None),
        18.9: (0, 5, None),
        19: None,
    }


def test_a_run_goes_through_its_stages_and_ends(katydid):
    done = katydid("--headless", "--stages", "1s:4,1s:4,1s:0", script=SCRIPT)
    assert done.returncode == 0, done.stderr
    assert "Shape test updating to 4 users at 4.00 spawn rate" in done.stderr
    assert "Shape test updating to 0 users at 4.00 spawn rate" in done.stderr
    assert "Shape test completed, shutting down" in done.stderr


def test_stages_that_are_none_or_one_too_many_are_refused(katydid):
    done = katydid("--headless", "--stages", "soon:4", script=SCRIPT)
    assert done.returncode == 2
    assert "'soon:4' is no stage; write its time and its users, as in 30s:10" in done.stderr
    shaped = (
        SCRIPT
        + """
from locust import LoadTestShape

class Peak(LoadTestShape):
    def tick(self):
        return None
"""
    )
    done = katydid("--headless", "--stages", "1s:4", script=shaped)
    assert done.returncode == 1
    assert "The script has a load shape, Peak: it or --stages, not both" in done.stderr
