"""Every file under tests/dialogues is a test: it is played on a Kabambe of its own, over HTTP.

`make rewrite` rewrites what they expect; then read the difference.
"""

from pathlib import Path

import pytest

from simulator import dialogue
from simulator.world import world
from ussd_app.embedded import Redis

DIALOGUES = Path(__file__).parent / "dialogues"


@pytest.mark.parametrize(
    "path",
    dialogue.files([DIALOGUES]),
    ids=lambda path: str(path.relative_to(DIALOGUES).with_suffix("")),
)
def test_dialogue(path: Path, database_url: str, redis_server: Redis) -> None:
    before = path.read_text(encoding="utf-8")
    with world(database_url, redis_server.url()) as stage:
        played = list(dialogue.play(dialogue.parse(before), stage))
        stage.close()
    difference = dialogue.difference(before, dialogue.write(played), path.name)
    if difference:
        pytest.fail("\n" + difference, pytrace=False)
