"""Arguments a script adds to the command line: types, environment, lists, secrets."""
# args: --headless -u 1 -H {target} --count 3 --flag --color red --many a --many b
# env: MY_TEXT=from-environment

from locust import User, constant, events, task
from locust.argument_parser import default_args_dict, ui_extra_args_dict

from watch import say


@events.init_command_line_parser.add_listener
def on_parser(parser, **kwargs):
    parser.add_argument("--count", type=int, default=1, help="A number")
    parser.add_argument("--flag", action="store_true")
    parser.add_argument("--text", env_var="MY_TEXT", default="x", include_in_web_ui=False)
    parser.add_argument("--color", choices=["red", "blue"], default="blue")
    parser.add_argument("--secret", is_secret=True, default="hush")
    parser.add_argument("--many", action="append", is_multiple=True)
    parser.add_argument("--ratio", type=float, default=0.5)


class Visitor(User):
    wait_time = constant(0)

    @task
    def report(self):
        options = self.environment.parsed_options
        names = ("count", "flag", "text", "color", "secret", "many", "ratio", "headless", "num_users", "spawn_rate")
        say(**{name: getattr(options, name) for name in names})
        say(stop=options.stop_timeout, time=options.run_time, tags=options.tags, level=options.loglevel)
        say(extra=sorted(ui_extra_args_dict()), defaults=len(default_args_dict()) > 20)
        self.environment.runner.quit()
