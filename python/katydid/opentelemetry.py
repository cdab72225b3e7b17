"""``--otel``: traces, metrics and logs of a run for OpenTelemetry's collectors.

Configured by OpenTelemetry's own environment variables. The SDK is an extra: ``pip install katydid[otel]``.
"""

from __future__ import annotations

import importlib
import logging
import os
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import katydid
from katydid.runners import MasterRunner, WorkerRunner

if TYPE_CHECKING:
    from katydid.runners import Runner

logger = logging.getLogger("locust.opentelemetry")

MAX_REQUEST_NAMES = 20
"""Request names that get a time series of their own."""

request_names: set[str] = set()
"""Those that have one."""

_PROTOCOLS = {"grpc": "grpc", "http/protobuf": "http", "http": "http"}
_EXPORTERS = {
    "traces": ("trace_exporter", "OTLPSpanExporter"),
    "metrics": ("metric_exporter", "OTLPMetricExporter"),
    "logs": ("_log_exporter", "OTLPLogExporter"),
}
"""Where the collectors' exporters are, by what they export."""


def setup_opentelemetry(locustfile: str, profile: str | None) -> bool:
    """Has the run be told to OpenTelemetry.

    Args:
        locustfile: The script.
        profile: A name for this test run.

    Returns:
        Whether it is told: not without the SDK, nor if everything is to go nowhere.
    """
    try:
        from opentelemetry.sdk.resources import Resource
    except ImportError:
        logger.error("OpenTelemetry SDK is not installed, opentelemetry not enabled. Run 'pip install katydid[otel]'")
        return False
    wanted = {signal: _wanted(signal) for signal in _EXPORTERS}
    if all(exporters == {"none"} for exporters in wanted.values()):
        logger.info("No OpenTelemetry exporters configured, opentelemetry not enabled")
        return False
    resource = Resource.create(
        {
            "service.name": os.getenv("OTEL_SERVICE_NAME", "locust"),
            "service.version": katydid.LOCUST_VERSION,
            "host.name": socket.gethostname(),
            "filename": locustfile,
            "profile": profile or "",
        }
    )
    if wanted["traces"]:
        _tell_traces(resource, wanted["traces"])
    if wanted["metrics"]:
        _tell_metrics(resource, wanted["metrics"])
    if wanted["logs"]:
        _tell_logs(resource, wanted["logs"])
    _instrument()
    logger.debug("OpenTelemetry configured!")
    return True


def _wanted(signal: str) -> set[str]:
    names = os.getenv(f"OTEL_{signal.upper()}_EXPORTER", "otlp").split(",")
    return {name.strip().lower() for name in names if name.strip()}


def _exporters(signal: str, wanted: set[str], console: type) -> Iterator[tuple[Any, bool]]:
    """What exports a signal, and whether it goes to the console."""
    for name in sorted(wanted):
        if name == "otlp":
            exporter = _collector(signal)
            if exporter is None:
                continue
            yield exporter, False
        elif name == "console":
            yield console(), True
        elif name != "none":
            logger.warning("Unknown %s exporter '%s'. Ignored", signal, name)
            continue
        if name != "none":
            logger.debug("Configured %s exporter: %s", signal, name)


def _collector(signal: str) -> Any:
    """What exports a signal to a collector, ``None`` if that cannot be."""
    by_default = os.getenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    protocol = os.getenv(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL", by_default).lower().strip()
    if protocol not in _PROTOCOLS:
        logger.warning("Unknown OpenTelemetry otlp exporter protocol '%s'. Use 'grpc' or 'http/protobuf'", protocol)
        return None
    module, cls = _EXPORTERS[signal]
    package = f"opentelemetry.exporter.otlp.proto.{_PROTOCOLS[protocol]}"
    try:
        return getattr(importlib.import_module(f"{package}.{module}"), cls)()
    except ImportError:
        logger.warning(
            "OpenTelemetry otlp exporter for '%s' is not available. Please install the required package: "
            "opentelemetry-exporter-otlp-proto-%s",
            protocol,
            _PROTOCOLS[protocol],
        )
        return None


def _tell_traces(resource: Any, wanted: set[str]) -> None:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor

    provider = TracerProvider(resource=resource)
    for exporter, shown in _exporters("traces", wanted, ConsoleSpanExporter):
        provider.add_span_processor(SimpleSpanProcessor(exporter) if shown else BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def _tell_metrics(resource: Any, wanted: set[str]) -> None:
    from opentelemetry import metrics
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader

    readers = [
        PeriodicExportingMetricReader(exporter) for exporter, _ in _exporters("metrics", wanted, ConsoleMetricExporter)
    ]
    metrics.set_meter_provider(MeterProvider(resource=resource, metric_readers=readers))
    meter = metrics.get_meter("locust")
    durations = meter.create_histogram("locust.client.duration", unit="s", description="Time to last byte for requests")

    def on_request(name: str, response_time: float | None, exception: Any, **kwargs: Any) -> None:
        if name not in request_names:
            if len(request_names) < MAX_REQUEST_NAMES:
                request_names.add(name)
            else:
                name = "Too many unique request names"
        attributes = {"name": name}
        if exception:
            attributes["error.type"] = type(exception).__name__
        if response_time is not None:
            durations.record(response_time / 1000, attributes=attributes)

    def on_init(runner: Runner | None, **kwargs: Any) -> None:
        # Users are told of by whoever knows of all of them.
        if runner is None or isinstance(runner, WorkerRunner):
            return

        def users(_: Any) -> Iterator[Any]:
            counts = (
                runner.reported_user_classes_count if isinstance(runner, MasterRunner) else runner.user_classes_count
            )
            for name, count in counts.items():
                yield metrics.Observation(count, {"user_class": name})

        meter.create_observable_gauge(
            "locust.users.count", callbacks=[users], unit="{user}", description="Users that run now"
        )

    katydid.events.request.add_listener(on_request)
    katydid.events.init.add_listener(on_init)


def _tell_logs(resource: Any, wanted: set[str]) -> None:
    from opentelemetry import _logs
    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler, export

    provider = LoggerProvider(resource=resource)
    console = getattr(export, "ConsoleLogRecordExporter", None) or export.ConsoleLogExporter  # its name before 1.39
    for exporter, shown in _exporters("logs", wanted, console):
        of = export.SimpleLogRecordProcessor if shown else export.BatchLogRecordProcessor
        provider.add_log_record_processor(of(exporter))
    _logs.set_logger_provider(provider)
    handler = LoggingHandler(logger_provider=provider)
    handler.name = "opentelemetry"
    for name in (None, "locust"):
        logging.getLogger(name).addHandler(handler)


def _instrument() -> None:
    """Has requests traced. Ordinary ones do not go through requests in Katydid, so that they do is asked for."""
    try:
        from opentelemetry.instrumentation.requests import RequestsInstrumentor
    except ImportError:
        logger.info(
            "OpenTelemetry 'requests' instrumentation is not installed. Please install "
            "'opentelemetry-instrumentation-requests'"
        )
    else:
        from katydid.clients import HttpSession

        HttpSession.through_requests = True
        RequestsInstrumentor().instrument(request_hook=_name_span)
    try:
        from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
    except ImportError:
        logger.info(
            "OpenTelemetry 'urllib3' instrumentation is not installed. Please install "
            "'opentelemetry-instrumentation-urllib3'"
        )
    else:
        URLLib3Instrumentor().instrument()


def _name_span(span: Any, request: Any) -> None:
    name = getattr(request, "_explicit_name", None) or urlsplit(request.url).path or "/"
    span.update_name(f"{request.method} {name}")
