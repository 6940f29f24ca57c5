"""An object store on this machine that speaks S3: moto's server, in a process of its own."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from s3fs import S3FileSystem
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from pipelines.local import ports

BUCKET = "clearhold"


@contextmanager
def bucket() -> Iterator[str]:
    """URL of an empty bucket; meanwhile AWS's variables lead this process and its children there."""
    (port,) = ports.choose([0])
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as server, pytest.MonkeyPatch.context() as environment:
        try:
            for name, value in {
                "AWS_ACCESS_KEY_ID": "tests",
                "AWS_SECRET_ACCESS_KEY": "of no use elsewhere",
                "AWS_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_ALLOW_HTTP": "true",
            }.items():
                environment.setenv(name, value)
            _await(port)
            boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=BUCKET)
            yield f"s3a://{BUCKET}"
        finally:
            server.kill()
            S3FileSystem.clear_instance_cache()  # they would ask this server for what is in the next bucket


@retry(stop=stop_after_delay(120), wait=wait_fixed(0.1), retry=retry_if_exception_type(OSError), reraise=True)
def _await(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=1).close()
