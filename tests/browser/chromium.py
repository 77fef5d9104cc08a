"""Debian's chromium under selenium, with a profile of its own and no business elsewhere."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
PATIENCE_S = 15


def binaries() -> tuple[str, str]:
    """Where the browser and its driver are. Skips the test without them; fails it in CI."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium and driver:
        return chromium, driver
    reason = "chromium and chromedriver are not installed (apt-get install chromium-driver)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def browser(width: int, height: int) -> Iterator[webdriver.Chrome]:
    """A browser whose page is this large, in CSS pixels; a narrow one is a phone's."""
    chromium, driver = binaries()
    options = Options()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with TemporaryDirectory(prefix="kabambe-chromium-", ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        chrome = webdriver.Chrome(options=options, service=Service(driver))
        try:
            size = {"width": width, "height": height, "deviceScaleFactor": 2}
            chrome.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride", size | {"mobile": width < 600}
            )
            yield chrome
        finally:
            chrome.quit()


def until(chrome: webdriver.Chrome, what: str, holds: Callable[[], bool]) -> None:
    """Wait for something to hold. Raises TimeoutException naming it.

    What is looked at may be drawn anew at that moment; then it is looked for again.
    """
    drawn_anew = [StaleElementReferenceException]
    WebDriverWait(chrome, PATIENCE_S, 0.05, drawn_anew).until(lambda _: holds(), what)


def picture(chrome: webdriver.Chrome, name: str) -> None:
    """Keep a picture of the page in the folder that KABAMBE_PICTURES names, if it does."""
    folder = os.environ.get("KABAMBE_PICTURES")
    if folder:
        chrome.save_screenshot(str(Path(folder) / f"{name}.png"))
