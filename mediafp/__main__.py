"""Entry point of `mediafp` and of `python -m mediafp`."""

import os
import sys

EXIT_INTERRUPTED = 130
"""Exit status after Ctrl-C, equal to `ExitStatus.INTERRUPTED`, which is not loaded yet."""


def main() -> None:
    """Load and run the command line; Ctrl-C while it loads ends without a traceback."""
    # The matrix products of a query are small: the threads of BLAS would spin longer than they compute (.08 CPU s of
    # every start). Workers and ONNX Runtime set their threads themselves.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from mediafp.cli.app import main as run
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
