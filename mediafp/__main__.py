"""Entry point of `mediafp` and of `python -m mediafp`."""

import sys

from mediafp.types.search_paths import use_absolute_folders

EXIT_INTERRUPTED = 130
"""Exit status after Ctrl-C, equal to `ExitStatus.INTERRUPTED`, which is not loaded yet."""


def main() -> None:
    """Load and run the command line; Ctrl-C while it loads ends without a traceback."""
    use_absolute_folders()
    try:
        from mediafp.cli.app import main as run
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
