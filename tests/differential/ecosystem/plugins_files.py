"""locust-plugins: rows of CSV files, transactions over several tasks, and results in JMeter's form."""
# args: --headless -H {target} --log-transactions-in-file --csv results

import csv
import io
from pathlib import Path

from locust import HttpUser, SequentialTaskSet, constant, events, task
from locust_plugins.csvreader import CSVDictReader, CSVReader
from locust_plugins.listeners.jmeter import JmeterListener
from locust_plugins.transaction_manager import TransactionManager

from watch import finish, say

names = CSVReader(io.StringIO("anna\nbela\n"))
rows = CSVDictReader(io.StringIO("item,count\nlamp,2\nmug,4\n"))


@events.init.add_listener
def on_init(environment, **kwargs):
    JmeterListener(environment, testplan="plan", results_filename="jmeter.csv")


class Steps(SequentialTaskSet):
    def on_start(self):
        self.transactions = TransactionManager()

    @task
    def begin(self):
        self.transactions.start_transaction("purchase")
        self.client.get("/bytes/3", name=next(names)[0])

    @task
    def go_on(self):
        self.client.post("/status/500", name=next(rows)["item"])

    @task
    def end(self):
        self.transactions.end_transaction("purchase", success=False, failure_message="too dear")
        say(rows=[next(rows), next(rows), next(names), next(names)])
        finish(self.user)


class Visitor(HttpUser):
    wait_time = constant(0)
    tasks = [Steps]


@events.quit.add_listener
def on_quit(**kwargs):
    def read(path, *columns):
        with open(path) as file:
            return [[row.get(column) for column in columns] for row in csv.DictReader(file)]

    columns = ("label", "responseCode", "responseMessage", "threadName", "success", "failureMessage", "bytes")
    say(jmeter=read("jmeter.csv", *columns, "grpThreads"))
    say(transactions=read("results_transactions.csv", "transaction_name", "user_count", "success", "failure_message"))
    summary = read("results_transactions_summary.csv", "Type", "Name", "Request Count", "Failure Count")
    say(summary=summary, files=sorted(path.name for path in Path().glob("*_transactions*")))
