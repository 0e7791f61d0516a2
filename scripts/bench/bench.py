#!/usr/bin/env python3
"""Runs all measurements and reports them. Called by scripts/bench.sh, which builds what is needed first."""

import argparse
import json
import os
import sys
import time
import traceback
from datetime import date
from pathlib import Path

import extras
import machine
import plot
import report
import table
from measure import Bench
from runs import RUNS, Run
from servers import Failure, Setup

ROUNDS, SECONDS, WARM_UP = 5, 1.5, 0.3
QUICK_ROUNDS, QUICK_SECONDS, QUICK_WARM_UP = 1, 0.5, 0.2


def main() -> int:
    arguments = _arguments()
    server_processors, load_processors = machine.cores()
    setup = Setup(
        Path(arguments.root),
        arguments.engine,
        Path(arguments.generator),
        arguments.node_folder,
        arguments.certificate,
        server_processors,
    )
    seconds, warm_up = (QUICK_SECONDS, QUICK_WARM_UP) if arguments.quick else (SECONDS, WARM_UP)
    bench = Bench(setup, load_processors, seconds, warm_up)
    rounds = arguments.rounds or (QUICK_ROUNDS if arguments.quick else ROUNDS)
    runs = [run for run in RUNS if not arguments.only or run.name in arguments.only]
    parts = [name for name in extras.PARTS if not arguments.only or name in arguments.only]
    if not runs and not parts:
        known = [run.name for run in RUNS] + list(extras.PARTS)
        sys.exit(f"error: there is no part named {', '.join(arguments.only)}; there are {', '.join(known)}")

    started = time.monotonic()
    results, failures = _measure(bench, runs, rounds)
    details = {}
    for name in parts:
        _say(name)
        try:
            details[name] = extras.PARTS[name](setup, arguments.quick)
        except Failure as failure:
            failures.append(f"{name}: {failure}")
    shown = table.lines(results)
    size = [extras.library_size(setup)] if not arguments.only else []
    print(table.text(shown, size))
    for name, figures in details.items():
        print(f"\n{extras.TITLES[name]}")
        print("\n".join(f"  {what:<58} {value:>12}" for what, value in figures.items()))
    took = time.monotonic() - started
    note = _note(setup, rounds)
    print(f"\n{note}; {took:.0f} s")
    _write(Path(arguments.results), shown, results, {"details": details, "library": size}, note)
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--generator", required=True)
    parser.add_argument("--node-folder", type=Path)
    parser.add_argument("--certificate", type=Path, required=True)
    parser.add_argument("--results", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", action="append", default=[])
    return parser.parse_args()


def _measure(bench: Bench, runs: list[Run], rounds: int) -> tuple[dict, list[str]]:
    """Performs every run on every server, round by round, so that other activity on the machine affects all alike."""
    results: dict[str, dict[str, list[dict]]] = {}
    failures = []
    for number in range(rounds):
        for run in runs:
            servers = [server for server in run.servers if server != "node" or bench.setup.node_folder]
            # Rotate the order, so that no server always goes first.
            turn = number % len(servers)
            for server in servers[turn:] + servers[:turn]:
                _say(f"{number + 1}/{rounds} {run.name}: {server}")
                figures = _attempt(bench, run, server, failures)
                results.setdefault(run.name, {}).setdefault(server, []).append(figures)
    return results, failures


def _attempt(bench: Bench, run: Run, server: str, failures: list[str]) -> dict:
    try:
        return run.way(bench, run.servers[server], run.mode, run.options_of(server))
    except (Failure, OSError, KeyError) as failure:
        _say(f"  no result: {failure!r}")
        # If another server breaks under the load, that is a result in itself and no failure of the benchmark.
        if server in ("addon", "bare"):
            failures.append(f"{run.name}: {server}: {failure!r}")
            traceback.print_exc()
        return {}


def _note(setup: Setup, rounds: int) -> str:
    described = machine.describe()
    pinned = "server and load on a core each" if setup.processors else "not pinned"
    return (
        f"{date.today().isoformat()}; {described['processor']}, {described['cores']} cores, {described['system']}; "
        f"{extras.engine_version(setup)}; loopback, {pinned}; rounds: {rounds}"
    )


def _write(folder: Path, shown: list[table.Line], results: dict, others: dict, note: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "what": line.row.title.strip(),
            "run": line.row.run,
            "figure": line.row.figure,
            "unit": line.row.unit,
            "medians": line.figures,
            "rounds": line.rounds,
            "ratio_to_engine": line.ratio,
            "target": line.row.target.text() if line.row.target else None,
            "reached": line.is_reached,
        }
        for line in shown
    ]
    data = {"note": note, "rows": rows, **others, "runs": results}
    (folder / "README.md").write_text(report.page(data), encoding="utf-8")
    (folder / "results.json").write_text(json.dumps(data, indent=1) + os.linesep, encoding="utf-8")
    for line in shown:
        plot.draw(line, note, folder)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
