"""Memory that is freed and wanted again is not asked from the system again."""

import platform
import subprocess
import sys

import pytest

ROUNDS = """
import resource, sys
if sys.argv[1] == "kept":
    from tagalign.apps.server.heap import keep_freed_memory
    assert keep_freed_memory()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def once():  # 48 MB in six blocks, freed all together
    blocks = [b"x" * (8 << 20) for _ in range(6)]

for _ in range(3):
    once()
before = faults()
for _ in range(4):
    once()
print(faults() - before)
"""


def faults(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", ROUNDS, how], capture_output=True, text=True, check=True, timeout=60
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc")
def test_pages_stay_between_two_batches() -> None:
    # 48 MB are 12,288 pages of 4 kB, or 24 of 2 MB: as delivered all of them come anew in each round
    assert faults("kept") < 10 < faults("as delivered")
