"""Prints, as JSON, what scripts can reach under `locust`: module by module, class by class, and on objects at work.

A path is a module with a name (``locust.stats.RequestStats.get``) or a kind of object with one (``a runner: stop``);
its value is the names of the arguments, or null for what is not called. With a file of such JSON as its argument, it
looks for the names in there; by itself it finds those that each module defines.
"""

import importlib
import inspect
import json
import os
import sys

import gevent.pywsgi
import locust
from locust import FastHttpUser, HttpUser, LoadTestShape, SequentialTaskSet, TaskSet, User, constant, task
from locust.argument_parser import get_parser, parse_options
from locust.debug import PrintListener
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.event import EventHook
from locust.runners import WorkerNode
from locust.stats import StatsCSV, StatsCSVFileWriter

_NAMES = """
locust locust.argument_parser locust.clients locust.contrib.csv_request_logger locust.contrib.fasthttp locust.debug
locust.dispatch locust.env locust.event locust.exception locust.html locust.input_events locust.log locust.main
locust.opentelemetry locust.rpc locust.rpc.protocol locust.rpc.zmqrpc locust.runners locust.shape locust.stats
locust.user locust.user.inspectuser locust.user.markov_taskset locust.user.sequential_taskset locust.user.task
locust.user.users locust.user.wait_time locust.util.cache locust.util.date locust.util.deprecation
locust.util.directory locust.util.exception_handler locust.util.load_locustfile locust.util.rounding
locust.util.timespan locust.util.url locust.web
"""
MODULES = _NAMES.split()

found = {}


def public(holder):
    return [name for name in dir(holder) if not name.startswith("_")]


def arguments(value):
    """The arguments of a call: ``*`` and ``**`` stand for any; null where Python does not know them."""
    if not callable(value):
        return None
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return None
    short = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return [short.get(parameter.kind, parameter.name) for parameter in parameters]


def note_module(name):
    module = importlib.import_module(name)
    for key in public(module):
        value = getattr(module, key)
        home = getattr(value, "__module__", None)
        # What a module only imports is found where it is defined.
        if inspect.ismodule(value) or (isinstance(home, str) and home != name and name != "locust"):
            continue
        found[f"{name}.{key}"] = arguments(value)
        if inspect.isclass(value):
            for member in public(value):
                if hasattr(dict, member) and issubclass(value, dict):
                    continue
                found[f"{name}.{key}.{member}"] = arguments(getattr(value, member, None))


def look_for(path):
    """Notes a name, if it is there: many are made when they are asked for, and in no listing."""
    module = max((name for name in MODULES if path.startswith(f"{name}.")), key=len)
    value = importlib.import_module(module)
    for part in path.removeprefix(f"{module}.").split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            return
    found[path] = arguments(value)


def note(kind, thing):
    for key in public(thing):
        try:
            found[f"{kind}: {key}"] = arguments(getattr(thing, key))
        except Exception:
            # It is there, but not at this time.
            found[f"{kind}: {key}"] = None


def answer(environ, start):
    start("200 OK", [("Content-Type", "application/json")])
    return [b"{}"]


class Set(TaskSet):
    @task
    def work(self): ...


class Steps(SequentialTaskSet):
    @task
    def work(self): ...


class Visitor(HttpUser):
    wait_time = constant(1)
    tasks = [Set]


class Quick(FastHttpUser):
    tasks = [Set]


class Person(User):
    tasks = [Set]


class Shape(LoadTestShape):
    def tick(self): ...


def note_objects():
    server = gevent.pywsgi.WSGIServer(("127.0.0.1", 0), answer, log=None)
    server.start()
    Visitor.host = Quick.host = f"http://127.0.0.1:{server.server_port}"
    environment = Environment(user_classes=[Visitor, Quick], events=locust.events, shape_class=Shape())
    note("a runner", environment.create_local_runner())
    note("a page", environment.create_web_ui("127.0.0.1", 0))
    note("an environment", environment)
    note("events", environment.events)
    note("an event", EventHook())
    note("a shape", environment.shape_class)
    stats = environment.stats
    stats.log_request("GET", "/", 10, 20)
    stats.log_error("GET", "/", "bad")
    note("statistics", stats)
    note("an entry", stats.get("/", "GET"))
    note("the total", stats.total)
    note("a failure", next(iter(stats.errors.values())))
    note("a CSV", StatsCSV(environment, [0.5]))
    note("a CSV file", StatsCSVFileWriter(environment, [0.5], os.devnull))
    visitor = Visitor(environment)
    note("a user", Person(environment))
    note("an HTTP user", visitor)
    note("a session", visitor.client)
    note("a response", visitor.client.get("/"))
    with visitor.client.get("/", catch_response=True) as response:
        note("a caught response", response)
    with visitor.rest("GET", "/") as response:
        note("a rest response", response)
    note("a task set", Set(visitor))
    note("a sequence", Steps(visitor))
    quick = Quick(environment)
    note("a fast user", quick)
    note("a fast session", quick.client)
    note("a user agent", quick.client.client)
    response = quick.client.get("/")
    note("a fast response", response)
    note("a fast request", response.request)
    with quick.client.get("/", catch_response=True) as response:
        note("a caught fast response", response)
    server.stop()
    note("no response", visitor.client.get("/"))
    note("no fast response", quick.client.get("/"))
    node = WorkerNode("a")
    note("a node", node)
    note("a dispatcher", UsersDispatcher([node], [Visitor, Quick]))
    note("a parser", get_parser())
    note("options", parse_options([]))
    note("a printer", PrintListener(environment))


wanted = sys.argv[1:]
# The parser reads what is left there.
sys.argv[1:] = []
if wanted:
    with open(wanted[0]) as file:
        for path in json.load(file):
            if ": " not in path:
                look_for(path)
else:
    for name in MODULES:
        note_module(name)
printed, sys.stdout = sys.stdout, sys.stderr
note_objects()
json.dump(found, printed)
printed.flush()
os._exit(0)
