"""A product is added by adding files: those of docs/new-product.md, taken from the page itself."""

import re
from pathlib import Path

import pytest

import menus.__main__ as menus_line
import ussd_app.products.__main__ as products_line
from menus.book import Book, Misread
from simulator import dialogue
from simulator.world import world
from ussd_app.embedded import Redis
from ussd_app.products.read import HERE as PRODUCTS
from ussd_app.products.read import ProductsInvalid, read_catalogue, read_texts
from ussd_app.settings import Settings, SettingsInvalid

PAGE = Path(__file__).parent.parent / "docs" / "new-product.md"
FILE = re.compile(
    r"^`([a-z0-9/-]+\.(?:yaml|txt))`\n\n```[a-z]+\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
PARTS = {"products", "products/tariffs", "products/texts", "flows", "dialogues"}


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """The product, in a folder of its own."""
    for path, content in FILE.findall(PAGE.read_text("utf-8")):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, "utf-8")
    return tmp_path


def test_it_is_few_lines_and_has_every_part(town: Path) -> None:
    files = [path for path in town.rglob("*.*") if path.is_file()]
    assert {str(path.parent.relative_to(town)) for path in files} == PARTS
    assert sum(len(path.read_text("utf-8").splitlines()) for path in files) < 100


def test_both_linters_find_it_sound(town: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert products_line.main(["lint", str(town)]) == 0, capsys.readouterr().out
    assert menus_line.main(["lint", str(town)]) == 0, capsys.readouterr().out


def test_the_linters_look_into_it(town: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file, old, new in (
        ("products/parking.yaml", "fee: parking}", "fee: moon}"),
        ("products/texts/parking.yaml", "may park", "may park " + "x" * 100),
    ):
        text = (town / file).read_text("utf-8")
        (town / file).write_text(text.replace(old, new), "utf-8")
        assert products_line.main(["lint", str(town)]) == 1, file
        (town / file).write_text(text, "utf-8")
    flow = town / "flows" / "parking.yaml"
    flow.write_text(flow.read_text("utf-8").replace("find: quote", "find: quota"), "utf-8")
    assert menus_line.main(["lint", str(town)]) == 1
    assert "the bank knows no quota" in capsys.readouterr().out


def test_it_is_played_on_real_servers_and_the_books_hold(
    town: Path, database_url: str, redis_server: Redis
) -> None:
    before = (town / "dialogues" / "parking.txt").read_text("utf-8")
    with world(database_url, redis_server.url(), (town,)) as stage:
        played = list(dialogue.play(dialogue.parse(before), stage))
        stage.close()
    assert dialogue.difference(before, dialogue.write(played), "parking.txt") == ""


def test_what_ours_have_already_stands_twice(town: Path) -> None:
    (town / "products" / "again.yaml").write_text((PRODUCTS / "wallet.yaml").read_text("utf-8"))
    with pytest.raises(ProductsInvalid, match="types: send_money: stands in another file too"):
        read_catalogue(PRODUCTS, town / "products")
    texts = town / "products" / "texts" / "again.yaml"
    texts.write_text((PRODUCTS / "texts" / "wallet.yaml").read_text("utf-8"))
    with pytest.raises(ProductsInvalid, match="sent: stands twice"):
        read_texts(PRODUCTS, town / "products")
    flow = town / "flows" / "balance.yaml"
    flow.write_text((menus_line.FLOWS_DIR / "balance.yaml").read_text("utf-8"))
    with pytest.raises(Misread, match="another flow has that name already"):
        Book.load(menus_line.FLOWS_DIR, menus_line.TEXTS_DIR, town / "flows")


def test_folders_are_named_in_the_environment(town: Path) -> None:
    named = Settings.read({"KABAMBE_PRODUCTS": f"{town}:{town / 'flows'}"}).products
    assert named == (town, town / "flows")
    with pytest.raises(SettingsInvalid, match="there is no folder"):
        Settings.read({"KABAMBE_PRODUCTS": str(town / "nowhere")})
