"""Writes the results as a page: the table and the details."""

import extras
import plot
from table import SERVERS, verdict, with_unit


def page(data: dict) -> str:
    """The contents of results.json as a Markdown page."""
    head = ["what", *(plot.NAMES[server][0] for server in SERVERS), "ratio to the engine", "target", ""]
    lines = ["# Results", "", data["note"] + ".", ""]
    lines += ["Each figure is the median of the rounds. A run also writes `results.json`, with those of every round, and a"]
    lines += ["plot of each row.", ""]
    lines += _table(head, [_cells(row) for row in data["rows"]] + data["library"])
    for name, figures in data["details"].items():
        lines += ["", f"## {extras.TITLES[name]}", "", *_table(["what", "time"], [list(pair) for pair in figures.items()])]
    return "\n".join(lines) + "\n"


def _cells(row: dict) -> list[str]:
    ratio = row["ratio_to_engine"]
    return [
        row["what"],
        *(with_unit(row["medians"].get(server), row["unit"]) for server in SERVERS),
        "-" if ratio is None else f"{ratio:.1f}x",
        row["target"] or "",
        verdict(row["reached"]),
    ]


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows]]
