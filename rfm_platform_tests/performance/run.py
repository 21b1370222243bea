"""One stage in a process of its own: what it uses is counted from after the imports to its end.

Nothing but the standard library is imported here, because peers run in another environment.
"""

import importlib
import json
import resource
import sys
import time
from pathlib import Path

MEASURED = "measured.json"
MEGABYTE = 1_000_000


def _used() -> dict[str, float]:
    """CPU seconds and megabytes of this process and of its children that have ended."""
    cpu = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        cpu += usage.ru_utime + usage.ru_stime
    lines = Path("/proc/self/io").read_text("ascii").splitlines()
    counters = {name: int(value) for name, value in (line.split(": ") for line in lines)}
    return {
        "wall": time.monotonic(),
        "cpu": cpu,
        "read": counters["rchar"] / MEGABYTE,
        "written": counters["write_bytes"] / MEGABYTE,
    }


def _peak_memory() -> float:
    """Resident megabytes. The kernel's other mark, ru_maxrss, begins with the parent's."""
    for line in Path("/proc/self/status").read_text("utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / MEGABYTE
    raise RuntimeError("/proc/self/status has no VmHWM")


def main() -> None:
    """`run MODULE FUNCTION HOME`: calls the function with the home, writes what it used there."""
    module, function, home = sys.argv[1:]
    stage = getattr(importlib.import_module(module), function)
    before = _used()
    stage(Path(home))
    measured = {name: value - before[name] for name, value in _used().items()}
    measured["memory"] = _peak_memory()
    (Path(home) / MEASURED).write_text(json.dumps(measured), "utf-8")


if __name__ == "__main__":
    main()
