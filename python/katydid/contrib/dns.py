"""Users that ask name servers, with dnspython.

Example:
    ```python
    class Resolver(DNSUser):
        @task
        def look_up(self):
            question = dns.message.make_query("example.com", dns.rdatatype.A)
            self.client.udp(question, "192.0.2.53", name="example.com")
    ```
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from katydid.contrib._needs import needs
from katydid.exception import LocustError
from katydid.user.users import User

needs("dns.query", "dns")

import dns.query  # noqa: E402
from dns.exception import DNSException  # noqa: E402

if TYPE_CHECKING:
    from dns.message import Message

    from katydid.env import Environment
    from katydid.event import EventHook


class DNSClient:
    """The functions of ``dns.query``, each call of which is a request.

    Args:
        request_event: Fired for each.
    """

    def __init__(self, request_event: EventHook) -> None:
        self.request_event = request_event

    def __getattr__(self, function_name: str) -> Callable[..., Message | None]:
        """The function of a name; besides its own arguments it takes the ``name`` it is counted under."""
        function = getattr(dns.query, function_name)

        def ask(message: Message, *args: Any, name: str | None = None, **kwargs: Any) -> Message | None:
            answer: Any = None
            failure: Exception | None = None
            began, started = time.time(), time.perf_counter()
            try:
                answer = function(message, *args, **kwargs)
            except DNSException as error:
                failure = error
            else:
                if not answer.answer:
                    failure = LocustError("No answer in DNS response")
            self.request_event.fire(
                request_type="DNS",
                name=name or function_name,
                start_time=began,
                response_time=(time.perf_counter() - started) * 1000,
                response_length=0,
                response=answer,
                exception=failure,
                context={},
            )
            return answer  # type: ignore[no-any-return]  # as dns.query has it

        return ask


class DNSUser(User):
    """A user whose ``client`` asks name servers.

    Args:
        environment: What the user runs in.
    """

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.client = DNSClient(environment.events.request)
