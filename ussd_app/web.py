"""The web application: doors on one Flask app, and what holds for all of them.

Every error is an answer in a form that its caller can use; nothing of a request's content is ever
in one. Which doors there are, and under which secret, is decided here and nowhere else.
"""

from collections.abc import Callable

import structlog
from flask import Flask, Response, redirect, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.middleware.proxy_fix import ProxyFix

from ussd_app.bootstrap import App
from ussd_app.channels import answers, daraja, inspect, ops, papers, providers, sms, ussd
from ussd_app.channels.answers import Answer
from ussd_app.channels.lane import Lane, Wsgi
from ussd_app.channels.limits import AddressLimit, NumberLimit
from ussd_app.channels.readiness import Readiness
from ussd_app.channels.sessions import Sessions
from ussd_app.kernel.errors import RefusalCode

MOST_BODY_BYTES = ussd.MOST_BODY_BYTES

_log = structlog.get_logger("web")

_SENTENCES = {
    404: "There is nothing here.",
    405: "That method is not for this door.",
    413: "That is more than this door takes.",
    429: "Too many requests from your address. Please slow down.",
}


def create_app(app: App, nudge: Callable[[], None] = lambda: None) -> Flask:
    """Build the Flask app. `nudge` wakes the workers after something was queued."""
    flask = Flask("kabambe", static_folder=None)
    flask.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES
    flask.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    flask.url_map.merge_slashes = False
    settings = app.settings
    secret = settings.callback_secret
    networks = ussd.NETWORKS if settings.production else ussd.NETWORKS | {ussd.SANDBOX}
    sessions = Sessions(app.redis, app.keyring.session_key(), settings.rate_msisdn_per_minute)
    door = ussd.Door(sessions, app.machine, app.bank, app.metrics, nudge, networks)
    steps = app.machine.book.steps()
    texts = NumberLimit(app.redis, settings.rate_msisdn_per_minute)
    heard = sms.Doors(app.inbox, sessions, app.metrics, nudge, steps, texts, app.clock)
    flask.register_blueprint(ussd.blueprint(door, app.metrics, secret))
    flask.register_blueprint(sms.blueprint(heard, app.metrics, secret))
    told = providers.Doors(app.inbox, app.bank.desk.reads, nudge, settings.bank_key)
    flask.register_blueprint(providers.blueprint(told, app.metrics, secret))
    if settings.daraja_url is not None:
        paid = daraja.Doors(app.inbox, app.bank.desk, app.metrics, nudge)
        allowed = settings.daraja_allowed_addresses
        flask.register_blueprint(daraja.blueprint(paid, settings.daraja_doors, allowed))
    simulator_port = settings.simulator_port if settings.simulator else None
    readiness = Readiness(app.engine, app.redis, simulator_port)
    flask.register_blueprint(ops.blueprint(app.engine, readiness, app.metrics))
    flask.register_blueprint(papers.blueprint(app.bank.desk))
    if settings.simulator:
        flask.register_blueprint(inspect.blueprint(app.machine, sessions, app.engine, secret))
        flask.add_url_rule("/", "page", _to_the_page(settings.simulator_port))
    limit = AddressLimit(settings.rate_address_per_minute)
    apologise = _apologiser(app, door)
    _guard(flask, app, limit, apologise)
    lane = Lane(flask.wsgi_app, door, ussd.path(secret), limit, apologise)
    flask.wsgi_app = _behind(settings.trusted_proxies, lane)  # type: ignore[assignment]
    return flask


def _behind(proxies: int, served: Wsgi) -> Wsgi:
    """So that a request's address is that of whoever asks the outermost of our own proxies."""
    return ProxyFix(served, x_for=proxies, x_proto=0, x_host=0) if proxies else served


def _to_the_page(port: int) -> Callable[[], Response]:
    def page() -> Response:
        host = request.host.rpartition(":")[0] or request.host
        return redirect(f"http://{host}:{port}/")  # type: ignore[return-value]

    return page


def _apologiser(app: App, door: ussd.Door) -> Callable[[Exception], Answer]:
    """What is done and said when something happens that nobody foresaw."""

    def apologise(error: Exception) -> Answer:
        _log.error("unexpected", kind=type(error).__name__, exc_info=error)
        app.metrics.rejected("web", "unexpected")
        return door.farewell(RefusalCode.UNAVAILABLE)

    return apologise


def _guard(
    flask: Flask, app: App, limit: AddressLimit, apologise: Callable[[Exception], Answer]
) -> None:
    @flask.before_request
    def slow_down() -> Response | None:
        if limit.allows(request.remote_addr or ""):
            return None
        app.metrics.rejected("web", "flood")
        return answers.say(429, _SENTENCES[429])

    @flask.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> Response:
        code = error.code or 500
        app.metrics.rejected("web", str(code))
        answer = answers.say(code, _SENTENCES.get(code, "That request cannot be served."))
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return answer

    @flask.errorhandler(Exception)
    def unforeseen(error: Exception) -> Response:
        sorry = apologise(error)
        if request.endpoint == "ussd.hop":
            return sorry.response()
        return answers.say(500, "Something went wrong on our side.")
