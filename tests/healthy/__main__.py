"""Put each fault into the healthy estate by itself: `python -m tests.healthy [RULE ...]`; some seconds for each.

The test puts all of them in at once, which tells the same as long as none of them hides or causes a finding of another.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.healthy.estate import AS_OF, CONFIG, KEY, all_faults, build, opened, targets


def main(wanted: list[str]) -> int:
    """Print what differs, fault by fault; 1 when anything does."""
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        out, saved = build(Path(scratch) / "estate"), Path(scratch) / "saved"
        argv = [sys.executable, "-m", "nhiscan", "audit", *targets(out), "--config", str(CONFIG), "--as-of", AS_OF]
        argv += ["-q", "--read-config-values", "--save", str(saved)]
        subprocess.run(argv, env=os.environ | {"NHISCAN_FINGERPRINT_KEY": KEY}, check=True, stdout=subprocess.DEVNULL)
        estate = opened(out, saved)
        for rule, fault in all_faults().items():
            if wanted and rule not in wanted:
                continue
            found = estate.says([fault])
            missing, extra = fault.findings - found.keys(), found.keys() - fault.findings
            wrong += bool(missing or extra)
            said = "as expected" if not (missing or extra) else f"missing {missing}, more {extra}"
            sys.stdout.write(f"{rule} {said}\n")
            sys.stdout.flush()
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
