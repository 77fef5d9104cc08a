"""`python -m ussd_app.products lint [FOLDER …]`: is the catalogue sound, with further folders?"""

import sys
from pathlib import Path

from ussd_app.products.lint import lint, unanswered
from ussd_app.products.read import (
    HERE,
    ProductsInvalid,
    read_catalogue,
    read_keywords,
    read_texts,
)


def main(arguments: list[str]) -> int:
    """Print every fault; 0 when there is none, 1 otherwise, 2 for a call that nobody knows."""
    if arguments[:1] != ["lint"]:
        print("usage: python -m ussd_app.products lint [FOLDER …]", file=sys.stderr)
        return 2
    folders = [HERE, *(Path(folder) / "products" for folder in arguments[1:])]
    try:
        faults = lint(read_catalogue(*folders), read_texts(*folders))
        faults += unanswered(read_keywords(*folders))
    except ProductsInvalid as invalid:
        faults = invalid.faults
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
