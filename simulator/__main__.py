"""The command line: `python -m simulator <serve|dial|play|replay|rewrite|load>`."""

import argparse
import getpass
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from simulator.load.day import Town
from ussd_app.settings import Settings, SettingsInvalid

DIALOGUES: Final = Path("tests/dialogues")
FAULTY: Final = 2

Options = argparse.Namespace


def _serve(_options: Options) -> int:
    from simulator.server import Plan, serve

    serve(Plan.read(os.environ), lambda line: print(line, flush=True))
    return 0


def _dial(options: Options) -> int:
    from simulator.inside import Inside
    from simulator.server import Plan
    from simulator.terminal import dial
    from ussd_app.kernel.msisdn import parse

    plan = Plan.read(os.environ)
    msisdn = parse(options.phone)
    if msisdn is None:
        print(f"{options.phone} is no Kenyan mobile number", file=sys.stderr)
        return FAULTY
    hide = getpass.getpass if sys.stdin.isatty() else input
    inside = Inside(plan.application_url, plan.secret)
    return dial(plan.service, inside, msisdn, options.code, hear_secret=hide)


def _play(options: Options) -> int:
    """Play files on throwaway worlds, printing them as they go; 1 when one went otherwise."""
    return _on_stage(options.paths, rewrite=False)


def _rewrite(options: Options) -> int:
    """Rewrite what the files expect to what happens."""
    return _on_stage(options.paths, rewrite=True)


def _on_stage(paths: Sequence[Path], *, rewrite: bool) -> int:
    from simulator import dialogue
    from simulator.theatre import Theatre
    from simulator.world import AuditFailed, world

    wrong = 0
    with Theatre() as theatre:
        for path in dialogue.files(paths):
            before = path.read_text(encoding="utf-8")
            played: list[tuple[dialogue.Step, list[str]]] = []
            try:
                with theatre.fresh() as urls, world(*urls) as stage:
                    for step, block in dialogue.play(dialogue.parse(before), stage):
                        played.append((step, block))
                        if not rewrite:
                            print(dialogue.write([(step, block)]), end="", flush=True)
                    stage.close()
            except (dialogue.DialogueInvalid, AuditFailed) as failure:
                print(f"{path}: {failure}", file=sys.stderr)
                wrong += 1
                continue
            after = dialogue.write(played)
            if rewrite and after != before:
                path.write_text(after, encoding="utf-8")
                print(f"rewritten: {path}")
            elif after != before:
                wrong += 1
                print(dialogue.difference(before, after, str(path)))
    return min(wrong, 1)


def _replay(options: Options) -> int:
    from simulator import dialogue
    from simulator.replay import Player
    from simulator.server import Plan

    url = options.simulator or f"http://127.0.0.1:{Plan.read(os.environ).port}"
    different = 0
    for path in dialogue.files(options.paths):
        steps = dialogue.parse(path.read_text(encoding="utf-8"))
        different += Player(url, options.pause, print).play(steps)
    return min(different, 1)


def _load(options: Options) -> int:
    from simulator import load
    from simulator.server import Plan

    plan = Plan.read(os.environ)
    url = options.url or plan.service.ussd_url
    people = [load.person(number) for number in range(options.people)]
    town, owners = load.town(options.people)
    wanted = load.Plan(
        url=url,
        people=people,
        sessions=options.sessions,
        seconds=options.seconds,
        concurrency=options.concurrency,
        navigation=options.navigation,
        service_code=plan.service.code,
        think_s=(options.think / 2, options.think * 1.5),
        town=town if options.mix == "day" else None,
    )
    wanted.check()
    if options.plant:
        _plant(people, options.balance, wanted.town, owners)
    result = load.run(wanted)
    print(json.dumps(result.summary(), indent=2))
    return 1 if result.errors or result.unexpected else 0


def _plant(people: Sequence[str], balance: int, town: Town | None, owners: Sequence[str]) -> None:
    """People with money, put into the database that the settings or the running server name; and
    a town with its agents and businesses, if they are to have one."""
    from simulator.load import PIN
    from simulator.planting import plant_people, plant_town
    from ussd_app.running.inspection import reachable

    with reachable(Settings.read(os.environ)) as settings:
        plant_people(settings, people, PIN, balance * 100)
        if town is not None:
            plant_town(settings, town, owners, PIN)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="A telco to test by.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("serve", help="the page with the phones, and the SMS gateway")
    dial = commands.add_parser("dial", help="a phone in this terminal, its PIN masked")
    dial.add_argument("code", nargs="?", default="*383#", help="what to dial (quote it)")
    dial.add_argument("--phone", default="0712000001", help="the number that dials")
    for name, about in (
        ("play", "play dialogues on a throwaway Kabambe, and say where they differ"),
        ("rewrite", "rewrite the expected blocks of dialogues to what happens"),
    ):
        command = commands.add_parser(name, help=about)
        command.add_argument("paths", nargs="*", type=Path, default=[DIALOGUES])
    replay = commands.add_parser("replay", help="play dialogues on the running simulator's page")
    replay.add_argument("paths", nargs="+", type=Path)
    replay.add_argument("--simulator", help="its address, unless it is this installation's")
    replay.add_argument("--pause", type=float, default=0.4, help="seconds between two lines")
    load = commands.add_parser("load", help="many phones at once, on this machine only")
    load.add_argument("--sessions", type=int, default=1_000, help="stop after so many sessions")
    load.add_argument("--seconds", type=float, default=10.0, help="or after so many seconds")
    load.add_argument("--concurrency", type=int, default=50, help="sessions at once")
    load.add_argument(
        "--mix",
        choices=("send", "day"),
        default="send",
        help="sends and walks through menus, or a mixed day with agents and businesses",
    )
    load.add_argument("--navigation", type=float, default=0.5, help="share that only walks menus")
    load.add_argument("--think", type=float, default=0.0, help="seconds a person takes to answer")
    load.add_argument("--people", type=int, default=200, help="how many generated phones")
    load.add_argument("--plant", action="store_true", help="register the people first, with money")
    load.add_argument("--balance", type=int, default=10_000, help="shillings for each of them")
    load.add_argument("--url", help="the USSD callback, unless it is this installation's")
    return parser


COMMANDS: Final[dict[str, Callable[[Options], int]]] = {
    "serve": _serve,
    "dial": _dial,
    "play": _play,
    "replay": _replay,
    "rewrite": _rewrite,
    "load": _load,
}


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    options = _parser().parse_args(words)
    try:
        return COMMANDS[options.command](options)
    except SettingsInvalid as invalid:
        print("The settings are not right:", *invalid.faults, sep="\n  ", file=sys.stderr)
    except ValueError as refusal:
        print(refusal, file=sys.stderr)
    return FAULTY


if __name__ == "__main__":
    sys.exit(main())
