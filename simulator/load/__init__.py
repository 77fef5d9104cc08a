"""Many phones at once against one server on this machine, and a faithful record of what it said.

Two kinds of session: a transfer from dial to receipt, and a walk through menus that asks the bank
as little as the menus allow; or, with a town, the visits of a mixed day (`day`). Knows neither the
page nor its phones.
"""

from simulator.load.crowd import run
from simulator.load.plan import PIN, NotHere, Plan, person, town
from simulator.load.seen import Result, Transfer

__all__ = ["PIN", "NotHere", "Plan", "Result", "Transfer", "person", "run", "town"]
