"""The menu machine: a state and an answer give the next state and a screen, or a question.

Pure. A `find` or a `do` is handed out as a Request; whoever holds the session asks the bank and
brings Facts or a Refusal. The machine knows neither money's rules nor the web, and no secret ever
leaves a hop: neither `State.to_wire` nor any repr has one.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from menus.book import (
    FLOW_PREFIX,
    HOME,
    Ask,
    Book,
    Call,
    End,
    Flow,
    Listing,
    Menu,
    Slots,
    Step,
    Texts,
)
from menus.screens import BACK, BUDGET, HOME_KEY, MORE, Printer, Screen
from menus.state import Frame, State, UnknownVersion, UnreadableState
from menus.turns import Facts, OutOfTurn, Refusal, Request, Turn
from ussd_app.kernel.clock import Clock, SystemClock, business_day
from ussd_app.kernel.errors import Broken
from ussd_app.kernel.gsm7 import septets

__all__ = [
    "Facts",
    "Machine",
    "OutOfTurn",
    "Refusal",
    "Request",
    "Screen",
    "State",
    "Turn",
    "UnknownVersion",
    "UnreadableState",
]

HISTORY_MOST = 12
"""How many screens `0` can go back; older ones are forgotten."""

QUESTIONS_MOST = 8
"""How often the bank may be asked before a screen is shown."""

TYPED_MOST = 182
"""Characters that a USSD message can carry; anything longer is nonsense."""

OFFER_STEP = "resume.offer"


class Machine:
    """Walks a book. Holds no session: everything that changes is in the State. The clock is only
    for a date typed without its year."""

    def __init__(self, book: Book, texts: Texts | None = None, clock: Clock | None = None) -> None:
        self.book = book
        self.texts = texts or book.texts
        self._clock = clock or SystemClock()
        self._printer = Printer(self.texts)

    # -- what a session calls

    def begin(self, start: str = HOME, language: str = "en", resume: State | None = None) -> Turn:
        """Start a session. `resume` is offered at the first screen, if it can be resumed; until
        the bank knows better, it also tells the language."""
        flow = self.book.flows[start]
        if resume is not None:
            resume = resume.offer or resume
            language = resume.language
            resume = resume if resume.resumable else None
        state = State(flow, flow.start, language, {}, offer=resume)
        return self._enter(state, flow.start)

    def hear(self, state: State, text: str) -> Turn:
        """The customer answered. Raises OutOfTurn while the bank is awaited."""
        if state.ended:
            return Turn(state, None, self.show(state))
        typed = _tidy(text)
        if state.offer is not None:
            return self._hear_offer(state, state.offer, typed)
        flow = state.at
        step = flow.screens[state.step]
        if typed == HOME_KEY:
            return self._home(state)
        if typed == BACK:
            return self._back(state, step)
        if isinstance(step, Menu):
            option = step.by_number.get(typed)
            if option is None:
                return self._again(state, "choice")
            return self._move(state, option.to, option.sets)
        if isinstance(step, Ask):
            value = step.type.parse_on(typed, self._today) if step.type and typed else None
            if value is None:
                return self._again(state, step.type.kind if step.type else "choice")
            return self._move(state, step.to, {step.slot: value})
        if isinstance(step, Listing):
            return self._hear_row(state, step, typed)
        raise OutOfTurn(f"{step.place} does not wait for the customer")

    def answer(self, state: State, told: Facts | Refusal) -> Turn:
        """The bank answered. Raises OutOfTurn while the customer is awaited, Broken when the
        answer is not what the flow was promised."""
        step = state.at.screens[state.step]
        if not isinstance(step, Call) or state.ended:
            raise OutOfTurn(f"{step.place} does not wait for the bank")
        if isinstance(told, Refusal):
            return self._refused(state, step, told)
        slots = _without(state.slots, state.at.secrets)
        language = state.language
        for slot in step.gives:
            slots[slot] = value = _taken(state.at, step, slot, told.values)
            if slot in state.at.langs:
                language = value
        done = step.verb == "do"
        moved = State(
            state.at,
            state.step,
            language,
            slots,
            () if done else state.history,
            "" if done else state.notice,
            offer=state.offer,
            questions=state.questions,
        )
        to = step.to if isinstance(step.to, str) else step.to.target(slots)
        return self._enter(moved, to)

    def show(self, state: State) -> Screen:
        """The current screen once more, for a repeat or a lost hop."""
        flow = state.at
        step = flow.screens[state.step]
        language = state.language
        if state.offer is not None:
            return Screen(self._offer(state, state.offer), ends=False, step=OFFER_STEP)
        if state.ended and not isinstance(step, End):
            return Screen(state.notice, ends=True, step=step.metric)
        if not (step.waits or isinstance(step, End)):
            raise OutOfTurn(f"{step.place} has no screen: it waits for the bank")
        body = self._printer.body(step, language, state.slots)
        if state.notice:
            body = f"{state.notice}\n{body}"
        if state.ended:
            return Screen(body, ends=True, step=step.metric)
        back = bool(state.history) or state.page > 0
        nav = self._printer.nav(flow, step, language, back=back)
        if isinstance(step, Listing):
            room = BUDGET - septets(body) - septets(nav)
            body += self._printer.page(step, language, state.slots, state.page, room).text
        return Screen(body + nav, ends=False, step=step.metric)

    def farewell(self, code: str, facts: Mapping[str, object], language: str) -> Screen:
        """Say a refusal and hang up. Raises Broken for a code or a fact that no text knows."""
        return Screen(self._say_refusal(code, facts, language), ends=True, step=f"farewell.{code}")

    def _today(self) -> date:
        return business_day(self._clock.now())

    # -- moving on

    def _move(self, state: State, to: str, filled: Slots) -> Turn:
        """On from a waiting screen, with slots filled by the customer."""
        slots = {**state.slots, **filled}
        language = state.language
        for slot in state.at.langs:
            if slot in filled:
                language = filled[slot]
        step = state.at.screens[state.step]
        frame: Frame = (step.place, state.slots, state.page)
        history = (*state.history, frame)[-HISTORY_MOST:]
        return self._enter(State(state.at, state.step, language, slots, history), to)

    def _enter(self, state: State, to: str) -> Turn:
        """Arrive at a target of the state's flow."""
        flow, slots = state.at, state.slots
        if to.startswith(FLOW_PREFIX):
            flow, slots = self.book.flows[to[len(FLOW_PREFIX) :]], {}
            to = flow.start
        step = flow.screens[to]
        if isinstance(step, Call):
            return self._ask_bank(state, flow, step, slots)
        if flow.secrets and not flow.secrets.isdisjoint(slots):
            slots = _without(slots, flow.secrets)
        if isinstance(step, Listing) and not slots[step.rows]:
            return self._enter(self._counted(state, flow, step, slots), step.empty)
        ended = isinstance(step, End)
        arrived = State(
            flow,
            to,
            state.language,
            slots,
            () if ended else _up_to(state.history, step.place),
            state.notice,
            ended=ended,
            offer=None if ended else state.offer,
        )
        return Turn(arrived, None, self.show(arrived))

    def _ask_bank(self, state: State, flow: Flow, step: Call, slots: Slots) -> Turn:
        args = {arg: slots[slot] for arg, slot in step.slot_args.items()}
        args.update(step.literal_args)
        asking = self._counted(state, flow, step, slots)
        request = Request(step.verb, step.command, args, step.metric, step.secret_args)
        return Turn(asking, request, None)

    def _counted(self, state: State, flow: Flow, step: Step, slots: Slots) -> State:
        if state.questions >= QUESTIONS_MOST:
            raise Broken(f"a screen follows within {QUESTIONS_MOST} questions: {step.place}")
        return State(
            flow,
            step.name,
            state.language,
            slots,
            state.history,
            state.notice,
            offer=state.offer,
            questions=state.questions + 1,
        )

    def _refused(self, state: State, step: Call, refusal: Refusal) -> Turn:
        to = step.refused.get(refusal.code)
        said = ""
        if to is None or refusal.code not in step.quiet:
            said = self._say_refusal(refusal.code, refusal.facts, state.language)
        slots = _without(state.slots, state.at.secrets)
        refused = State(
            state.at,
            state.step,
            state.language,
            slots,
            () if to is None else state.history,
            said,
            ended=to is None,
            offer=None if to is None else state.offer,
            questions=state.questions,
        )
        if to is None:
            return Turn(refused, None, Screen(said, ends=True, step=step.metric))
        return self._enter(refused, to)

    # -- what every screen understands

    def _home(self, state: State) -> Turn:
        flow = self.book.flows[HOME]
        return self._enter(State(flow, flow.start, state.language, {}), flow.start)

    def _back(self, state: State, step: Step) -> Turn:
        if isinstance(step, Listing) and state.page:
            return self._turned(state, self._page_before(state, step))
        if not state.history:
            kind = step.type.kind if isinstance(step, Ask) and step.type else "choice"
            return self._again(state, kind)
        place, slots, page = state.history[-1]
        known = self.book.places.get(place)
        if known is None:
            return self._home(state)
        flow, before = known
        back = State(flow, before.name, state.language, slots, state.history[:-1], page=page)
        return Turn(back, None, self.show(back))

    def _again(self, state: State, kind: str) -> Turn:
        """Nonsense: the same screen under a sentence that helps."""
        notice = self.texts.nonsense[kind][state.language].text
        again = State(
            state.at,
            state.step,
            state.language,
            state.slots,
            state.history,
            notice,
            page=state.page,
            offer=state.offer,
        )
        return Turn(again, None, self.show(again))

    # -- rows

    def _hear_row(self, state: State, step: Listing, typed: str) -> Turn:
        rows = state.slots[step.rows]
        if typed == MORE:
            after = self._rows_shown(state, step, state.page, state.notice)
            return self._turned(state, after) if after < len(rows) else self._again(state, "choice")
        number = int(typed) if len(typed) <= 2 and typed.isascii() and typed.isdigit() else 0
        if not 1 <= number <= len(rows):
            return self._again(state, "choice")
        picked = state.at.slots[step.pick].take(rows[number - 1][0])
        return self._move(state, step.to, {step.pick: picked})

    def _turned(self, state: State, first: int) -> Turn:
        turned = State(state.at, state.step, state.language, state.slots, state.history, page=first)
        return Turn(turned, None, self.show(turned))

    def _rows_shown(self, state: State, step: Listing, first: int, notice: str) -> int:
        """The row after the last that a page starting at `first` shows."""
        body = self._printer.body(step, state.language, state.slots)
        if notice:
            body = f"{notice}\n{body}"
        back = bool(state.history) or first > 0
        nav = self._printer.nav(state.at, step, state.language, back=back)
        room = BUDGET - septets(body) - septets(nav)
        return self._printer.page(step, state.language, state.slots, first, room).after

    def _page_before(self, state: State, step: Listing) -> int:
        """Where the page before the current one starts, counted without a notice."""
        first = 0
        while (after := self._rows_shown(state, step, first, "")) < state.page:
            first = after
        return first

    # -- the offer to go on where the line dropped

    def _hear_offer(self, state: State, offer: State, typed: str) -> Turn:
        if typed == "1":
            going_on = replace(offer, language=state.language)
            return Turn(going_on, None, self.show(going_on))
        if typed not in ("2", BACK, HOME_KEY):
            return self._again(state, "choice")
        anew = replace(state, notice="", offer=None)
        return Turn(anew, None, self.show(anew))

    def _offer(self, state: State, offer: State) -> str:
        language = state.language
        title = {"title": offer.at.title[language].text}
        lines = [
            self.texts.offer[language].render(title),
            f"1 {self.texts.offer_yes[language].render(title)}",
            f"2 {self.texts.offer_no[language].text}",
        ]
        return "\n".join([state.notice, *lines] if state.notice else lines)

    # -- sentences

    def _say_refusal(self, code: str, facts: Mapping[str, object], language: str) -> str:
        text = self.texts.refusals.get(code)
        if text is None:
            raise Broken(f"every refusal has a sentence: {code}")
        try:
            taken = {name: type_.take(facts[name]) for name, type_ in text.facts.items()}
        except (KeyError, ValueError):
            raise Broken(f"the refusal {code} brings its facts") from None
        return text.say[language].render(taken)


def _tidy(text: str) -> str:
    """What was typed, without the spaces and the '#' around it; nothing when it is too long."""
    if len(text) > TYPED_MOST:
        return ""
    return text.strip().rstrip("#").rstrip()


def _without(slots: Slots, secrets: frozenset[str]) -> dict[str, Any]:
    return {slot: value for slot, value in slots.items() if slot not in secrets}


def _up_to(history: tuple[Frame, ...], place: str) -> tuple[Frame, ...]:
    """The history before a place: coming to a screen again is not a step further from home."""
    for depth, frame in enumerate(history):
        if frame[0] == place:
            return history[:depth]
    return history


def _taken(flow: Flow, step: Call, slot: str, values: Mapping[str, object]) -> Any:
    try:
        return flow.slots[slot].take(values[slot])
    except (KeyError, ValueError):
        raise Broken(f"{step.command} gives what {step.place} was promised: {slot}") from None
