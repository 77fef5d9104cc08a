"""What a WSGI server serves: `wsgi:app`."""

import os

from ussd_app.bootstrap import build
from ussd_app.logs import configure
from ussd_app.running.bodies import Bodies
from ussd_app.settings import Settings
from ussd_app.web import create_app
from workers.answering import account_names, sim_swaps
from workers.queueing import nudger

settings = Settings.read(os.environ)
configure(settings.production)
kabambe = build(settings, account_names=account_names(settings), sim_swaps=sim_swaps(settings))
app = Bodies(create_app(kabambe, nudger(kabambe.redis)), settings.port)
