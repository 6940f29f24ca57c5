"""Each finding of the doctor, well and unwell."""

from pathlib import Path

import pytest

from jobs import doctor
from pipelines.local import examine
from pipelines.local.examine import GIGABYTE, Finding
from pipelines.local.project import Project


def test_another_python_is_wrong() -> None:
    assert examine.python((3, 11, 4)).verdict == "ok"
    assert examine.python((3, 12, 0)) == (
        "Python",
        "wrong",
        "3.12.0",
        "install Python 3.11 and run make with PYTHON=python3.11",
    )


@pytest.mark.parametrize(("free", "verdict"), [(1.0, "wrong"), (3.0, "warning"), (8.0, "ok")])
def test_memory(free: float, verdict: str) -> None:
    assert examine.memory(16 * GIGABYTE, int(free * GIGABYTE)).verdict == verdict


@pytest.mark.parametrize(("free", "verdict"), [(3, "wrong"), (5, "warning"), (9, "ok")])
def test_disk_before_anything_is_installed(bare: Project, free: int, verdict: str) -> None:
    assert examine.disk(bare, free * GIGABYTE).verdict == verdict


def test_java_that_is_missing_will_be_brought_along(bare: Project) -> None:
    found = examine.runtime(bare, {"PATH": ""})
    assert (found.verdict, found.found) == ("warning", "none")
    assert "make setup" in found.advice


def test_java_that_is_newer_than_tried_is_a_warning(bare: Project, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch(mode=0o755)
    (tmp_path / "release").write_text('JAVA_VERSION="99.0.1"')
    assert examine.runtime(bare, {"JAVA_HOME": str(tmp_path)})[1:3] == ("warning", "99 from JAVA_HOME")


def test_the_loopback_can_be_used() -> None:
    assert examine.loopback().verdict == "ok"


def test_a_clock_before_the_release_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert examine.clock().verdict == "ok"
    monkeypatch.setattr(examine.time, "gmtime", lambda: examine.time.struct_time((1970, 1, 1, 0, 0, 0, 3, 1, 0)))
    assert examine.clock()[1:3] == ("wrong", "it is the year 1970")


def test_a_clock_that_jumps_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = iter([1_800_000_000.0, 1_800_000_060.0])
    monkeypatch.setattr(examine.time, "time", lambda: next(wall))
    assert examine.clock().verdict == "warning"


def test_what_is_not_installed_yet_is_no_fault(bare: Project) -> None:
    assert examine.environment(bare.hot)[:3] == (".venv-hot", "warning", "not there yet")
    assert examine.verified_jars(bare).verdict == "warning"
    bare.hot.folder.mkdir()
    assert examine.environment(bare.hot).verdict == "wrong"
    bare.jars.mkdir()
    assert examine.verified_jars(bare)[1:3] == ("wrong", "spark/a.jar is missing (1 in all)")


@pytest.mark.parametrize(("verdict", "code"), [("ok", 0), ("warning", 0), ("wrong", 78)])
def test_the_doctor_says_what_to_do(
    verdict: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "everything", lambda *_: [Finding("Clock", verdict, "stands still", "wind it up")])
    assert doctor.main() == code
    assert capsys.readouterr().out == f"{verdict:<8} Clock      stands still  ->  wind it up\n"


@pytest.fixture
def bare(tmp_path: Path) -> Project:
    """A fresh clone."""
    locks = tmp_path / "conf" / "requirements"
    locks.mkdir(parents=True)
    for name in ("hot", "lake", "hot-store", "lake-store", "hot-dev", "lake-dev"):
        (locks / f"{name}.txt").write_text("a==1\n")
    (tmp_path / "conf" / "jars.xml").write_text("<ivy-module/>")
    (tmp_path / "conf" / "jars.sha256").write_text("00  spark/a.jar\n")
    return Project(tmp_path)
