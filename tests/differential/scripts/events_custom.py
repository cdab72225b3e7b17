"""Hooks: measure, custom hooks, reverse, listeners that fail, removal, firing requests of one's own."""

from locust import User, constant, task
from locust.event import EventHook, Events

from watch import say, watch

watch("request")


class Visitor(User):
    wait_time = constant(0)

    @task
    def fire(self):
        hook = EventHook()
        for name in ("first", "second", "third"):
            hook.add_listener(lambda name=name, **kwargs: say(listener=name, kwargs=kwargs))
        hook.fire(a=1)
        hook.fire(reverse=True)

        @hook.add_listener
        def fails(**kwargs):
            raise RuntimeError("in a listener")

        hook.add_listener(lambda **kwargs: say(after="the failing one"))
        hook.fire()
        hook.remove_listener(fails)
        hook.fire()
        hooks = sorted(name for name, value in vars(Events()).items() if isinstance(value, EventHook))
        say(hooks=hooks)

        request = self.environment.events.request
        with request.measure("TYPE", "fine") as meta:
            meta["response_length"] = 7
            say(meta=sorted(meta))
        with request.measure("TYPE", "fails", response_length=3):
            raise ValueError("in the block")
        request.fire(request_type="OWN", name="minimal", response_time=1.5, response_length=0)
        request.fire(request_type="OWN", name="None", response_time=None, response_length=0, exception=None)
        request.fire(request_type="OWN", name="text", response_time=2, response_length=9, exception="just text")
        request.fire(request_type="OWN", name="error", response_time=3, response_length=9, exception=KeyError("k"))
        request.fire(request_type="OWN", name="more", response_time=3, response_length=9, context={"a": 1}, extra=5)
        for name, method in (("fine", "TYPE"), ("minimal", "OWN"), ("None", "OWN"), ("error", "OWN")):
            entry = self.environment.stats.get(name, method)
            say(name=name, requests=entry.num_requests, none=entry.num_none_requests, failures=entry.num_failures)
        self.environment.runner.quit()
