"""Custom messages without other nodes."""
# run: python

from locust.env import Environment

from watch import say

environment = Environment()
runner = environment.create_local_runner()


def on_message(environment, msg, **kwargs):
    say(
        type=msg.type,
        data=msg.data,
        node=msg.node_id == environment.runner.client_id or msg.node_id,
        more=sorted(kwargs),
    )


runner.register_message("mine", on_message)
runner.register_message("concurrent", on_message, concurrent=True)
runner.send_message("mine", {"a": 1})
runner.send_message("mine")
runner.send_message("concurrent", [1, 2], client_id="someone")
runner.send_message("unknown", 1)
try:
    runner.register_message("mine", on_message)
except Exception as error:
    say(error=type(error).__name__)
say(messages=sorted(runner.custom_messages))
runner.quit()
