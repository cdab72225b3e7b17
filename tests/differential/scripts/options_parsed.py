"""Every option of the command line and its default."""
# args: --headless -u 1 -H {target} -s 3 -t 1m30s --profile p

from locust import User, constant, task

from watch import say

OWN = {"target", "data_dir", "max_vus"}


class Visitor(User):
    wait_time = constant(0)

    @task
    def report(self):
        options = vars(self.environment.parsed_options)
        for name in NAMES.split():
            say(name=name, value=options.get(name, "missing"))
        environment = self.environment
        say(host=environment.host, stop=environment.stop_timeout, profile=environment.profile)
        say(file=environment.locustfile, reset=environment.reset_stats, catch=environment.catch_exceptions)
        self.environment.runner.quit()


NAMES = (
    "host num_users spawn_rate run_time config_users web_host web_port headless autostart "
    "autoquit web_login tls_cert tls_key class_picker web_base_path master master_bind_host "
    "master_bind_port expect_workers expect_workers_max_wait enable_rebalancing worker "
    "processes master_host master_port tags exclude_tags csv_prefix stats_history_enabled "
    "print_stats only_summary reset_stats html_file json json_file skip_log_setup loglevel "
    "logfile show_task_ratio show_task_ratio_json exit_code_on_error stop_timeout equal_weights "
    "profile otel user_classes "
)
