"""Test functions of pytest as users, where a script has no user class."""
# args: --headless -u 2 -r 2 -H {target} -L WARNING

import time

import gevent

done = []


def enough(name, session):
    """Whether a function has been called often enough; when both have, the test ends."""
    done.append(name)
    if done.count(name) > 3:
        if min(done.count("reading"), done.count("buying")) > 3:
            gevent.spawn(session.user.environment.runner.quit)
        time.sleep(100)


def test_reading(session):
    enough("reading", session)
    assert session.get("/items").status_code == 200
    session.get("/status/404", name="lost").raise_for_status()


def test_buying(fastsession):
    enough("buying", fastsession)
    with fastsession.get("/item/7", name="bought", catch_response=True) as response:
        response.failure("sold out")
