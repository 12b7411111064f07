"""Plot of the results of peers.py: a row of panels per set, a panel per tool, a bar per edit."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

FIGURE_WIDTH, BAR_HEIGHT, SET_GAP, TITLE_HEIGHT = 9.0, 0.2, 0.2, 0.65
"""Inches: width of the figure, height of the row of a bar, gap between two sets, height of the names of the tools."""
MEDIAFP_COLOUR, PEER_COLOUR, TRACK_COLOUR, TEXT_COLOUR, ZERO_COLOUR = (
    "#0b6e4f",
    "#7d8ea3",
    "#eef1f4",
    "#2b3440",
    "#9aa5b1",
)
MIN_LABELLED_SHARE = 0.6
"""Share from which the number fits on its bar."""


def draw_bars(panel: Axes, recalls: dict[str, float], colour: str) -> None:
    """Draw a bar per edit on its track, with its number at the end."""
    panel.barh(list(recalls), [1.0] * len(recalls), 0.74, color=TRACK_COLOUR)
    panel.barh(list(recalls), list(recalls.values()), 0.74, color=colour)
    for row, value in enumerate(recalls.values()):
        on_bar = value >= MIN_LABELLED_SHARE
        x, text_colour = (value - 0.04, "white") if on_bar else (0.96, TEXT_COLOUR if value else ZERO_COLOUR)
        text = f"{value:.2f}".removeprefix("0") if value else "0"
        panel.text(x, row, text, ha="right", va="center_baseline", fontsize=7, color=text_colour)
    panel.set(xlim=(0, 1), xticks=(), ylim=(len(recalls) - 0.5, -0.5))
    panel.spines[:].set_visible(False)


def plot_recalls(sets: dict[str, dict[str, dict[str, float]]], file: Path) -> None:
    """Write the figure as a PNG; tools without a result on every set are not drawn.

    Args:
        sets: Recall without false match by set, tool and edit.
        file: Path of the PNG.
    """
    first, *others = sets.values()
    names = [tool for tool in first if all(tool in tools for tools in others)]
    heights = [len(next(iter(tools.values()))) for tools in sets.values()]
    with mpl.rc_context(
        {"font.size": 8.5, "text.color": TEXT_COLOUR, "ytick.color": TEXT_COLOUR, "axes.labelcolor": TEXT_COLOUR}
    ):
        figure_height = BAR_HEIGHT * sum(heights) + SET_GAP * len(sets) + TITLE_HEIGHT
        layout = ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.05, wspace=0, hspace=0)
        figure = Figure(figsize=(FIGURE_WIDTH, figure_height), dpi=200, layout=layout)
        grid = figure.subplots(len(sets), len(names), squeeze=False, gridspec_kw={"height_ratios": heights})
        for panels, (name, tools) in zip(grid, sets.items(), strict=True):
            panels[0].set_ylabel(name, fontweight="bold", labelpad=8)
            for panel, tool in zip(panels, names, strict=True):
                draw_bars(panel, tools[tool], MEDIAFP_COLOUR if tool == "mediafp" else PEER_COLOUR)
                panel.tick_params(axis="y", length=0, labelleft=panel is panels[0])
        for panel, tool in zip(grid[0], names, strict=True):
            lines = tool.replace(" ", "\n", 1).replace("_", "_\n")
            panel.set_title(lines, fontsize=8, fontweight="bold" if tool == "mediafp" else "normal", va="bottom")
        figure.align_ylabels()
        figure.suptitle("Share of each edit's queries found above every wrong match", fontsize=9, x=0.005, ha="left")
        figure.savefig(file)
