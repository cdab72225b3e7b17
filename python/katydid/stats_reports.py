"""Statistics on their way from a worker to its master, for those who put nodes together themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from katydid.stats_entries import StatsEntry, StatsError

if TYPE_CHECKING:
    from katydid.event import Events
    from katydid.stats import RequestStats


def setup_distributed_stats_event_listeners(events: Events, stats: RequestStats) -> None:
    """Has statistics go into every report to a master, and those of every report of a worker be added.

    Katydid's own runners do so by themselves.

    Args:
        events: Whose ``report_to_master`` and ``worker_report``.
        stats: What is reported, or added to.
    """

    def report(client_id: str, data: dict[str, Any]) -> None:
        data["stats"] = stats.serialize_stats()
        data["stats_total"] = stats.total.get_stripped_report()
        data["errors"] = stats.serialize_errors()
        stats.errors.clear()

    def take(client_id: str, data: dict[str, Any]) -> None:
        for reported in data["stats"]:
            entry = StatsEntry.unserialize(reported, stats)
            stats.get(entry.name, entry.method).extend(entry)
        for key, reported in data["errors"].items():
            error = StatsError.unserialize(reported)
            known = stats.errors.setdefault(key, error)
            if known is not error:
                known.occurrences += error.occurrences
                known.first_seen = _either(min, known.first_seen, error.first_seen)
                known.last_seen = _either(max, known.last_seen, error.last_seen)
        stats.total.extend(StatsEntry.unserialize(data["stats_total"], stats))

    events.report_to_master.add_listener(report)
    events.worker_report.add_listener(take)


def _either(choose: Any, one: float | None, other: float | None) -> Any:
    """The earlier or the later of two moments, as far as they are known."""
    return choose(moment for moment in (one, other) if moment is not None) if one or other else None
