"""Readers of a PostgreSQL database, each with a connection of its own.

pip install 'katydid[postgres]'
DATABASE=postgresql://localhost/postgres katydid -f examples/postgres.py
"""

import os
import random

from locust import between, task
from locust.contrib.postgres import PostgresUser


class Reader(PostgresUser):
    """Counts, and now and then writes."""

    conn_string = os.environ.get("DATABASE", "postgresql://localhost/postgres")
    wait_time = between(0.1, 0.5)

    def on_start(self):
        # Each statement counts when it is made, not when somebody says commit.
        self.client.connection.autocommit = True
        self.client.execute_query("CREATE TEMPORARY TABLE visits (page int)")

    @task(3)
    def count(self):
        self.client.execute_query("SELECT page, count(*) FROM visits GROUP BY page")

    @task
    def visit(self):
        self.client.execute_query(f"INSERT INTO visits VALUES ({random.randint(1, 10)})")
