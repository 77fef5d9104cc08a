"""The door to a statement: a link from an SMS, good once.

The link's name is the key, so it is never logged, cached, indexed or passed on; one address may try
few. An answer is the same whether a link was never there, is used up or too old.
"""

from flask import Blueprint, Response, request

from ussd_app.channels import answers
from ussd_app.channels.limits import AddressLimit
from ussd_app.domain import papers
from ussd_app.domain.desk import Desk

TRIES_PER_MINUTE = 20
GONE = (
    "This link was used already, or is too old. Ask for a new statement. / "
    "Kiungo hiki kimeshatumika au kimepitwa na muda. Omba taarifa mpya."
)
SLOWER = "Too many tries. Please wait a minute. / Umejaribu mara nyingi. Subiri dakika moja."
HEADERS = (
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Robots-Tag", "noindex, nofollow, noarchive"),
)


def blueprint(desk: Desk) -> Blueprint:
    """`/statements/<token>`. A HEAD, as by a phone that previews links, spends nothing."""
    blue = Blueprint("papers", __name__)
    limit = AddressLimit(TRIES_PER_MINUTE)

    @blue.get("/statements/<token>")
    def statement(token: str) -> Response:
        if not limit.allows(request.remote_addr or ""):
            return _private(answers.say(429, SLOWER))
        if request.method == "HEAD":
            return _private(Response(status=204))
        paper = papers.take(desk, token)
        if paper is None:
            return _private(answers.say(404, GONE))
        answer = Response(paper, content_type="application/pdf")
        answer.headers["Content-Disposition"] = 'attachment; filename="kabambe-statement.pdf"'
        return _private(answer)

    return blue


def _private(answer: Response) -> Response:
    answer.headers.extend(HEADERS)
    return answer
