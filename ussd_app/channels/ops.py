"""The doors for whoever runs the server: is it alive, is it ready, what does it count.

`/healthz` speaks for this process alone, `/readyz` for the whole installation.
Meant for the inside of the network; see docs/runbook.md.
"""

from flask import Blueprint, Response
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ussd_app.channels import answers
from ussd_app.channels.readiness import Readiness
from ussd_app.metrics import CONTENT_TYPE, Backlog, Metrics
from ussd_app.reports.operations import backlog


def blueprint(engine: Engine, readiness: Readiness, metrics: Metrics) -> Blueprint:
    """`/healthz`, `/readyz` and `/metrics`."""
    blue = Blueprint("ops", __name__)

    @blue.get("/healthz")
    def healthz() -> Response:
        return answers.say(200, "alive")

    @blue.get("/readyz")
    def readyz() -> Response:
        silent = readiness.silent()
        if silent:
            return answers.say(503, "no answer from " + " and ".join(silent))
        return answers.say(200, "ready")

    @blue.get("/metrics")
    def exposition() -> Response:
        try:
            waiting = [Backlog(w.box, w.state, w.count, w.oldest_s) for w in backlog(engine)]
        except SQLAlchemyError:  # the counts of this very outage are wanted most
            waiting = []
        return Response(metrics.exposition(waiting), content_type=CONTENT_TYPE)

    return blue
