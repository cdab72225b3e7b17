"""The names a script may import, module by module."""
# run: python

import importlib

from watch import say

NAMES = {
    "locust": "User HttpUser FastHttpUser TaskSet SequentialTaskSet MarkovTaskSet task tag transition transitions "
    "between constant constant_pacing constant_throughput poisson events LoadTestShape run_single_user Events "
    "__version__ argument_parser clients contrib debug dispatch env event exception html log runners shape stats "
    "user util web wait_time",
    "locust.user": "HttpUser User TaskSet tag task",
    "locust.user.users": "User UserMeta HttpUser RestMixin PytestUser",
    "locust.user.task": "task tag TaskSet TaskSetMeta DefaultTaskSet filter_tasks_by_tags get_tasks_from_base_classes "
    "LOCUST_STATE_RUNNING LOCUST_STATE_WAITING LOCUST_STATE_STOPPING",
    "locust.user.wait_time": "between constant constant_pacing constant_throughput poisson",
    "locust.user.sequential_taskset": "SequentialTaskSet SequentialTaskSetMeta",
    "locust.user.markov_taskset": "MarkovTaskSet MarkovTaskSetMeta transition transitions NoMarkovTasksError",
    "locust.user.inspectuser": "print_task_ratio print_task_ratio_json get_ratio",
    "locust.env": "Environment",
    "locust.event": "EventHook DeprecatedEventHook Events",
    "locust.exception": "LocustError MissingWaitTimeError ResponseError CatchResponseError InterruptTaskSet StopTest "
    "StopUser RescheduleTask RescheduleTaskImmediately RPCError RPCSendError RPCReceiveError RunnerAlreadyExistsError",
    "locust.clients": "HttpSession ResponseContextManager RestResponseContextManager LocustHttpAdapter",
    "locust.contrib.fasthttp": "FastHttpUser FastHttpSession FastRequest FastResponse ErrorResponse "
    "ResponseContextManager RestResponseContextManager LocustUserAgent LocustBadStatusCode FAILURE_EXCEPTIONS "
    "insecure_ssl_context_factory",
    "locust.runners": "Runner LocalRunner DistributedRunner MasterRunner WorkerRunner WorkerNode WorkerNodes "
    "STATE_INIT STATE_SPAWNING STATE_RUNNING STATE_CLEANUP STATE_STOPPING STATE_STOPPED STATE_MISSING "
    "HEARTBEAT_INTERVAL CPU_MONITOR_INTERVAL WORKER_REPORT_INTERVAL locust_exception_handler ExceptionDict",
    "locust.stats": "RequestStats StatsEntry StatsError StatsCSV StatsCSVFileWriter print_stats stats_printer "
    "stats_history print_error_report print_percentile_stats get_error_report_summary PERCENTILES_TO_REPORT "
    "PERCENTILES_TO_CHART PERCENTILES_TO_STATISTICS sort_stats bucket_response_time update_stats_history "
    "print_stats_json get_stats_summary get_percentile_stats_summary EntriesDict CachedResponseTimes",
    "locust.dispatch": "UsersDispatcher",
    "locust.shape": "LoadTestShape LoadTestShapeMeta",
    "locust.web": "WebUI",
    "locust.html": "get_html_report",
    "locust.argument_parser": "get_parser parse_options get_empty_argument_parser setup_parser_arguments "
    "default_args_dict ui_extra_args_dict LocustArgumentParser DEFAULT_CONFIG_FILES parse_locustfile_option "
    "positive_integer json_user_config timespan exit_handler",
    "locust.debug": "run_single_user PrintListener",
    "locust.log": "setup_logging get_logs LogReader greenlet_exception_logger HOSTNAME",
    "locust.main": "main create_environment load_locustfile",
    "locust.rpc": "Message",
    "locust.util.cache": "memoize",
    "locust.util.date": "format_utc_timestamp format_safe_timestamp format_duration",
    "locust.util.exception_handler": "retry",
    "locust.util.load_locustfile": "is_user_class is_shape_class load_locustfile",
    "locust.util.rounding": "proper_round",
    "locust.util.timespan": "parse_timespan",
    "locust.util.url": "is_url",
    "locust.util.directory": "get_abspaths_in",
    "locust.input_events": "input_listener",
}
for module, names in NAMES.items():
    try:
        found = importlib.import_module(module)
    except ImportError:
        say(module=module, missing="module")
        continue
    say(module=module, missing=[name for name in names.split() if not hasattr(found, name)])
