"""A simulator that runs for weeks keeps the newest of everything, and the rest goes."""

import asyncio
from urllib.parse import urlencode

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from simulator import bank, mailroom, networks, recorder
from simulator.bank import Switch
from simulator.inside import Entry
from simulator.mailroom import Mailroom
from simulator.phones import Phone, Service
from simulator.recorder import Recorder
from simulator.safaricom import model
from tests.simulator.daraja_client import ASHA, DAWN, Developer
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.signing import sign


def test_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailroom, "MOST_KEPT", 2)
    room = Mailroom()
    for subject in "abc":
        asyncio.run(_deliver(room, subject))
    assert [letter.subject for letter in room.to("asha")] == ["b", "c"]


async def _deliver(room: Mailroom, subject: str) -> None:
    loop = asyncio.get_running_loop()
    letter = Envelope()
    letter.rcpt_tos = ["asha@example.com"]
    letter.content = f"From: x@example.com\r\nSubject: {subject}\r\n\r\nHello\r\n".encode()
    await room.handle_DATA(SMTP(room, loop=loop), Session(loop), letter)


def test_transfers_of_the_bank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank, "MOST_KEPT", 2)
    clock = FrozenClock(DAWN)
    switch = Switch(clock, "key")
    switch.faults.pending = True
    for reference in ("R1", "R2", "R3"):
        form = {"reference": reference, "amount": "5", "bank": "01", "account": "1100223344"}
        body = urlencode(form).encode()
        switch.transfer(body, form, sign("key", body))
    assert list(switch.transfers) == ["R2", "R3"]
    clock.advance(seconds=61)
    switch.agenda.tick()
    assert {made.status for made in switch.transfers.values()} == {"accepted"}


def test_messages_on_a_sim(shop: Developer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "MOST_MESSAGES", 2)
    for text in "abc":
        shop.safaricom.write_to(ASHA, text)
    assert shop.safaricom.customer(ASHA).messages == ["b", "c"]


def test_tokens_that_have_run_out(shop: Developer) -> None:
    for key in ("key", "another application"):
        shop.new_token(key)
    shop.clock.advance(seconds=3_600)
    shop.new_token("key")
    assert list(shop.safaricom.tokens) == ["key"]


def test_what_customers_have_spent_today(shop: Developer) -> None:
    shop.safaricom.books.put(ASHA, 1_000_000_00)
    for _ in range(2):
        assert "Confirmed" in shop.sells(amount_minor=250_000_00)
    assert "daily transfer limit" in shop.sells(amount_minor=250_000_00)
    shop.clock.advance(seconds=24 * 3600)
    assert "Confirmed" in shop.sells(amount_minor=250_000_00)


def test_a_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MOST_STEPS", 2)
    phone = Phone("asha", "+254712000001", networks.SAFARICOM, Service.at("", "*383#", "22383"))
    recording = Recorder()
    recording.start([], [phone])
    for typed in "123":
        recording.did(phone, f"asha > {typed}")
    recording.entries([Entry(1, "KAN00001", "send", ["5.00 from a to b"])])
    assert recording.text([phone]).split("\n")[5:] == ["asha > 1", "asha > 2", ""]
