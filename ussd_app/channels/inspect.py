"""What the simulator's page may see of the inside. Only there when the simulator is on.

Secrets are masked before they get here: a session's record has none.
"""

from flask import Blueprint, Response, jsonify, request
from sqlalchemy import Engine

from menus.machine import Machine, State, UnreadableState
from ussd_app.channels import answers
from ussd_app.channels.schemas import asks_to_forget
from ussd_app.channels.sessions import Sessions
from ussd_app.reports.operations import customers, entries_after

MOST_ENTRIES = 50


def blueprint(
    machine: Machine, sessions: Sessions, engine: Engine, secret: str | None
) -> Blueprint:
    """The doors under `/inspect`, or under `/inspect/<secret>` as the callbacks are."""
    blue = Blueprint("inspect", __name__, url_prefix=f"/inspect/{secret}" if secret else "/inspect")

    @blue.get("/graph")
    def graph() -> Response:
        return jsonify(flows=machine.book.graph())

    @blue.get("/session/<session_id>")
    def session(session_id: str) -> Response:
        live = sessions.peek(session_id)
        if live is None:
            return answers.say(404, "no such session")
        hop, ended, step, wire = live
        try:
            state = State.from_wire(machine.book, wire)
        except UnreadableState:
            return answers.say(404, "that session stands nowhere any more")
        flow, _, screen = step.partition(".")
        return jsonify(
            flow=flow,
            step=screen,
            version=state.version,
            hop=hop,
            language=state.language,
            ended=ended,
            asks_secret=state.asks_secret,
            slots=state.public_slots(),
        )

    @blue.get("/entries")
    def entries() -> Response:
        after = request.args.get("after", "0")
        number = int(after) if after.isascii() and after.isdigit() and len(after) < 16 else 0
        found = entries_after(engine, number, MOST_ENTRIES)
        return jsonify(
            entries=[
                {
                    "id": entry.id,
                    "receipt": entry.receipt,
                    "type": entry.type,
                    "at": entry.happened_at.isoformat(),
                    "sentences": entry.sentences,
                }
                for entry in found
            ],
            last=found[-1].id if found else number,
        )

    @blue.get("/customers")
    def people() -> Response:
        return jsonify(customers=customers(engine))

    @blue.post("/faults")
    def faults() -> Response:
        if not asks_to_forget(request):
            return answers.say(400, 'Send {"redis": "forget"}.')
        sessions.forget_all()
        return answers.say(200, "forgotten")

    return blue
