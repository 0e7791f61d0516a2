"""Facts about the machine: its processors, and from /proc the resources that a process has used."""

import os
import platform
from pathlib import Path

PROC = Path("/proc")


def cores() -> tuple[set[int], set[int]]:
    """The processors for the servers and for the load, distinct if there are two. Empty sets: pin nothing."""
    if not hasattr(os, "sched_getaffinity"):
        return set(), set()
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        return set(), set()
    return {usable[0]}, {usable[1]}


def pinned(processors: set[int]):
    """A function to call in a new process before its program starts, which pins it to these processors; None for none."""
    return (lambda: os.sched_setaffinity(0, processors)) if processors else None


def describe() -> dict[str, str]:
    model = platform.processor() or platform.machine()
    info = PROC / "cpuinfo"
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    return {"processor": model, "cores": str(os.cpu_count()), "system": system}


class Usage:
    """Processor time used by a process up to now, in seconds; None if the system does not report it."""

    def __init__(self, pid: int):
        self.all = self.main = None
        try:
            threads = {task.name: _thread_seconds(task) for task in (PROC / str(pid) / "task").iterdir()}
        except OSError:
            return
        self.all = sum(threads.values())
        self.main = threads.get(str(pid), 0.0)


def _thread_seconds(task: Path) -> float:
    try:
        return int((task / "schedstat").read_text().split()[0]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def memory(pid: int) -> dict[str, float]:
    """Resident memory of a process in bytes: the current value and the peak."""
    names = {"VmRSS": "now", "VmHWM": "peak"}
    result = {}
    try:
        for line in (PROC / str(pid) / "status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in names:
                result[names[name]] = int(value.split()[0]) * 1024
    except OSError:
        pass
    return result
