"""Those outside who are asked while somebody waits: whose account it is, when a SIM was replaced.

Apart from the worker's place, so that a web process loads no more than it asks.
"""

import redis

from ussd_app.domain.account_names import AccountNames
from ussd_app.domain.sim_swaps import SimSwaps
from ussd_app.kernel.clock import Clock, SystemClock
from ussd_app.settings import Settings
from workers.gateways.bank import BankSwitch
from workers.gateways.daraja import Daraja
from workers.gateways.daraja_keys import Account
from workers.gateways.daraja_line import Alarm
from workers.gateways.sim_swaps import WAIT_S, NetworkSims
from workers.shelf import RedisShelf


def account_names(settings: Settings) -> AccountNames | None:
    """Who can say whose an account is: the switch, where there is one."""
    if settings.bank_url is None:
        return None
    return BankSwitch(settings.bank_url, settings.bank_key)


def sim_swaps(settings: Settings, clock: Clock | None = None) -> SimSwaps | None:
    """Who can say when a SIM was replaced: Safaricom, where that is wanted."""
    if settings.daraja_sim_swap_days == 0 or settings.redis_url is None:
        return None
    clock = clock or SystemClock()
    client = redis.Redis.from_url(settings.redis_url, socket_timeout=WAIT_S)
    safaricom = daraja(settings, client, clock)
    if safaricom is None:
        return None
    return NetworkSims(safaricom, settings.daraja_sim_swap_days, clock.now)


def daraja(
    settings: Settings,
    client: redis.Redis,
    clock: Clock | None = None,
    alarm: Alarm = lambda what: None,
) -> Daraja | None:
    """Safaricom, where we have an account there. Its tokens lie in Redis, for all who ask; what
    people must look at is for `alarm`."""
    if settings.daraja_url is None or settings.daraja_certificate is None:
        return None
    account = Account(
        url=settings.daraja_url,
        consumer_key=settings.daraja_consumer_key,
        consumer_secret=settings.daraja_consumer_secret,
        shortcode=settings.daraja_shortcode,
        passkey=settings.daraja_passkey,
        initiator=settings.daraja_initiator,
        initiator_password=settings.daraja_initiator_password,
        certificate=settings.daraja_certificate,
        callbacks=settings.public_url + settings.daraja_doors,
    )
    return Daraja(account, RedisShelf(client), (clock or SystemClock()).now, alarm)
