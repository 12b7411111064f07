"""The command `calibrate`."""

from typing import Annotated

import typer

from mediafp.cli.options import JsonOption, StoreOption, open_selected_case
from mediafp.cli.output import print_json, print_line, print_table
from mediafp.report import jsonl
from mediafp.types.counted_nouns import count_of
from mediafp.types.recalibration import FamilyFit


def calibrate(
    reset: Annotated[bool, typer.Option("--reset", help="Go back to the probabilities of the models.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit the probabilities of matches on your decisions.

    It needs 200 decisions on matches of one kind, and prints the errors before and after, each on files and accounts that
    the fit has not seen. A fit that is better is used in the answers of match and trace from then on.
    """
    with open_selected_case(store) as case:
        if reset:
            removed = case.reset_calibration()
            if as_json:
                print_json({"removed": removed})
            else:
                print_line(f"{count_of(removed, 'fit')} removed: answers state the probabilities of the models")
            return
        fits = case.calibrate()
    for fit in fits:
        if as_json:
            print_json(jsonl.family_fit_to_json(fit))
        else:
            _print_fit(fit)


def _print_fit(fit: FamilyFit) -> None:
    print_line()
    print_line(
        (fit.family.replace("_", " "), "bold"),
        f": {fit.confirmed} confirmed and {fit.rejected} rejected matches of {count_of(fit.sources, 'source')}",
    )
    if fit.before and fit.after:
        rows = [
            (name, f"{before:.4g}", f"{after:.4g}")
            for name, before, after in (
                ("log loss", fit.before.log_loss, fit.after.log_loss),
                ("Brier score", fit.before.brier, fit.after.brier),
                ("calibration error", fit.before.calibration_error, fit.after.calibration_error),
                ("rejected, but .5 or more", fit.before.false_positives, fit.after.false_positives),
                ("confirmed, but below .5", fit.before.false_negatives, fit.after.false_negatives),
            )
        ]
        print_table(("error", "before", "after"), rows)
    if fit.is_saved:
        print_line("the fit is used from now on; to go back: mediafp calibrate --reset")
    else:
        print_line(f"not used: {fit.reason}")
