"""Try every fault of the table and print what came of it.

python -m tests.faults            # all, some ten minutes on two cores
python -m tests.faults SIGSTOP    # one kind
"""

from __future__ import annotations

import re
import sys
import tempfile
import xml.etree.ElementTree as ElementTree  # our own report
from pathlib import Path

import pytest

from tests.faults.table import FAULTS


def main() -> int:
    """Run the tests of the table; return 1 when one of them failed."""
    wanted = sys.argv[1:]
    faults = [fault for fault in FAULTS if not wanted or fault.kind in wanted]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        tests = list(dict.fromkeys(fault.test for fault in faults))
        pytest.main([*tests, "-q", "-p", "no:cacheprovider", f"--junitxml={report}", "-n", "2", "--dist", "loadgroup"])
        outcomes = _outcomes(report)
    print("\n| kind | fault | what the user sees | tried |\n|---|---|---|---|")
    failed = 0
    for fault in faults:
        found = [how for test, how in outcomes.items() if test == fault.test or test.startswith(f"{fault.test}[")]
        how = (
            "failed" if "failed" in found else "skipped here" if "skipped" in found else "held" if found else "not run"
        )
        failed += how in ("failed", "not run")
        print(f"| {fault.kind} | {fault.what} | {fault.seen} | {how} |")
    print(f"\n{len(faults)} faults, {failed} not as they should be.")
    return 1 if failed else 0


def _outcomes(report: Path) -> dict[str, str]:
    """Return {file::test: held, failed or skipped} from pytest's report."""
    found = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        file = case.get("classname", "").replace(".", "/") + ".py"
        kinds = {child.tag for child in case}
        how = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "held"
        name = re.sub(r"@.*$", "", case.get("name", ""))  # xdist adds the group
        found[f"{file}::{name}"] = how
    return found


if __name__ == "__main__":
    sys.exit(main())
