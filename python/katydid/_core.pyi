"""The engine: what Python sees of the extension module."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Self, final

__all__ = [
    "Arrivals",
    "Body",
    "Client",
    "Dispatcher",
    "Door",
    "Engine",
    "Exchange",
    "Fleet",
    "JoinSecret",
    "Pool",
    "Upload",
    "check_push",
    "check_thresholds",
    "check_web_access",
    "completions",
    "decode_message",
    "encode_message",
    "fetch_locustfile",
    "is_url_mode",
    "log",
    "manual",
    "option_table",
    "runs_main",
    "schedule",
    "target_main",
    "urls_main",
    "web_user_line",
]

__version__: str
DEBUG: bool
"""Whether this is a debug build, whose timings mean nothing."""

_Cookie = tuple[str, str, str, bool, str, bool, bool, int | None]
_Headers = Sequence[tuple[str, str | bytes | None]]

def log(created: float, level: str, logger: str, text: str) -> None: ...
def target_main(arguments: Sequence[str]) -> int:
    """Runs ``katydid target`` until it is interrupted and returns its exit code."""

def runs_main(arguments: Sequence[str]) -> int:
    """Looks at runs that are kept, as the words of the command line say, and returns the exit code."""

def is_url_mode(arguments: Sequence[str]) -> bool:
    """Whether the words of the command line ask for URLs, and name no script."""

def urls_main(launcher: Sequence[str], arguments: Sequence[str]) -> int:
    """Sends requests for URLs, as the words of the command line say, and returns the exit code.

    Args:
        launcher: The command that would run these words again.
        arguments: The words.
    """

def fetch_locustfile(host: str, port: int, identity: str, patience: float, secret: JoinSecret | None) -> Any:
    """Asks a master for its scripts, for so many seconds; None if it does not answer.

    PermissionError if the two cannot agree about the join secret; its text is a word for why.
    """

def check_thresholds(texts: Sequence[str]) -> None:
    """ValueError if one of them is no threshold; it points at what is wrong."""

def check_push(given: str) -> None:
    """ValueError if something is wrong with the collectors that a JSON object of options, and the environment, name."""

def encode_message(kind: str, data: Any, node: str | None) -> bytes:
    """A message between nodes as bytes. TypeError or OverflowError for what cannot be sent."""

def decode_message(bytes: bytes) -> tuple[str, Any, str | None]:
    """A message between nodes, from its bytes: type, data, sender. ValueError if they are none."""

def completions(shell: str) -> str | None:
    """A script that completes the command line for bash, zsh or fish; None for another shell."""

def check_web_access(users: str, token: str) -> bool:
    """Whether anybody is named in lines of ``name:role:hash``, or by a token; ValueError if they cannot be read."""

def web_user_line(name: str, role: str, password: str) -> str:
    """A line of ``name:role:hash``; ValueError if it cannot be made of these."""

def manual() -> str:
    """The manual page, in roff."""

def schedule(text: str) -> tuple[str, float | None, float]:
    """Checks a rate: in full, how many seconds it lasts if it ends, and the rate it begins with."""

def option_table() -> list[dict[str, Any]]:
    """Every command-line option, once."""

@final
class Exchange:
    """One finished exchange: the response, or why there is none, and its times in milliseconds."""

    @property
    def status(self) -> int:
        """The status code, 0 without a response."""
    @property
    def reason(self) -> str | None: ...
    @property
    def url(self) -> str | None:
        """The URL of the last hop of a redirect chain."""
    @property
    def method(self) -> str:
        """The method of the last hop."""
    @property
    def asked_url(self) -> str:
        """The URL that was asked for last."""
    @property
    def name(self) -> str:
        """What it is counted under, unless a script says otherwise."""
    @property
    def redirected(self) -> bool:
        """Whether redirects led here."""
    def asked_headers(self) -> list[tuple[str, str]]:
        """The headers that were sent, besides the host, the body's length and the session's cookies."""
    def asked_body(self) -> bytes | None:
        """The body that was sent."""
    def event(self, response: Any, context: Any, exception: Any, url: str | None = None) -> dict[str, Any]:
        """What listeners are told; the URL is the one asked for first, unless another is given."""
    def take_rest(self) -> Body | None:
        """What is to be read of the body, once, where that was asked for."""
    @property
    def version(self) -> int:
        """10 or 11, as http.client counts."""
    @property
    def length(self) -> int:
        """Bytes of the decoded body; of one that is read in pieces what the headers announce."""
    @property
    def response_time(self) -> float:
        """From taken up to the last byte."""
    @property
    def first_byte_time(self) -> float:
        """From taken up to the first byte, 0 if none came."""
    @property
    def lateness(self) -> float:
        """From due to taken up: the generator's own delay."""
    @property
    def start_time(self) -> float:
        """When it was taken up, in seconds of the Unix epoch."""
    @property
    def recorded(self) -> bool:
        """Whether it was counted."""
    def headers(self) -> list[tuple[str, str]]: ...
    def body(self) -> bytes | None:
        """The decoded body."""
    def history(self) -> list[tuple[int, str, str, str, list[tuple[str, str]], bytes]]:
        """The redirects that were followed: status, reason, URL, method, headers, body."""
    def error(self, fast: bool = False) -> tuple[str, str, int | None, str] | None:
        """Why there is no response: kind, class, errno, message."""
    def phases(self) -> tuple[float, float, float, float, float]:
        """DNS, connect, TLS, wait, receive."""
    def count(self, error: str | None) -> None:
        """Counts it, once, as it was measured, with a script's verdict."""
    def record(self, method: str, name: str, response_time: float | None, length: int, error: str | None) -> None:
        """Counts it, once, with whatever a script changed."""

@final
class Client:
    """One session's connections, cookies and settings."""

    def submit(
        self,
        waiter: Any,
        method: str,
        url: str,
        judged: bool,
        name: str | None = None,
        headers: _Headers | None = None,
        body: bytes | None = None,
        redirects: bool = True,
        timeouts: tuple[float | None, float | None] | None = None,
        prepared: bool = False,
        stream: bool = False,
        upload: Upload | None = None,
        door: Door | None = None,
    ) -> int:
        """Submits a request and returns its ticket.

        -1 if it cannot be sent as it is: requests has to prepare the URL first, or this is another thread than
        the hub's and a ``door`` is needed. ``stream`` leaves the body in the exchange's rest, ``upload`` is a
        body that is still being made.

        ``waiter`` is the greenlet that the finished exchange is switched to. ``judged`` leaves the
        verdict, and the counting, to Python. ``timeouts`` are seconds to connect and between bytes.
        """
    def abandon(self, ticket: int) -> None:
        """Stops waiting for a request: its greenlet was killed. It is counted all the same."""
    @property
    def gone(self) -> bool:
        """Whether this is a forked child, where the engine is not."""
    @property
    def pool(self) -> Pool:
        """Its connections."""
    def set_retries(self, retries: int) -> None:
        """How often a request is sent again if no answer comes in time."""
    def set_max_redirects(self, redirects: int) -> None:
        """How many redirects are followed before that is an error."""
    def set_base(self, url: str) -> None: ...
    def set_headers(self, pairs: _Headers) -> None: ...
    def set_timeouts(self, connect: float | None, read: float | None) -> None: ...
    def configure(
        self,
        verify: bool,
        ca_file: str | None = None,
        cert: tuple[str, str] | None = None,
        proxy: str | None = None,
    ) -> None:
        """Whom to trust, how to prove who we are, whom to go through. OSError for unusable files."""
    def close(self) -> None:
        """Closes the idle connections."""
    @property
    def cookie_revision(self) -> int:
        """Grows with every change of the cookies."""
    def cookies(self) -> list[_Cookie]:
        """Name, value, domain, host_only, path, secure, http_only, expires."""
    def set_cookies(self, cookies: Sequence[_Cookie]) -> int:
        """Replaces all cookies and returns the new revision."""

@final
class Body:
    """What is still to come of a response. Dropped before its end, it closes its connection."""

    def read(self, waiter: Any, door: Door | None = None) -> int:
        """Asks for the next bytes and returns a ticket, or -1 from another thread without a door.

        The waiter gets bytes, none of them at the end, or the parts of an exception.
        """
    def close(self) -> None:
        """Gives up the rest."""

@final
class Upload:
    """The body of a request while a script makes it."""

    def try_feed(self, piece: bytes) -> bool | None:
        """Adds a piece, an empty one at the end: whether it was taken, None if it has to wait."""
    def feed(self, piece: bytes, waiter: Any, door: Door | None = None) -> int:
        """Adds a piece as soon as there is room; the waiter gets a bool. -1 from another thread without a door."""
    def close(self) -> None:
        """Gives up: a body that has not ended by now is cut off."""

@final
class Pool:
    """Connections that several clients share."""

    def __new__(cls, per_origin: int, wait: bool) -> Pool: ...
    def close(self) -> None:
        """Closes the idle connections."""

@final
class Door:
    """The way back of one request of a thread that is not the hub's."""

    def fileno(self) -> int:
        """Readable when something is here."""
    def wait(self) -> None:
        """Blocks the thread until something is here, or a signal came."""
    def take(self) -> Any:
        """What was waited for, None if it is not here yet."""

@final
class Arrivals:
    """The arrivals of a run, and the users that are free for them."""

    def fileno(self) -> int:
        """Readable when an arrival is due."""
    def begin(
        self,
        schedule: str,
        weights: Sequence[float],
        share: tuple[int, int],
        seed: int,
        patience: float,
        passed: float,
    ) -> None:
        """Has arrivals fall due by a schedule from now on, or by another one than before; `passed` seconds are over."""
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def end(self) -> None:
        """Nothing falls due any more, and what waits is dropped."""
    def waiting(self) -> int: ...
    def free(self, waiter: object, place: int, is_new: bool) -> int:
        """A user is free: a ticket to wait with, or a negative number if it is to begin at once."""
    def leave(self, ticket: int) -> None: ...
    def gone(self, waiter: object, place: int, is_new: bool) -> None: ...
    def ended(self) -> None: ...
    def due(self, room: int) -> tuple[list[tuple[int, int]], bool]:
        """Has users begin; how many more of each class are to be made, and whether nothing will be due any more."""

@final
class Engine:
    """The engine of this process: an I/O thread, a service thread, and the door to Python."""

    def __new__(cls) -> Engine: ...
    def fileno(self) -> int:
        """Readable when the door holds something."""
    def drain(self) -> None:
        """Resumes greenlets whose requests are finished and passes messages to the handler."""
    def set_handler(self, handler: Callable[..., None]) -> None: ...
    def parks(self) -> int:
        """How many requests greenlets have waited for."""
    def begin(self) -> int:
        """A user begins an iteration: how many requests greenlets have waited for."""
    def end(self, mark: int) -> bool:
        """An iteration has ended: whether no greenlet has waited for a request since `mark`."""
    def nest(self) -> None:
        """The iteration that has begun is a task set, whose tasks count by themselves."""
    def arrivals(self, classes: int) -> Arrivals:
        """Iterations of so many classes that are to begin by a schedule."""
    def show_rate(self, schedule: str, most_users: int | None = None) -> None:
        """Shows the schedule of the run, begun now."""
    def iterations(self) -> dict[str, Any]:
        """Iterations so far: how many were due, started, finished, late and dropped, and their lateness by quantile."""
    def client(self, base_url: str, fast: bool = False, pool: Pool | None = None, cookies: bool = True) -> Client:
        """A session's way in. Without ``cookies`` they are up to the requests."""
    def abandon(self, ticket: int) -> None:
        """Stops waiting for whatever a ticket was issued for."""
    def door(self) -> Door:
        """A door for one request of another thread than the hub's."""
    def upload(self, length: int | None = None) -> Upload:
        """A body of so many bytes, or of chunks, that is made while it is sent."""
    def forget(self) -> None:
        """Called in a forked child: the threads are not here, and the sockets are the parent's."""
    def start(
        self, user_count: int, spawn_rate: float, classes: Sequence[tuple[str, float, int]], host: str | None = None
    ) -> None:
        """Starts a run, or changes the number of users of one. Classes are name, weight, fixed_count."""
    def rebalance(self) -> None: ...
    def stopping(self) -> None: ...
    def settle(self) -> None:
        """Waits for requests whose greenlets are gone; a "settled" message then says how many were given up."""
    def stopped(self) -> None: ...
    def spawned(self, counts: dict[str, int]) -> None:
        """Reports all users there are, by class, after a "spawn" or "stop_users" message was carried out."""
    def set_run_time(self, seconds: float | None) -> None: ...
    @property
    def state(self) -> str: ...
    @state.setter
    def state(self, word: str) -> None: ...
    @property
    def user_count(self) -> int: ...
    @property
    def target_user_count(self) -> int: ...
    def load(self) -> tuple[float, int]:
        """Processor time in percent of one core, and memory in bytes."""
    def clear_stats(self) -> None: ...
    def reset_stats(self) -> None: ...
    def record(
        self, method: str, name: str, response_time: float | None, length: int = 0, error: str | None = None
    ) -> None:
        """Counts a request that the engine did not send; milliseconds and bytes."""
    def record_error(self, method: str, name: str, error: str) -> None:
        """Counts an error without a request."""
    def line(self) -> tuple[str, float]:
        """The run on one line, as it is now, and the most processor time of one process in percent of a core."""
    def summary(self, peak_cpu_percent: float) -> str:
        """The run in some sentences, at its end; processor time in percent of one core, the most that was seen."""
    def shortfalls(self) -> list[str]:
        """What the run has not done of what was asked for, and what is missing from its numbers, in sentences."""
    def set_thresholds(self, conditions: Sequence[str]) -> None:
        """Has runs judged by these conditions from now on."""
    def standing(self) -> list[tuple[str, bool, str]]:
        """How the run stands by what could be measured: each condition, whether it fails by it, what was measured."""
    def verdict(self, suite: str) -> tuple[bool, bool, str, str]:
        """Whether the run has failed by a condition, whether one is about failures, the table, and JUnit's XML."""
    def merge(self, data: Any) -> None:
        """Adds Locust's dictionaries: "stats", a list of entries, and "errors", a dict by key."""
    def reset_entry(self, method: str, name: str) -> None: ...
    def current_percentile(self, part: float) -> int | None:
        """Rounded milliseconds that a part of the requests of about the last ten seconds stayed within."""
    def fleet(self) -> Fleet:
        """This process's part among other nodes."""
    def keep_runs(self, path: str, about: str, runs: int | None = ..., bytes: int | None = ...) -> None:
        """Keeps every run from now on in a file; OSError if it cannot be used.

        What is known of the runs is told as JSON.
        """
    def flush_runs(self) -> None:
        """Waits until all that was counted is kept."""
    def push_metrics(self, given: str) -> None:
        """Sends metrics of all runs from now on to the collectors that a JSON object of options names.

        OSError if a certificate cannot be read.
        """
    def finish_push(self, seconds: float) -> None:
        """Sends the last of them, and waits until they have arrived, at most so long."""
    def log_exception(self, node: str, msg: str, traceback: str) -> None: ...
    def mark(self, kind: str, text: str, by: str | None = None) -> None: ...
    def exceptions(self) -> list[dict[str, Any]]: ...
    def stats(self) -> dict[str, Any]:
        """Everything counted so far, in Locust's field names."""
    def fail_count(self) -> int: ...
    def table(
        self,
        which: Literal["requests", "requests_final", "percentiles", "errors"],
        name_width: int,
        type_width: int = 8,
        percentiles: Sequence[tuple[float, str]] = ...,
    ) -> str:
        """A table of the console; percentiles are parts of one with their headings."""
    def describe(self, about_json: str) -> None: ...
    def serve_web(self, host: str, port: int, settings: str | None = None) -> int:
        """Serves the page and returns the port; settings as JSON: base_path, names, tls_cert, tls_key."""
    def close_web(self, port: int) -> None:
        """Ends the server of a port; when this returns, nobody can connect any more."""
    def document(self, path: str) -> tuple[list[tuple[str, str]], bytes] | None:
        """What the server has to be read at a path, now: headers and bytes."""
    def report(self, telling: str) -> str:
        """The report as a page; as JSON: theme, show_download_link, tasks, history, profile."""
    def file_name(self, kind: str) -> str:
        """The name of a download of a kind, without its ending."""
    def answer(self, call_id: int, status: int, body_json: str) -> None: ...
    def answer_page(self, call_id: int, status: int, headers: list[tuple[str, str]], body: bytes | None = None) -> None:
        """Answers a "page" call; without a body, `write_page` and `end_page` follow."""
    def write_page(self, call_id: int, piece: bytes) -> bool | None:
        """Sends a piece of a page: None if nobody reads it any more, False if it must be sent again."""
    def end_page(self, call_id: int) -> None: ...
    def close(self) -> None: ...

@final
class Dispatcher:
    """Decides which worker starts users of which class, when. Classes are name, weight, fixed_count."""

    def __new__(cls, workers: Sequence[str], user_classes: Sequence[tuple[str, float, int]]) -> Dispatcher: ...
    def start(
        self, target: int, spawn_rate: float, user_classes: Sequence[tuple[str, float, int]] | None = None
    ) -> None:
        """Begins to move towards a number of users. ValueError for a rate that is none."""
    def step(self) -> tuple[dict[str, dict[str, int]], float | None] | None:
        """All users there are to be next and the seconds until the step after; None after the last."""
    def distribution(self) -> dict[str, dict[str, int]]: ...
    def add_worker(self, worker: str) -> None: ...
    def remove_worker(self, worker: str) -> None: ...
    @property
    def in_progress(self) -> bool: ...
    @property
    def user_count(self) -> int: ...

@final
class JoinSecret:
    """What the nodes of a fleet know and strangers do not.

    Args:
        secret: A text of 16 bytes at least; white space around it does not count. ValueError if it is too short.
    """

    def __new__(cls, secret: str) -> Self: ...
    @staticmethod
    def read(path: str) -> JoinSecret:
        """Reads it from a file. OSError if it cannot be read, ValueError if there is no secret in it."""

@final
class Fleet:
    """This process's part among other nodes: a master's, or a worker's."""

    def lead(
        self,
        host: str,
        port: int,
        heartbeat_interval: float,
        liveness: int,
        dead: int,
        report_wait: float,
        report_interval: float,
        secret: JoinSecret | None,
        allow_stock: bool,
    ) -> int:
        """Makes this process a master and returns the port it listens on. OSError if it cannot.

        With a secret only workers that know it are let in; with ``allow_stock`` also those that have none.
        """
    def keep(self, path: str, run: str, oldest: float) -> None:
        """Has a master that begins after this write its state down under a name, and take up what it finds there.

        OSError if the file cannot be used; ``oldest`` is the age in seconds up to which a state is taken up.
        """
    def resumed(self) -> dict[str, Any] | None:
        """The run that this master goes on with: state, host, started, users, spawn_rate, number of workers."""
    def go_on(self) -> None:
        """Goes on with that run: from now on its workers are told what to do."""
    def flush(self) -> None:
        """Waits until what has happened so far is written down, if it is."""
    def settings(self, host: str | None, stop_timeout: float, options: Any) -> None:
        """What goes with every assignment of users from now on."""
    def want_heartbeats(self, wanted: bool) -> None:
        """Whether a master's Python hears of every heartbeat that was answered."""
    def want_reports(self, wanted: bool) -> None:
        """Whether reports are handed to Python: a master's as they come, a worker's before they go."""
    def send(self, worker: str | None, kind: str, data: Any) -> None:
        """Says something to one worker, or to all of them. TypeError for what cannot be sent."""
    def quit(self) -> None:
        """Has all workers end."""
    def workers(self) -> list[dict[str, Any]]:
        """The workers as their master knows them."""
    def follow(
        self,
        host: str,
        port: int,
        worker: str,
        heartbeat: float,
        report: float,
        introduce: float,
        silence: float,
        lease: float,
        secret: JoinSecret | None,
    ) -> None:
        """Makes this process a worker, which looks for its master from now on; times in seconds."""
    def say(self, kind: str, data: Any) -> None:
        """Says something to the master. TypeError for what cannot be sent."""
    def set_state(self, word: str) -> None:
        """What the heartbeat says that this worker is doing."""
    def report(self, extras: dict[str, Any]) -> None:
        """Reports to the master now, with these keys besides."""
    def finish(self) -> None:
        """Reports what is left; a "finished" message says that the master has it."""
