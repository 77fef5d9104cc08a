"""A statement as a PDF on A4, in the customer's language, encrypted under a code.

Prints what it is handed and computes nothing but what stands beside it on the page.
"""

from dataclasses import dataclass
from datetime import date, datetime

from fpdf import FPDF
from fpdf.enums import AccessPermission, Align, EncryptionMethod

from ussd_app.domain import spending
from ussd_app.domain.catalogue import Catalogue
from ussd_app.domain.papers import Account
from ussd_app.domain.spending import Line
from ussd_app.kernel.clock import nairobi
from ussd_app.kernel.money import format_minor
from ussd_app.kernel.msisdn import local

FONT = "Helvetica"
BODY_PT, SMALL_PT, TITLE_PT = 9, 7.5, 16
INK, GREEN, PALE, RULE = (30, 30, 30), (0, 110, 60), (240, 246, 242), (200, 212, 205)
COLUMNS_MM = (26, 20, 78, 21, 21, 24)
WORDS_BEFORE_SUMS = 3
ROW_MM = 5
NAME_WIDTH = 24


@dataclass(frozen=True)
class Words:
    """Everything that is printed, in one language."""

    title: str
    period: str
    opening: str
    closing: str
    came: str
    went: str
    headings: tuple[str, str, str, str, str, str]
    fee: str
    nothing: str
    page: str
    made: str


WORDS = {
    "en": Words(
        title="Statement",
        period="From {first} to {last}",
        opening="Balance before",
        closing="Balance after",
        came="Came in",
        went="Went out",
        headings=("Date", "Receipt", "Details", "In", "Out", "Balance"),
        fee="fee",
        nothing="Nothing came in or went out in these days.",
        page="Page {page} of {{nb}}",
        made="Made on {at}. All amounts in Kenyan shillings (KES).",
    ),
    "sw": Words(
        title="Taarifa",
        period="Kuanzia {first} hadi {last}",
        opening="Salio kabla",
        closing="Salio baada",
        came="Zilizoingia",
        went="Zilizotoka",
        headings=("Tarehe", "Risiti", "Maelezo", "Kuingia", "Kutoka", "Salio"),
        fee="ada",
        nothing="Hakuna pesa iliyoingia wala kutoka siku hizi.",
        page="Ukurasa {page} kati ya {{nb}}",
        made="Imetengenezwa {at}. Kiasi chote ni kwa shilingi za Kenya (KES).",
    ),
}


class _Paper(FPDF):
    """A4 upright with our name above and the page's number below."""

    def __init__(self, words: Words, made: datetime) -> None:
        super().__init__(format="A4")
        self._words, self._made = words, made
        self.alias_nb_pages()
        self.set_margins(10, 12, 10)
        self.set_auto_page_break(True, margin=18)
        self.set_creation_date(made)
        self.set_title(f"Kabambe: {words.title}")
        self.set_producer("Kabambe")

    def footer(self) -> None:
        """On every page: when it was made, and which page it is."""
        self.set_y(-13)
        self.set_font(FONT, size=SMALL_PT)
        at = f"{nairobi(self._made):%d/%m/%Y %H:%M}"
        self.cell(120, 5, self._words.made.format(at=at))
        self.cell(0, 5, self._words.page.format(page=self.page_no()), align=Align.R)


def printed(catalogue: Catalogue, account: Account, code: str, made: datetime) -> bytes:
    """The account as a PDF that opens with the code (AES-256) and may be read and printed."""
    words = WORDS[account.language]
    paper = _Paper(words, made)
    paper.set_encryption(
        owner_password=f"{code} {made.isoformat()}",
        user_password=code,
        encryption_method=EncryptionMethod.AES_256,
        permissions=AccessPermission.PRINT_LOW_RES | AccessPermission.PRINT_HIGH_RES,
    )
    paper.add_page()
    _heading(paper, account, words)
    _sums(paper, account, words)
    _table(paper, catalogue, account, words)
    return bytes(paper.output())


def _heading(paper: FPDF, account: Account, words: Words) -> None:
    paper.set_text_color(*GREEN)
    paper.set_font(FONT, "B", TITLE_PT)
    paper.cell(0, 9, f"Kabambe  {words.title}", new_x="LMARGIN", new_y="NEXT")
    paper.set_text_color(*INK)
    paper.set_font(FONT, "B", BODY_PT + 1)
    paper.cell(0, 6, _plain(account.party.name), new_x="LMARGIN", new_y="NEXT")
    paper.set_font(FONT, size=BODY_PT)
    paper.cell(0, 5, local(account.party.msisdn), new_x="LMARGIN", new_y="NEXT")
    period = words.period.format(first=_day(account.first), last=_day(account.last))
    paper.cell(0, 5, period, new_x="LMARGIN", new_y="NEXT")
    paper.ln(3)


def _sums(paper: FPDF, account: Account, words: Words) -> None:
    came = sum(line.minor for line in account.lines if line.minor > 0)
    went = -sum(line.minor for line in account.lines if line.minor < 0)
    sums = (
        *((words.opening, account.opening_minor), (words.came, came)),
        *((words.went, went), (words.closing, account.closing_minor)),
    )
    for label, minor in sums:
        paper.cell(45, 5, label)
        paper.cell(40, 5, format_minor(minor), align=Align.R, new_x="LMARGIN", new_y="NEXT")
    paper.ln(4)


def _table(paper: FPDF, catalogue: Catalogue, account: Account, words: Words) -> None:
    """Row by row and without measuring the rest: a year of a busy shop is thousands of rows."""
    if not account.lines:
        paper.cell(0, 6, words.nothing)
        return
    paper.set_draw_color(*RULE)
    paper.set_line_width(0.15)
    names = spending.names(catalogue)
    _row(paper, words.headings, heading=True)
    for line in account.lines:
        if paper.will_page_break(ROW_MM):
            paper.add_page()
            _row(paper, words.headings, heading=True)
        label = names[spending.category(catalogue, line)][account.language]
        _row(paper, _cells(line, label, words))


def _row(paper: FPDF, cells: tuple[str, ...], *, heading: bool = False) -> None:
    paper.set_font(FONT, "B" if heading else "", SMALL_PT)
    paper.set_fill_color(*PALE)
    for place, (text, width) in enumerate(zip(cells, COLUMNS_MM, strict=True)):
        align = Align.L if place < WORDS_BEFORE_SUMS else Align.R
        paper.cell(width, ROW_MM, text, border="B", align=align, fill=heading)
    paper.ln(ROW_MM)


def _cells(line: Line, label: str, words: Words) -> tuple[str, ...]:
    amount = format_minor(abs(line.minor))
    came, went = (amount, "") if line.minor > 0 else ("", amount)
    what = _plain(line.who)[:NAME_WIDTH]
    if line.minor < 0:
        what = f"{what}, {label}"
    if line.fee_minor:
        what = f"{what}, {words.fee} {format_minor(line.fee_minor)}"
    at = f"{nairobi(line.happened_at):%d/%m/%Y %H:%M}"
    return (at, line.receipt, what, came, went, format_minor(line.balance_minor))


def _day(day: date) -> str:
    return f"{day:%d/%m/%Y}"


def _plain(text: str) -> str:
    """What the built-in fonts can print; the few GSM letters that they lack become a mark."""
    return text.encode("latin-1", "replace").decode("latin-1")
