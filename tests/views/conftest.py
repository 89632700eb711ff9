"""Every test starts in a directory with all machines and the workload."""

from pathlib import Path

import pytest
from systolic_files import MEMORIES, WORKLOAD, write


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in MEMORIES:
        write(tmp_path, name)
    Path("net.yaml").write_text(WORKLOAD, encoding="utf-8")
    return tmp_path
