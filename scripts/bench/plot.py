"""Draws one figure of all servers as an SVG: one bar per server, and a line from the lowest to the highest round."""

from html import escape
from pathlib import Path

from table import Line, with_unit

NAMES = {
    "addon": ("Async Sockets", "#478cbf"),
    "engine": ("engine's classes", "#8a94a0"),
    "node": ("Node", "#b5bcc4"),
    "nginx": ("nginx", "#c4cad0"),
    "bare": ("bare tokio", "#d3d8dd"),
}

WIDTH, LEFT, RIGHT = 760, 150, 150
TOP, BAR, GAP = 56, 24, 10
STYLE = "font-family:system-ui,sans-serif;font-size:13px;fill:#24292f"


def draw(line: Line, note: str, folder: Path) -> None:
    servers = [server for server in NAMES if server in line.figures]
    height = TOP + len(servers) * (BAR + GAP) + 30
    most = max(max(values) for values in line.rounds.values()) or 1
    scale = (WIDTH - LEFT - RIGHT) / most
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">',
        f'<rect width="{WIDTH}" height="{height}" rx="6" fill="#ffffff"/>',
        f'<text x="16" y="26" style="{STYLE};font-weight:600">{escape(line.row.title.strip())}</text>',
        f'<text x="16" y="44" style="{STYLE};font-size:11px;fill:#57606a">{escape(_direction(line))}</text>',
    ]
    for index, server in enumerate(servers):
        parts += _bar(line, server, TOP + index * (BAR + GAP), scale)
    parts += [
        f'<text x="16" y="{height - 10}" style="{STYLE};font-size:11px;fill:#57606a">{escape(note)}</text>',
        "</svg>",
    ]
    (folder / file_name(line.row.run, line.row.figure)).write_text("\n".join(parts) + "\n", encoding="utf-8")


def file_name(run: str, figure: str) -> str:
    return f"{run}_{figure}.svg"


def _direction(line: Line) -> str:
    better = "more is better" if line.row.more_is_better else "less is better"
    return f"{better}; median, and the range of the rounds"


def _bar(line: Line, server: str, top: int, scale: float) -> list[str]:
    name, colour = NAMES[server]
    value, rounds = line.figures[server], line.rounds[server]
    low, high = (LEFT + bound * scale for bound in (min(rounds), max(rounds)))
    middle, width = top + BAR / 2, max(value * scale, 1)
    return [
        f'<text x="{LEFT - 8}" y="{middle + 4.5}" text-anchor="end" style="{STYLE}">{escape(name)}</text>',
        f'<rect x="{LEFT}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>',
        f'<line x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}" stroke="#24292f" stroke-width="1.5"/>',
        f'<text x="{max(high, LEFT + width) + 8:.1f}" y="{middle + 4.5}" style="{STYLE}">'
        f"{escape(with_unit(value, line.row.unit))}</text>",
    ]
