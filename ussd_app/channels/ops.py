"""The doors for whoever runs the server: is it alive, is it ready, what does it count.

Meant for the inside of the network; see docs/runbook.md.
"""

import redis
from flask import Blueprint, Response
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ussd_app.channels import answers
from ussd_app.metrics import CONTENT_TYPE, Backlog, Metrics
from ussd_app.reports.operations import backlog


def unready(engine: Engine, client: redis.Redis) -> list[str]:
    """Which of the servers that we need do not answer."""
    silent = []
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1 FROM alembic_version")
    except SQLAlchemyError:
        silent.append("postgresql")
    try:
        client.ping()
    except redis.RedisError:
        silent.append("redis")
    return silent


def blueprint(engine: Engine, client: redis.Redis, metrics: Metrics) -> Blueprint:
    """`/healthz`, `/readyz` and `/metrics`."""
    blue = Blueprint("ops", __name__)

    @blue.get("/healthz")
    def healthz() -> Response:
        return answers.say(200, "alive")

    @blue.get("/readyz")
    def readyz() -> Response:
        silent = unready(engine, client)
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
