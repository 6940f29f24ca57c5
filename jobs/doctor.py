"""Says in words what is missing or wrong on this machine, and what to do.

Runs on a bare Python, before anything is installed: `python3 -m jobs.doctor`. Changes nothing. Exit codes: 0 when nothing
is wrong (warnings are allowed), 78 otherwise.
"""

import os
import sys

from pipelines.local.examine import everything
from pipelines.local.project import HERE


def main() -> int:
    """Print one line a finding; the exit code."""
    findings = everything(HERE, os.environ)
    for finding in findings:
        advice = f"  ->  {finding.advice}" if finding.advice else ""
        print(f"{finding.verdict:<8} {finding.subject:<10} {finding.found}{advice}")
    return 78 if any(finding.verdict == "wrong" for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
