"""What the front door is measured against: a bare Flask route with redis-py GET and SETEX.

Served by gunicorn's threads, the usual way. Only bench/front_door.py runs it.
"""

import os

import redis
from flask import Flask, request
from flask.typing import ResponseReturnValue

app = Flask("yardstick")
client = redis.Redis.from_url(os.environ["REDIS_URL"])


@app.post("/ussd")
def hop() -> ResponseReturnValue:
    """Read a session, write a session, say something."""
    form = request.form
    key = f"yardstick:{form['sessionId']}"
    known = client.get(key)
    client.setex(key, 120, form["text"])
    return f"CON {'Known' if known else 'New'}", 200, {"Content-Type": "text/plain"}


@app.post("/bare")
def bare() -> ResponseReturnValue:
    """Nothing but Flask: how fast the phones can ask at all."""
    return "CON ", 200, {"Content-Type": "text/plain"}
