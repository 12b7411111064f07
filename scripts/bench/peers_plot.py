"""The picture of peers.py: a row of panels for each set, a panel for each tool, a bar for each edit."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

WIDTH, ROW, GAP, TITLES = 9.0, 0.2, 0.2, 0.65
"""Inches: of the picture, of a bar's row, between two sets, of the tools' names."""
OWN, PEER, TRACK, INK, FAINT = "#0b6e4f", "#7d8ea3", "#eef1f4", "#2b3440", "#9aa5b1"
INSIDE = 0.6
"""From this share on there is room for the number on its bar."""


def bars(panel: Axes, found: dict[str, float], colour: str) -> None:
    """A bar for each edit on its track, with its number at the end."""
    panel.barh(list(found), [1.0] * len(found), 0.74, color=TRACK)
    panel.barh(list(found), list(found.values()), 0.74, color=colour)
    for row, value in enumerate(found.values()):
        place, ink = (value - 0.04, "white") if value >= INSIDE else (0.96, INK if value else FAINT)
        text = f"{value:.2f}".removeprefix("0") if value else "0"
        panel.text(place, row, text, ha="right", va="center_baseline", fontsize=7, color=ink)
    panel.set(xlim=(0, 1), xticks=(), ylim=(len(found) - 0.5, -0.5))
    panel.spines[:].set_visible(False)


def draw(sets: dict[str, dict[str, dict[str, float]]], file: Path) -> None:
    """Set, tool and edit to what is found, into a PNG; of the tools those that answered in every set."""
    first, *others = sets.values()
    names = [tool for tool in first if all(tool in tools for tools in others)]
    heights = [len(next(iter(tools.values()))) for tools in sets.values()]
    with mpl.rc_context({"font.size": 8.5, "text.color": INK, "ytick.color": INK, "axes.labelcolor": INK}):
        tall = ROW * sum(heights) + GAP * len(sets) + TITLES
        layout = ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.05, wspace=0, hspace=0)
        figure = Figure(figsize=(WIDTH, tall), dpi=200, layout=layout)
        grid = figure.subplots(len(sets), len(names), squeeze=False, gridspec_kw={"height_ratios": heights})
        for panels, (name, tools) in zip(grid, sets.items(), strict=True):
            panels[0].set_ylabel(name, fontweight="bold", labelpad=8)
            for panel, tool in zip(panels, names, strict=True):
                bars(panel, tools[tool], OWN if tool == "mediafp" else PEER)
                panel.tick_params(axis="y", length=0, labelleft=panel is panels[0])
        for panel, tool in zip(grid[0], names, strict=True):
            lines = tool.replace(" ", "\n", 1).replace("_", "_\n")
            panel.set_title(lines, fontsize=8, fontweight="bold" if tool == "mediafp" else "normal", va="bottom")
        figure.align_ylabels()
        figure.suptitle("Share of each edit's queries found above every wrong match", fontsize=9, x=0.005, ha="left")
        figure.savefig(file)
