"""`python -m ussd_app.products lint`: is the catalogue sound?"""

import sys

from ussd_app.products.lint import lint, unanswered
from ussd_app.products.read import ProductsInvalid, read_catalogue, read_keywords, read_texts


def main(arguments: list[str]) -> int:
    """Print every fault; 0 when there is none, 1 otherwise, 2 for a call that nobody knows."""
    if arguments != ["lint"]:
        print("usage: python -m ussd_app.products lint", file=sys.stderr)
        return 2
    try:
        faults = lint(read_catalogue(), read_texts()) + unanswered(read_keywords())
    except ProductsInvalid as invalid:
        faults = invalid.faults
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
