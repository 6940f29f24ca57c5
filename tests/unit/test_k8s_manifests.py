"""What deploy/k8s says, against the files it speaks of: no cluster is needed to see that they fit."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from pipelines.local.project import HERE

BASE = HERE.root / "deploy" / "k8s" / "base"
DEMO = HERE.root / "deploy" / "k8s" / "demo"


def objects() -> Iterator[dict[str, Any]]:
    for file in (*BASE.glob("*.yaml"), DEMO / "parts.yaml"):
        for document in yaml.safe_load_all(file.read_text()):
            yield from document.get("items", [document])


def pods() -> dict[str, dict[str, Any]]:
    """Name of what makes it -> what its pod is like."""
    found = {}
    for each in objects():
        spec = each.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template:
            found[each["metadata"]["name"]] = template["spec"]
    return found


def submitted() -> dict[str, dict[str, Any]]:
    """Those that start executors -> their container."""
    return {name: pod["containers"][0] for name, pod in pods().items() if pod.get("serviceAccountName")}


def properties(container: dict[str, Any]) -> dict[str, str]:
    said = [*container["args"], *(each.get("value", "") for each in container["env"])]
    file = next(found[1] for text in said if (found := re.search(r"(conf/spark-k8s-\w+\.conf)", text)))
    lines = (HERE.root / file).read_text().splitlines()
    return {line.split()[0]: line.split()[1] for line in lines if line.strip() and not line.startswith("#")}


def test_everything_that_starts_executors_is_known() -> None:
    assert set(submitted()) == {"clearhold-hot", "clearhold-landing", "clearhold-upkeep", "clearhold-train", "bank"}


@pytest.mark.parametrize("name", submitted())
def test_a_driver_says_in_its_environment_what_its_properties_ask_for(name: str) -> None:
    container = submitted()[name]
    asked = {found for value in properties(container).values() for found in re.findall(r"\$\{env:(\w+)\}", value)}
    of_pod = {"POD_IP", "POD_NAME", "POD_NAMESPACE"}
    assert of_pod <= {each["name"] for each in container["env"]}
    assert container["envFrom"] == [{"configMapRef": {"name": "clearhold"}}]
    shared = next(each["data"] for each in objects() if each["kind"] == "ConfigMap")
    assert [shared[name] for name in asked - of_pod] == [container["image"]]


@pytest.mark.parametrize("name", submitted())
def test_executors_have_the_folder_of_the_run_where_drivers_have_it(name: str) -> None:
    found = properties(submitted()[name])
    volume = "spark.kubernetes.executor.volumes.persistentVolumeClaim.run"
    claims = {each["metadata"]["name"] for each in objects() if each["kind"] == "PersistentVolumeClaim"}
    mounts = {each["mountPath"] for each in submitted()[name]["volumeMounts"]}
    assert found[f"{volume}.options.claimName"] in claims
    assert found[f"{volume}.mount.path"] in mounts
    assert (HERE.root / found["spark.kubernetes.executor.podTemplateFile"]).is_file()


@pytest.mark.parametrize("name", pods())
def test_files_and_jobs_that_a_pod_is_told_of_are_there(name: str) -> None:
    pod = pods()[name]
    for container in (*pod["containers"], *pod.get("initContainers", [])):
        named = [part.rpartition("=")[2] for part in container["args"]]
        files = [part for part in named if part.startswith(("conf/", "jobs/"))]
        files += [part.replace(".", "/") + ".py" for part in named if part.startswith("jobs.")]
        assert files or name == "registry"
        assert not [file for file in files if not (HERE.root / file).is_file()]


@pytest.mark.parametrize("name", pods())
def test_a_pod_is_what_the_standard_restricted_lets_in(name: str) -> None:
    executor = yaml.safe_load((HERE.conf / "k8s-executor.yaml").read_text())["spec"]
    for pod in (pods()[name], executor):
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in (*pod["containers"], *pod.get("initContainers", [])):
            confined = container["securityContext"]
            assert confined["readOnlyRootFilesystem"]
            assert not confined["allowPrivilegeEscalation"]
            assert confined["capabilities"] == {"drop": ["ALL"]}
