"""The page in a real browser, before a real Kabambe: dial, send money, read the SMS."""

import time
from collections.abc import Iterator

import pytest
import requests
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from simulator.backstage import SERVICE_CODE
from simulator.desk import CAST
from simulator.safaricom.model import PIN
from tests.browser.chromium import browser, picture, until
from tests.simulator.full_stage import FullStage, full_stage
from tests.ways import way
from ussd_app.embedded import Redis

pytestmark = pytest.mark.browser
WAITING = (By.CSS_SELECTOR, ".glass .wait")


@pytest.fixture
def stage(database_url: str, redis_server: Redis) -> Iterator[FullStage]:
    with full_stage(database_url, redis_server.url()) as stage:
        yield stage


class Handset:
    """One phone on the page, as a person sees and presses it."""

    def __init__(self, chrome: webdriver.Chrome, name: str) -> None:
        self.chrome = chrome
        self.root = chrome.find_element(By.CSS_SELECTOR, f".station[data-name={name}]")

    def find(self, selector: str) -> WebElement:
        return self.root.find_element(By.CSS_SELECTOR, selector)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.find(f'[data-key="{key}"]').click()

    def shows(self, text: str) -> None:
        until(self.chrome, text, lambda: text in " ".join(self.find(".glass").text.split()))

    def types(self, *words: str) -> None:
        """On the computer's keyboard, each word with Enter once the phone waits for it."""
        for word in words:
            until(self.chrome, "an answer", lambda: not self.root.find_elements(*WAITING))
            self.find(".handset").send_keys(word, Keys.ENTER)

    @property
    def step(self) -> str:
        lit = self.root.find_elements(By.CSS_SELECTOR, ".node.here")
        return (lit[0].get_attribute("data-step") or "") if lit else ""


def opened(chrome: webdriver.Chrome, stage: FullStage) -> tuple[Handset, Handset]:
    chrome.get(stage.url)
    until(
        chrome,
        "everybody's phone",
        lambda: len(chrome.find_elements(By.CLASS_NAME, "station")) == len(CAST),
    )
    return Handset(chrome, "asha"), Handset(chrome, "baraka")


def no_complaints(chrome: webdriver.Chrome) -> None:
    said: list[dict[str, str]] = chrome.get_log("browser")  # type: ignore[no-untyped-call]
    grave = [each for each in said if each["level"] == "SEVERE"]
    assert grave == []


def test_dial_send_money_and_read_the_sms(stage: FullStage) -> None:
    with browser(1440, 960) as chrome:
        asha, baraka = opened(chrome, stage)
        asha.press(*SERVICE_CODE, "green")
        asha.shows("1 Send money")
        asha.press("1", "green")
        asha.shows("Enter phone number")
        until(chrome, "the first step", lambda: asha.step == "recipient")
        asha.types("0722000002", "500")
        asha.shows("Enter PIN to confirm")
        asha.find(".handset").send_keys("4826")
        assert asha.find(".typed").text == "****"
        until(chrome, "the lit step", lambda: asha.step == "confirm")
        picture(chrome, "laptop")
        asha.find(".handset").send_keys(Keys.ENTER)
        asha.shows("confirmed. KES 500.00 sent to BARAKA.")
        stage.backstage.drain()
        until(chrome, "an envelope", lambda: baraka.find(".mail").is_displayed())
        baraka.press("left", "left")
        baraka.shows("Umepokea KES 500.00 kutoka ASHA")
        until(chrome, "ledger", lambda: "from wallet/asha to wallet/baraka" in asha.root.text)
        assert "500.00" in asha.find(".timeline .ledger").text
        assert "1 segment" in baraka.find(".timeline .sms").text
        picture(chrome, "laptop-sent")
        assert "4826" not in (asha.root.get_attribute("outerHTML") or "4826")
        no_complaints(chrome)
    assert stage.backstage.audit() == []


def test_a_prompt_of_m_pesa_answered_on_the_page(stage: FullStage) -> None:
    with browser(1440, 960) as chrome:
        asha, _ = opened(chrome, stage)
        asha.types(SERVICE_CODE)
        asha.shows("8 M-PESA, bank, crypto")
        asha.types(*way("top_up", "500"))
        asha.shows("Enter your M-PESA PIN when your phone asks")
        stage.backstage.drain()
        asha.shows("Pay Ksh500.00 to KABAMBE account 0712000001?")
        until(chrome, "the buttons", lambda: asha.find(".mpesa .asked").is_displayed())
        asha.find(".handset").send_keys(PIN)
        assert asha.find(".typed").text == "****"
        picture(chrome, "laptop-prompt")
        asha.find(".handset").send_keys(Keys.ENTER)
        until(chrome, "no more prompt", lambda: not asha.find(".mpesa .asked").is_displayed())
        until(chrome, "M-PESA's balance", lambda: "19,500.00" in asha.find(".mpesa legend").text)
        wait_for(stage, "c2b confirmation")
        stage.backstage.drain()
        until(chrome, "Kabambe's SMS", lambda: "You got KES 500.00" in asha.find(".timeline").text)
        no_complaints(chrome)
    assert stage.backstage.audit() == []


def wait_for(stage: FullStage, what: str) -> None:
    """Until Safaricom has said this, from a thread of its own."""
    said = stage.simulator.safaricom.journal.exchanges
    deadline = time.monotonic() + 10
    while not any(each.what == what for each in list(said)) and time.monotonic() < deadline:
        time.sleep(0.05)


def test_lipa_na_m_pesa_and_the_drawer_of_safaricom(stage: FullStage) -> None:
    with browser(1440, 960) as chrome:
        asha, _ = opened(chrome, stage)
        asha.find("[data-quick=mpesa]").click()
        asha.shows("1 Pay Bill")
        asha.types("1", "174379", "0712 000 001", "300")
        asha.shows("Pay Ksh300 to 174379 account 0712 000 001")
        asha.types(PIN)
        asha.shows("Confirmed. Ksh300.00 sent to KABAMBE for account 0712 000 001")
        asha.press("left")
        asha.shows("0712000001")
        button = chrome.find_element(By.CSS_SELECTOR, ".tools .outside")
        button.click()
        drawer = chrome.find_element(By.ID, "safaricom")
        until(chrome, "the confirmation", lambda: "c2b confirmation" in drawer.text)
        requests.post(f"{stage.url}/safaricom/mpesa/nothing", timeout=5)
        until(chrome, "what was wrong", lambda: "there is no /mpesa/nothing" in drawer.text)
        ways = Select(drawer.find_element(By.CSS_SELECTOR, "[data-who=Safaricom]"))
        ways.select_by_value("is silent")
        until(chrome, "its name in the header", lambda: button.text == "Safaricom is silent")
        aims = drawer.find_element(By.CSS_SELECTOR, ".aims")
        for name, value in (("how", "throttles"), ("call", "b2c")):
            chosen = drawer.find_element(By.CSS_SELECTOR, f".aim [name={name}]")
            Select(chosen).select_by_value(value)
        drawer.find_element(By.CSS_SELECTOR, ".aim button").click()
        until(chrome, "what goes wrong alone", lambda: "throttles on b2c once" in aims.text)
        picture(chrome, "laptop-safaricom")
        aims.find_element(By.TAG_NAME, "button").click()
        until(chrome, "nothing alone", lambda: not aims.text)
        button.click()
        assert not drawer.is_displayed()
        no_complaints(chrome)


def test_letters_tabs_and_faults(stage: FullStage) -> None:
    with browser(1440, 960) as chrome:
        asha, baraka = opened(chrome, stage)
        asha.find(".handset").send_keys(Keys.ARROW_RIGHT)
        assert chrome.switch_to.active_element == baraka.find(".handset")
        baraka.root.find_element(By.CSS_SELECTOR, ".handset").send_keys(SERVICE_CODE, Keys.ENTER)
        baraka.shows("1 Tuma pesa")
        baraka.types("1")
        baraka.press("#", "2", "2")
        assert baraka.find(".typed").text == "B"
        baraka.press("right", "#", "#")
        baraka.find("[data-fault=lose_reply]").click()
        until(
            chrome,
            "an armed fault",
            lambda: baraka.find("[data-fault=lose_reply]").get_attribute("aria-pressed") == "true",
        )
        baraka.types("0712000001")
        baraka.shows("Connection problem")
        baraka.find("[data-fault=again]").click()
        until(chrome, "the repeat", lambda: "repeated" in baraka.find(".timeline").text)
        baraka.find(".handset").send_keys(Keys.ESCAPE)
        baraka.shows("0722000002")
        no_complaints(chrome)


def test_the_keyboard_alone_reaches_everything(stage: FullStage) -> None:
    with browser(1440, 960) as chrome:
        asha, _ = opened(chrome, stage)
        asha.find(".handset").send_keys(Keys.TAB)
        assert chrome.switch_to.active_element == asha.find("[data-quick=dial]")
        chrome.find_element(By.CSS_SELECTOR, ".tools .outside").send_keys(Keys.ENTER)
        drawer = chrome.find_element(By.ID, "safaricom")
        assert chrome.switch_to.active_element == drawer.find_element(By.TAG_NAME, "button")
        chrome.switch_to.active_element.send_keys(Keys.ESCAPE)
        assert not drawer.is_displayed()
        chrome.find_element(By.CSS_SELECTOR, "[data-open=add]").send_keys(Keys.ENTER)
        chrome.switch_to.active_element.send_keys("Chris", Keys.TAB, "0711000009", Keys.ENTER)
        until(
            chrome,
            "another phone",
            lambda: bool(chrome.find_elements(By.CSS_SELECTOR, "[data-name=chris]")),
        )
        no_complaints(chrome)


def test_what_is_typed_behind_an_answer_is_not_sent_with_it(stage: FullStage) -> None:
    with browser(1440, 960) as chrome:
        asha, _ = opened(chrome, stage)
        asha.types(SERVICE_CODE)
        asha.shows("1 Send money")
        asha.find("[data-fault=slow]").click()
        until(chrome, "slowness", lambda: asha.find("[data-fault=slow]").text == "is slow 2 s")
        asha.find(".handset").send_keys("1", Keys.ENTER, "7", Keys.ENTER)
        asha.shows("Enter phone number")
        assert asha.find(".typed").text == ""
        assert "text 1 " in asha.find(".timeline .hop").text.replace("\n", " ")
        no_complaints(chrome)


def test_record_a_dialogue(stage: FullStage) -> None:
    with browser(1440, 960) as chrome:
        asha, _ = opened(chrome, stage)
        chrome.find_element(By.CSS_SELECTOR, "[data-do=record]").click()
        until(chrome, "recording", lambda: stage.simulator.desk.recorder.on)
        asha.find(".handset").send_keys(SERVICE_CODE, Keys.ENTER)
        asha.shows("1 Send money")
        chrome.find_element(By.CSS_SELECTOR, "[data-do=record]").click()
        text = chrome.find_element(By.CSS_SELECTOR, "#recording pre")
        until(chrome, "the recording", lambda: "asha dials *383#" in text.text)
        assert "asha     0712000001  pin 4826  en  wallet 1,500.00" in text.text
        no_complaints(chrome)


def test_the_page_on_a_phone(stage: FullStage) -> None:
    with browser(390, 844) as chrome:
        asha, _ = opened(chrome, stage)
        asha.press(*SERVICE_CODE, "green")
        asha.shows("1 Send money")
        picture(chrome, "phone")
        wide: int = chrome.execute_script("return document.documentElement.scrollWidth")
        assert wide <= 390
        keypad = asha.find('[data-key="#"]').rect
        assert keypad["y"] + keypad["height"] <= 844
        no_complaints(chrome)
