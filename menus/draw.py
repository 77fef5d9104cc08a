"""The flows as pictures: docs/menus.md, in Mermaid, which GitHub and most readers draw.

A box waits for the customer, a hexagon asks the bank, a filled box changes something, a round one
hangs up. A dotted line is a refusal.
"""

from menus.book import FLOW_PREFIX, Ask, Book, Call, End, Flow, Fork, Listing, Menu, Step
from menus.screens import words
from menus.slots import LANGUAGES

_HEAD = """# The menus

Drawn by `python -m menus draw` from `menus/flows/*.yaml`; edit those, not this page.

A box waits for the customer, a hexagon asks the bank (`find`), a filled hexagon is the only place
where something changes (`do`), a round box hangs up. A dotted line is a refusal that a screen can
mend; any other is said and ends the session. `0` goes back, but never over a `do`; `00` goes home.
"""

_STYLE = "  classDef do fill:#1f6f43,color:#fff,stroke:#123"
_DRAWN_LANGUAGE = next(iter(LANGUAGES))


def draw(book: Book) -> str:
    """The page as Markdown."""
    parts = [_HEAD, "## From flow to flow\n", _between(book)]
    for flow in book.flows.values():
        title = flow.title[_DRAWN_LANGUAGE].text
        parts += [f"## {title} (`{flow.name}`, version {flow.version})\n", f"{flow.about}\n"]
        parts.append(_inside(flow))
    return "\n".join(parts)


def _between(book: Book) -> str:
    lines = ["```mermaid", "flowchart LR"]
    for flow in book.flows.values():
        lines.append(f'  {flow.name}["{_quoted(flow.title[_DRAWN_LANGUAGE].text)}"]')
        others = {
            target.removeprefix(FLOW_PREFIX): None
            for step in flow.screens.values()
            for target, _ in step.targets()
            if target.startswith(FLOW_PREFIX)
        }
        lines += [f"  {flow.name} --> {other}" for other in others]
    return "\n".join([*lines, "```", ""])


def _inside(flow: Flow) -> str:
    lines = ["```mermaid", "flowchart TD"]
    lines += [f"  {_id(step.name)}{_shape(step)}" for step in flow.screens.values()]
    elsewhere: dict[str, None] = {}
    for step in flow.screens.values():
        for line, target in _arrows(step):
            lines.append(f"  {_id(step.name)} {line} {_id(target)}")
            if target.startswith(FLOW_PREFIX):
                elsewhere[target] = None
    lines += [f'  {_id(name)}[["{name.removeprefix(FLOW_PREFIX)}"]]' for name in elsewhere]
    changing = [
        _id(step.name)
        for step in flow.screens.values()
        if isinstance(step, Call) and step.verb == "do"
    ]
    if changing:
        lines += [_STYLE, f"  class {','.join(changing)} do"]
    return "\n".join([*lines, "```", ""])


def _arrows(step: Step) -> list[tuple[str, str]]:
    """Lines with their targets; refusals that lead to one place share a line."""
    if not isinstance(step, Call):
        numbered = isinstance(step, Menu | Listing)
        return [(f"-->|{why}|" if numbered else "-->", target) for target, why in step.targets()]
    if isinstance(step.to, Fork):
        arrows = [(f"-->|{value}|", target) for value, target in step.to.table.items()]
    else:
        arrows = [("-->", step.to)]
    mended: dict[str, list[str]] = {}
    for code, target in step.refused.items():
        mended.setdefault(target, []).append(code)
    return arrows + [(f'-. "{"<br>".join(codes)}" .->', target) for target, codes in mended.items()]


def _shape(step: Step) -> str:
    if isinstance(step, Call):
        return f'{{{{"{step.verb} {step.command}"}}}}'
    said = step.body if isinstance(step, Menu) else words(step)
    text = _quoted(said[_DRAWN_LANGUAGE].text)
    if isinstance(step, Ask):
        text += f"<br><i>{step.slot}</i>"
    return f'(["{text}"])' if isinstance(step, End) else f'["{text}"]'


def _id(target: str) -> str:
    """A name that Mermaid takes for nothing else (`end` is a word of its own)."""
    return f"to_{target.removeprefix(FLOW_PREFIX)}" if FLOW_PREFIX in target else f"s_{target}"


def _quoted(text: str) -> str:
    return (
        text.replace('"', "#quot;")
        .replace("{", "#123;")
        .replace("}", "#125;")
        .replace("\n", "<br>")
    )
