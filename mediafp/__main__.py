"""Where the program starts: `mediafp`, or `python -m mediafp`."""

import sys

INTERRUPTED = 130


def main() -> None:
    """Loads the command line, which takes seconds in which Ctrl-C should end without a traceback, and runs it."""
    try:
        from mediafp import cli
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    cli.main()


if __name__ == "__main__":
    main()
