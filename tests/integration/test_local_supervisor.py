"""The process tree with small children of its own: restarts, order, signals, kill -9, leftovers, lock."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pipelines.errors import ClearholdError, EnvironmentProblem, Unavailable
from pipelines.local import leftovers, supervisor
from pipelines.local.process import Program
from pipelines.local.project import HERE

# Notes its start and its end, then sleeps; on SIGTERM it says so and ends.
CHILD = """
import signal, sys, time
name, journal = sys.argv[1:3]
def note(what):
    with open(journal, "a") as file: file.write(f"{what} {name}\\n")
def end(number, frame):
    note("ended"); sys.exit(0)
signal.signal(signal.SIGTERM, end)
note("began")
while True: time.sleep(0.05)
"""
# Ends only after another one has: both must have been asked by then.
POLITE = """
import signal, sys, time
from pathlib import Path
asked, journal = [], Path(sys.argv[1])
signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
print("polite", flush=True)
while not (asked and "ended landing" in journal.read_text()): time.sleep(0.05)
"""
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
PARENT = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); time.sleep(600)"
FAILING = "import sys; print('ValueError: no such thing', file=sys.stderr); sys.exit({code})"

# A supervisor in a process of its own, for signals: starts the children that it is told and waits.
HOST = """
import os, sys
from pathlib import Path
from pipelines.local import supervisor
from pipelines.local.process import Program
run, folder, journal, child, *names = sys.argv[1:]
try:
    with supervisor.opened(Path(run), Path(folder), os.environ, print, [[name] for name in names]) as tree:
        for name in reversed(names):
            tree.start(Program(name, (sys.executable, "-c", child, name, journal)))
        print("ready", flush=True)
        tree.wait(lambda: False, 60, "nothing")
except supervisor.StopAsked:
    print("stopped", flush=True)
"""


class Tree:
    """A run folder with a journal in which children write what happens to them."""

    def __init__(self, folder: Path) -> None:
        self.run, self.journal, self.said = folder / "run", folder / "journal", list[str]()

    def child(self, name: str, restarts: int = 0) -> Program:
        return Program(name, (sys.executable, "-c", CHILD, name, str(self.journal)), restarts=restarts)

    def opened(self, *order: str):
        return supervisor.opened(self.run, HERE.root, os.environ, self.said.append, [[name] for name in order])

    def happened(self) -> list[str]:
        return self.journal.read_text().splitlines() if self.journal.exists() else []

    def host(self, *names: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", HOST, str(self.run), str(HERE.root), str(self.journal), CHILD, *names]
        host = subprocess.Popen(command, cwd=HERE.root, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert host.stdout is not None
        assert host.stdout.readline() == "ready\n"
        eventually(lambda: len(self.happened()) == len(names))
        return host


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def eventually(so: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < deadline, "it never became so"
        time.sleep(0.05)


def script(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


def recorded(run: Path) -> list[int]:
    return [known["pid"] for known in json.loads((run / leftovers.RECORD).read_text())["processes"]]


def test_programs_are_stopped_in_order_and_nothing_is_left(tree: Tree) -> None:
    with tree.opened("bank", "hot", "broker") as processes:
        for name in ("broker", "trainer", "hot", "bank"):
            processes.start(tree.child(name))
        processes.wait(lambda: len(tree.happened()) == 4, 30, "children")
        pids = recorded(tree.run)[1:]
        assert all(psutil.pid_exists(pid) for pid in pids)
        assert (tree.run / "tmp").is_dir()
    assert tree.happened()[4:] == ["ended trainer", "ended bank", "ended hot", "ended broker"]
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert sorted(entry.name for entry in tree.run.iterdir()) == ["logs"]
    assert tree.said == []


def test_a_program_that_dies_is_started_again_and_it_is_said(tree: Tree) -> None:
    with tree.opened("hot") as processes:
        processes.start(tree.child("hot", restarts=2))
        processes.wait(lambda: tree.happened() == ["began hot"], 30, "start")
        os.kill(processes.processes["hot"].pid, signal.SIGKILL)
        processes.wait(lambda: tree.happened() == ["began hot"] * 2, 30, "restart")
    assert len(tree.said) == 1
    assert tree.said[0].startswith("hot ended, exit code -9")
    assert "1 of 2 times" in tree.said[0]


def start_and_wait(tree: Tree, program: Program) -> None:
    with tree.opened() as processes:
        processes.start(program)
        processes.wait(lambda: False, 30, "never")


def test_a_program_that_keeps_dying_ends_the_run_with_its_own_words(tree: Tree) -> None:
    program = Program("landing", script(FAILING.format(code=1)), restarts=1)
    with pytest.raises(ClearholdError, match=r"landing ended, .*no such thing.*landing\.log") as refusal:
        start_and_wait(tree, program)
    assert refusal.value.exit_code == 1
    assert len(tree.said) == 1


def test_a_program_that_refuses_its_settings_is_not_started_again(tree: Tree) -> None:
    program = Program("hot", script(FAILING.format(code=78)), restarts=5)
    with pytest.raises(EnvironmentProblem, match="no such thing"):
        start_and_wait(tree, program)
    assert tree.said == []


def test_a_program_that_runs_once_may_end_well(tree: Tree) -> None:
    with tree.opened() as processes:
        processes.start(Program("trainer", script("print('done')"), once=True))
        processes.wait(lambda: processes.is_done("trainer"), 30, "training")
        processes.tend()
        assert (tree.run / "logs" / "trainer.log").read_text() == "done\n"


def test_what_is_waited_for_in_vain_is_said(tree: Tree) -> None:
    with tree.opened() as processes, pytest.raises(Unavailable, match="hot does not open: not within 0 s"):
        processes.wait(lambda: False, 0, "hot does not open")


def test_a_program_that_cannot_be_started_is_said(tree: Tree) -> None:
    with (
        tree.opened() as processes,
        pytest.raises(EnvironmentProblem, match="bank cannot be started: /no/such/program"),
    ):
        processes.start(Program("bank", ("/no/such/program",)))


def test_one_that_does_not_listen_is_killed_and_the_others_still_end_in_order(tree: Tree) -> None:
    with tree.opened() as processes:
        processes.start(tree.child("broker"))
        processes.start(Program("hot", script(DEAF)))
        deaf = processes.processes["hot"]
        processes.wait(lambda: "deaf" in deaf.log.read_text() and len(tree.happened()) == 1, 30, "children")
        processes.stop(["hot"], ["broker"], seconds=2)
    assert tree.happened() == ["began broker", "ended broker"]
    assert tree.said == ["hot did not end when asked and was killed"]
    assert not psutil.pid_exists(deaf.pid)


def test_programs_of_a_group_are_asked_together(tree: Tree) -> None:
    with tree.opened() as processes:
        processes.start(tree.child("landing"))
        processes.start(Program("hot", (sys.executable, "-c", POLITE, str(tree.journal))))
        log = processes.processes["hot"].log
        processes.wait(lambda: "polite" in log.read_text() and len(tree.happened()) == 1, 30, "children")
        processes.stop(["hot", "landing"])
    assert tree.said == []


def test_descendants_end_with_their_program(tree: Tree) -> None:
    with tree.opened() as processes:
        processes.start(Program("registry", script(PARENT)))
        registry = processes.processes["registry"]
        processes.wait(lambda: len(registry.family()) == 2, 30, "grandchild")
        family = registry.family()
    assert not any(process.is_running() for process in family)
    assert tree.said == []  # asked, not killed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_stop_the_tree_in_order(tree: Tree, number: signal.Signals) -> None:
    host = tree.host("bank", "hot", "broker")
    pids = recorded(tree.run)
    host.send_signal(number)
    said, _ = host.communicate(timeout=60)
    assert said == "stopped\n"
    assert tree.happened()[3:] == ["ended bank", "ended hot", "ended broker"]
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert sorted(entry.name for entry in tree.run.iterdir()) == ["logs"]


def test_the_warden_ends_everything_when_the_supervisor_is_killed(tree: Tree) -> None:
    host = tree.host("bank", "broker")
    pids = recorded(tree.run)
    host.kill()
    host.wait()
    eventually(lambda: not any(psutil.pid_exists(pid) for pid in pids))
    eventually(lambda: sorted(entry.name for entry in tree.run.iterdir()) == ["logs"])
    assert sorted(tree.happened()[2:]) == ["ended bank", "ended broker"]


def test_a_second_run_in_the_same_folder_refuses(tree: Tree) -> None:
    host = tree.host("broker")
    try:
        with pytest.raises(EnvironmentProblem, match=rf"another run is active .*process {host.pid}\)"), tree.opened():
            pass
        assert tree.happened() == ["began broker"]
    finally:
        host.terminate()
        host.communicate(timeout=60)


def test_leftovers_are_recognised_by_id_time_and_command_and_nobody_else_is_touched(tree: Tree) -> None:
    tree.run.mkdir()
    (tree.run / "tmp").mkdir()
    token = {"CLEARHOLD_RUN": "0123456789abcdef"}
    left = subprocess.Popen(tree.child("broker").command, start_new_session=True)
    orphan = subprocess.Popen(
        script("import time; time.sleep(600)"), env={**os.environ, **token}, start_new_session=True
    )
    stranger = subprocess.Popen(script("import time; time.sleep(600)"), start_new_session=True)
    try:
        eventually(lambda: len(tree.happened()) == 1)
        leftovers.record(tree.run, token["CLEARHOLD_RUN"], [left.pid, stranger.pid])
        written = json.loads((tree.run / leftovers.RECORD).read_text())
        written["processes"][2]["started"] -= 3600  # the id was used again since
        del written["processes"][0]
        (tree.run / leftovers.RECORD).write_text(json.dumps(written))
        with tree.opened():
            assert not any(psutil.pid_exists(process.pid) for process in (left, orphan))
            assert psutil.pid_exists(stranger.pid)
        assert tree.happened() == ["began broker", "ended broker"]
        assert len(tree.said) == 2
        assert f"ended process {left.pid}" in "\n".join(tree.said)
    finally:
        for process in (left, orphan, stranger):
            process.kill()
            process.wait()
