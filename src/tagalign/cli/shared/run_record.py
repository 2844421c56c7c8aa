"""What a run was: ``settings.json`` beside its results."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tagalign.atomic import atomic_write
from tagalign.json_text import json_text
from tagalign.methods.package_versions import package_versions


def run_record(settings: Any, **more: Any) -> dict[str, Any]:
    """All fields of the settings, package versions, git commit where there is one, command line."""
    return {
        "settings": settings_values(settings),
        "versions": package_versions(),
        "commit": git_commit(),
        "command": ["tagalign", *sys.argv[1:]],
        **more,
    }


def settings_values(settings: Any) -> dict[str, Any]:
    """Fields of a settings dataclass as JSON values."""
    return json.loads(json_text(dataclasses.asdict(settings), default=str))


def write_settings(folder: Path, settings: Any, **more: Any) -> None:
    """Write ``settings.json`` into a result folder."""
    with atomic_write(folder / "settings.json") as path:
        path.write_text(
            json_text(run_record(settings, **more), indent=2, default=str) + "\n", encoding="utf-8"
        )


def git_commit() -> str | None:
    """Commit of the checkout this package runs from; None when it was installed."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
