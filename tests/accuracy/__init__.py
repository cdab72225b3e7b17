"""Reported numbers beside what the target saw."""
