"""What scripts can reach under `locust` is there, and takes the same arguments; what is left out has its reason."""

import json
import os
import subprocess
import sys

from compare import AS_LOCUST, LOCUST, SUPPORT

ENGINES = "a loop of Locust's runners, which the engine runs here"
SOCKETS = "geventhttpclient's own, below what Locust documents"
LOCUSTS = "a name that a module of Locust needs for itself"

LEFT_OUT = {
    ENGINES: """
locust.runners.Runner monitor_cpu_and_memory shape_worker
locust.runners.LocalRunner monitor_cpu_and_memory shape_worker
locust.runners.DistributedRunner monitor_cpu_and_memory shape_worker
locust.runners.MasterRunner check_stopped client_listener handle_message heartbeat_worker monitor_cpu_and_memory
locust.runners.MasterRunner reset_connection shape_worker
locust.runners.WorkerRunner connect_to_master handle_message heartbeat heartbeat_timeout_checker logs_reporter
locust.runners.WorkerRunner monitor_cpu_and_memory reset_connection shape_worker spawning_complete stats_reporter worker
a runner: monitor_cpu_and_memory shape_worker
""",
    SOCKETS: """
locust.contrib.fasthttp.ErrorResponse isclosed unzipped
locust.contrib.fasthttp.FastResponse isclosed unzipped
locust.contrib.fasthttp.ResponseContextManager isclosed unzipped
locust.contrib.fasthttp.RestResponseContextManager isclosed unzipped
locust.contrib.fasthttp.LocustUserAgent download
locust.contrib.fasthttp.FastRequest add_unredirected_header get_origin_req_host has_proxy is_unverifiable
locust.contrib.fasthttp.FastRequest redirect remove_header set_proxy set_url
a fast request: add_unredirected_header get_origin_req_host has_proxy is_unverifiable original_host original_origin
a fast request: redirect remove_header set_proxy set_url unredirected_hdrs url_split
a fast response: isclosed unzipped
a caught fast response: isclosed unzipped
no fast response: isclosed unzipped
a user agent: default_headers download max_redirects max_retries retry_delay
""",
    LOCUSTS: """
locust.clients DEFAULT_CA_BUNDLE_PATH basestring
locust.debug TYPE_CHECKING
locust.html STATE_STOPPING
locust.main TYPE_CHECKING
locust.rpc.protocol ObjectId
locust.stats resize_handler
locust.user.wait_time TYPE_CHECKING
locust.web DEFAULT_BUILD_PATH STATE_MISSING version
""",
    "an attribute of objects that the class has no default of": """
locust.contrib.fasthttp.FastRequest body data full_url payload
locust.dispatch.UsersDispatcher dispatch_iteration_durations
locust.runners.WorkerRunner worker_index
locust.web.WebUI greenlet server
""",
    "workers come and go by the engine": """
locust.runners.WorkerNodes clear pop popitem setdefault update
""",
    "the copies of the last seconds are the engine's": """
an entry: response_times_cache
""",
    "options that Locust refuses": """
options: expect_slaves slave
""",
}
"""What is not there, and why: modules, classes or kinds of objects, and their names."""

TAKES_OTHER = {
    "locust.input_events.UnixKeyPoller.poll": "the name of self",
    "locust.rpc.zmqrpc.BaseSocket.ipv4_only": "static here",
    "locust.rpc.zmqrpc.Client.ipv4_only": "static here",
    "locust.rpc.zmqrpc.Server.ipv4_only": "static here",
    "locust.runners.MasterRunner.stop": "whether workers are told to stop is for Locust's own quit()",
    "locust.shape.LoadTestShapeMeta": "Python gives a metaclass its arguments by position",
    "locust.user.markov_taskset.MarkovTaskSetMeta": "likewise",
    "locust.user.sequential_taskset.SequentialTaskSetMeta": "likewise",
    "locust.user.task.TaskSetMeta": "likewise",
    "locust.user.users.UserMeta": "likewise",
    "a parser: formatter_class": "argparse passes the first one only",
}
"""What takes other arguments than Locust's, and why that does no harm."""

Found = dict[str, list[str] | None]


def reachable(*command: object) -> Found:
    """What there is in one of the two."""
    ours = command[0] == sys.executable
    variables = {key: value for key, value in os.environ.items() if ours or key != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command], env=variables, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found: Found = json.loads(done.stdout)
    return found


def left_out() -> set[str]:
    """The paths of what is left out."""
    paths = set()
    for line in "".join(LEFT_OUT.values()).split("\n"):
        holder, colon, names = line.partition(": ")
        if not colon:
            holder, _, names = line.partition(" ")
        paths.update(f"{holder}{colon or '.'}{name}" for name in names.split())
    return paths


def accepts(ours: list[str], locusts: list[str]) -> bool:
    """Whether a call that suits Locust's signature suits ours."""
    known = [name for name in locusts if name in ours and "*" not in name]
    missing = [name for name in locusts if name not in ours and "*" not in name]
    return [name for name in ours if name in known] == known and (not missing or "**" in ours)


def test_what_scripts_can_reach_is_there(tmp_path):
    locusts = reachable(LOCUST / "python", SUPPORT / "names.py")
    wanted = tmp_path / "wanted.json"
    wanted.write_text(json.dumps(locusts))
    ours = reachable(sys.executable, "-c", AS_LOCUST, SUPPORT / "names.py", wanted)
    assert locusts.keys() - ours.keys() == left_out()
    others = {name for name, takes in locusts.items() if takes and ours.get(name) and not accepts(ours[name], takes)}
    assert others == TAKES_OTHER.keys()
