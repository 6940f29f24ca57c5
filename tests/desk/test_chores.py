"""Work that is begun from a page."""

import time
from pathlib import Path

import pytest

from pipelines.desk.chores import Chores
from pipelines.errors import Conflict


@pytest.mark.parametrize("line", ["[ 220.0 s] version 2 is the champion", "clearhold: version 2 is the champion"])
def test_its_last_line_is_told_as_on_a_page_and_one_is_done_at_a_time(tmp_path: Path, line: str) -> None:
    (tmp_path / "talks.py").write_text(f"import sys\nprint('begun')\nprint({line!r})\nsys.exit(3)\n")
    (tmp_path / "waits.py").write_text("import time\ntime.sleep(60)\n")
    chores = Chores(tmp_path, tmp_path / "chores.log")
    assert chores.standing() is None
    chores.begin("the gate", "ada", "talks", ())
    until = time.monotonic() + 30
    while (found := chores.standing()) and found.code is None and time.monotonic() < until:
        time.sleep(0.05)
    assert found and (found.code, found.last) == (3, "version 2 is the champion")
    chores.begin("another", "ada", "waits", ())
    with pytest.raises(Conflict, match="ada has begun something: another"):
        chores.begin("a third", "bob", "waits", ())
    chores.close()
    after = chores.standing()
    assert after and after.code
