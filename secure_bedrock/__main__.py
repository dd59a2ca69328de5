"""The entry of `secure-bedrock`, and of `python -m secure_bedrock`."""

from __future__ import annotations

import sys

#: What the command line needs and the constructs do not.
_NEEDED = {"click": "click", "yaml": "PyYAML", "rich": "rich"}


def main() -> int:
    """Run the command line; without its packages, say how to install them."""
    try:
        from secure_bedrock.cli import run  # noqa: PLC0415 - its packages may be missing
    except ModuleNotFoundError as error:
        if error.name not in _NEEDED:
            raise
        packages = " ".join(_NEEDED.values())
        print(f"secure-bedrock: {error.name} is missing; install it: pip install {packages}", file=sys.stderr)  # noqa: T201
        return 2
    return run()


if __name__ == "__main__":
    sys.exit(main())
