"""Test functions of pytest as users, where a script has no user class."""
# args: --headless -u 2 -r 2 -t 1s -H {target} -L WARNING

import time

done = []


def enough(name):
    """Whether a function has been called often enough; then it waits for the end of the test."""
    done.append(name)
    if done.count(name) > 3:
        time.sleep(100)


def test_reading(session):
    enough("reading")
    assert session.get("/items").status_code == 200
    session.get("/status/404", name="lost").raise_for_status()


def test_buying(fastsession):
    enough("buying")
    with fastsession.get("/item/7", name="bought", catch_response=True) as response:
        response.failure("sold out")
