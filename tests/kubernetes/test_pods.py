"""The Spark jobs on Kubernetes, for real: deploy/k8s/demo decides, a pod of each part is killed in turn, lake jobs are submitted.

`make test-k8s`. Needs kubectl with a cluster of one node that has the images localhost/clearhold-hot and -lake, and says so where
there is none. Works in a namespace of its own, under the strictest of Kubernetes' standards for pods.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any, Final

import pytest

from pipelines.local.project import HERE
from tests.submitted import JOBS, Job
from tests.waiting import balanced, say, until

NAMESPACE: Final = "clearhold-test"
DEMO: Final = str(HERE.root / "deploy" / "k8s" / "demo")
PARTS: Final = ("clearhold-hot", "clearhold-landing", "kafka", "registry", "bank")
EXECUTORS: Final = {"clearhold-hot": 2, "clearhold-lake": 1}
"""Of which application, how many."""
JOB_SECONDS: Final = 1_800.0
CARD: Final = (
    ".venv/bin/python",
    "-c",
    "import deltalake; table = deltalake.DeltaTable('/data/run/lake/decisions').to_pyarrow_table(columns=['card_id']);"
    "print(table['card_id'][0], end='')",
)
"""Prints one that was decided on."""

pytestmark = pytest.mark.timeout(5_400)


def kubectl(*arguments: str, given: str | None = None) -> str:
    command = ["kubectl", "--namespace", NAMESPACE, *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert not done.returncode, " ".join(command) + "\n" + done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def run_in(part: str, *command: str) -> str:
    return kubectl("exec", f"deployment/{part}", "--", *command)


def status(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run_in("kafka", "bash", "-c", f"cat /data/run/status/{name}.json || echo {{}}"))
    return found


def pods() -> dict[str, bool]:
    """Whether they are ready; those that go or have ended are left out."""
    found = json.loads(kubectl("get", "pods", "--output", "json"))["items"]
    return {
        each["metadata"]["name"]: all(
            one["ready"] for one in each["status"].get("containerStatuses", [{"ready": False}])
        )
        for each in found
        if "deletionTimestamp" not in each["metadata"] and each["status"]["phase"] in ("Pending", "Running")
    }


def are_well() -> bool:
    ready = [name for name, is_ready in pods().items() if is_ready]
    wanted = dict.fromkeys(PARTS, 1) | {f"{name}-executor": number for name, number in EXECUTORS.items()}
    return all(sum(name == part_of(each) for each in ready) >= number for name, number in wanted.items())


def part_of(pod: str) -> str:
    """clearhold-hot-5d67c7fbc8-b6z2x is of clearhold-hot, clearhold-hot-1f57a3a22556d918-exec-1 one of its executors."""
    return f"{pod.rsplit('-', 3)[0]}-executor" if "-exec-" in pod else pod.rsplit("-", 2)[0]


def more(decisions: int) -> float:
    """Seconds until the bank has seen so many more decisions than now."""
    before = int(status("bank").get("decisions_seen", 0))
    return until(lambda: int(status("bank").get("decisions_seen", 0)) > before + decisions, "no more decisions")


@pytest.fixture(scope="module", autouse=True)
def _demo() -> Iterator[None]:
    if not shutil.which("kubectl"):
        pytest.skip("no kubectl here")
    if subprocess.run(["kubectl", "version", "--request-timeout=10s"], capture_output=True, check=False).returncode:
        pytest.skip("kubectl reaches no cluster")
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
    kubectl("create", "namespace", NAMESPACE)
    kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    yield
    kubectl("delete", "namespace", NAMESPACE)


def test_it_decides() -> None:
    kubectl("apply", "--kustomize", DEMO)
    say(f"everything is ready after {until(are_well, f'not ready: {pods()}', 1_800):.0f} s")
    until(lambda: status("bank").get("acknowledged", 0) > 500, "the bank does not send")
    assert status("hot")["state"] == "open"


def test_a_kill_of_a_pod_of_each_part_loses_nothing() -> None:
    for part in dict.fromkeys(map(part_of, pods())):
        pod = next(each for each in pods() if part_of(each) == part)  # some come anew with others
        kubectl("delete", "pod", pod, "--grace-period=0", "--force", "--wait=false")
        until(lambda pod=pod: pod not in pods(), f"{pod} is still there")
        took = until(are_well, f"not ready without {pod}: {pods()}")
        say(f"{pod} killed: all are ready after {took:.0f} s, deciding again after {more(100):.0f} s more")
    found = books()
    assert found["decided"] > 1_000
    assert found["difference"] == 0, found


@pytest.mark.parametrize("job", JOBS, ids=[job.name for job in JOBS])
def test_a_lake_job_is_submitted(job: Job) -> None:
    assert submitted(job) in job.codes


def test_a_card_is_forgotten_where_everything_stands() -> None:
    kubectl("scale", *(f"deployment/{part}" for part in ("bank", "clearhold-hot", "clearhold-landing")), "--replicas=0")
    until(lambda: set(map(part_of, pods())) == {"kafka", "registry"}, f"they do not stop: {pods()}")
    card = run_in("kafka", *CARD)
    assert submitted(Job("erasure", "jobs/forget_card.py", ("--run=/data/run", f"--card={card}"))) == 0


def submitted(job: Job) -> int:
    """The exit code of a job that is submitted as the training is."""
    made = json.loads(
        kubectl("create", "job", "--from=cronjob/clearhold-train", job.name, "--dry-run=client", "--output=json")
    )
    program = made["spec"]["template"]["spec"]["containers"][0]
    begin = program["args"].index("jobs/train_model.py")
    program["args"] = [*program["args"][:begin], job.file, *job.arguments]
    kubectl("apply", "--filename=-", given=json.dumps(made))
    return ended(job.name)


def ended(name: str) -> int:
    """The exit code of a Job's pod."""
    state: dict[str, Any] = {}

    def has_ended() -> bool:
        items = json.loads(kubectl("get", "pods", f"--selector=job-name={name}", "--output=json"))["items"]
        state.update(next((one["status"].get("containerStatuses", [{}])[0].get("state", {}) for one in items), {}))
        return "terminated" in state

    took = until(has_ended, f"{name} does not end", JOB_SECONDS)
    code = int(state["terminated"]["exitCode"])
    say(f"{name} ended with exit code {code} after {took:.0f} s: {kubectl('logs', f'job/{name}', '--tail=2')}")
    return code


def books() -> dict[str, Any]:
    """The bank stops; what it had acknowledged is counted in the lake once it has landed."""
    kubectl("scale", "deployment/bank", "--replicas=0")
    until(lambda: not any(pod.startswith("bank-") for pod in pods()), "the bank does not stop")
    found = balanced(lambda command: run_in("clearhold-landing", "bash", "-c", command))
    kubectl("scale", "deployment/bank", "--replicas=1")
    return found
