"""One run in a process of its own: `python -m simulations.mutants.child PLAN` prints its outcome as JSON."""

import json
import logging
import sys

import structlog

from simulations.mutants.plans import PLANS
from simulations.run import run_plan


def main(name: str) -> int:
    """Run the plan of that name."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    report = run_plan(PLANS[name])
    print(
        json.dumps(
            {
                "passed": report.passed,
                "violations": [[one.invariant, one.message] for one in report.violations],
                "unjudged": [one.id for one in report.verdicts if not one.checks],
                "virtual_s": report.virtual_s,
                "cpu_s": report.cpu_s,
            }
        )
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
