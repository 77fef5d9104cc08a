"""E-mail at the counter: a keyword, since addresses are typed in an SMS and not in a menu."""

from collections.abc import Mapping

from ussd_app.domain import mail
from ussd_app.domain.commands import Reply

REPLIES: Mapping[str, Reply] = {"email": mail.reply}
