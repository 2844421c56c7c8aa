"""Temporary folders end with the process, or sooner."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tagalign.temporary import PassingFolders


def test_a_folder_goes_with_its_process():
    code = (
        "from tagalign.temporary import folder_of_process as f\n"
        "folder = f('test'); (folder / 'a').touch(); print(folder, (folder / 'a').exists())"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    folder, _, there = made.stdout.strip().rpartition(" ")
    assert there == "True"
    assert not Path(folder).exists()


def test_threads_get_folders_of_their_own_and_the_oldest_go():
    folders = PassingFolders("test", most=8)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: folders.new(), range(100)))
    assert len(set(made)) == 100
    assert sum(folder.exists() for folder in made) == 8
