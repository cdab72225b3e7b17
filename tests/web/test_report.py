"""The report as a file, and settings of user classes on the command line."""

import json

import pytest

SCRIPT = """
from locust import User, constant, events, task

class Counting(User):
    wait_time = constant(0.01)
    host = "http://127.0.0.1:9"
    step = 1

    @task
    def count(self):
        request = {"request_type": "GET", "name": "</script>", "response_time": 10 * self.step, "response_length": 5}
        self.environment.events.request.fire(**request, exception=None, context={})
        self.environment.runner.quit()

    @task(2)
    def never(self):
        raise AssertionError("not to be run")
"""

CONFIG = json.dumps({"user_class_name": "Counting", "tasks": ["count"], "step": 4})


def test_110_the_report_is_written_and_its_name_tells_of_the_run(katydid, tmp_path):
    options = ["--headless", "-u", 2, "-r", "2.5", "-t", "1m", "--config-users", CONFIG]
    ended = katydid(*options, "--html", "made/report_{u}_{r}_{t}.html", script=SCRIPT)
    assert ended.returncode == 0, ended.stderr
    [report] = (tmp_path / "made").iterdir()
    assert report.name == "report_2_2.5_60.html"
    text = report.read_text()
    args = json.loads(text.split("window.templateArgs = ")[1].split("; window.theme")[0])
    assert args["is_report"] is True
    assert args["requests_statistics"][0]["name"] == "</script>"
    assert args["requests_statistics"][0]["max_response_time"] == 40
    assert args["show_download_link"] is False
    assert "Keep this report" not in text
    assert "&lt;/script&gt;" in text
    # Three scripts of the report itself.
    assert text.count("</script>") == 3


def test_110_a_report_that_cannot_be_written_is_told(katydid, tmp_path):
    (tmp_path / "file").write_text("")
    ended = katydid("--headless", "--config-users", CONFIG, "--html", "file/report.html", script=SCRIPT)
    assert "Could not write file/report.html: Not a directory" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("config", "code", "message"),
    [
        ("{", 2, "The --config-users argument must be a valid JSON string or file"),
        ('{"weight": 1}', 2, "The user config must specify a user_class_name"),
        ("missing.json", 2, "missing.json"),
        ('{"user_class_name": "Nobody"}', 255, "a User not present in your locustfile: 'Nobody'"),
    ],
)
def test_settings_of_users_that_make_no_sense_are_refused(katydid, config, code, message):
    ended = katydid("--headless", "--config-users", config, script=SCRIPT)
    assert (ended.returncode, "Traceback" in ended.stderr) == (code, False)
    assert message in ended.stderr


def test_settings_of_users_may_come_from_a_file(katydid, tmp_path):
    (tmp_path / "users.json").write_text(f"[{CONFIG}]")
    ended = katydid("--headless", "--config-users", "users.json", "--html", "report.html", script=SCRIPT)
    assert ended.returncode == 0, ended.stderr
