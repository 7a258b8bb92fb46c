"""What every benchmark prints and keeps: the machine, the raw rounds, and medians. One JSON file a run."""

import json
import os
import platform
import statistics
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """What the figures ran on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if "model name" in line), "unknown")
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": sys.version.split()[0],
        "build": python_build(),
        "commit": commit.stdout.strip(),
        "load": os.getloadavg()[0],
    }


def python_build() -> str:
    """Whether the interpreter was built with profile-guided optimisation, as far as it knows (worth a tenth)."""
    if "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS")):
        return "PGO"
    # Debian runs `make profile-opt` by hand, of which nothing stands in the configuration.
    return "built by the distribution" if sys.base_prefix == "/usr" else "no PGO"


def quantile(values: list[float], fraction: float) -> float:
    """The value below which `fraction` of the sorted values lie (nearest rank)."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(fraction * len(ranked)))]


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def summary(values: list[float], unit: str) -> str:
    """Median, p99 and range of a series, for people."""
    return (
        f"median {statistics.median(values):.3g} {unit}, p99 {quantile(values, 0.99):.3g}, "
        f"range {min(values):.3g} to {max(values):.3g}, n={len(values)}"
    )


def keep(name: str, results: dict[str, Any]) -> Path:
    """Write the raw results beside the machine's description."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_text(json.dumps({"machine": machine(), **results}, indent=1))
    return path
