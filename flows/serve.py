"""`babelmix serve`: a Prefect server if none runs, all deployments, and a runner that carries them out."""

import asyncio
import signal
import threading

from prefect.exceptions import TerminationSignal
from prefect.runner import Runner

from flows.deployments import deployments
from flows.server import server


def serve_deployments() -> None:
    """Serves every deployment until it is interrupted, told to end, or its terminal is closed."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    with server() as url:
        print(f"Prefect server   {url.removesuffix('/api')}")
        # What `prefect.serve` does; but a run is asked for by name only once there is something of this name.
        runner = Runner()
        for deployment in deployments():
            runner.add_deployment(deployment)
            print(f"Deployment       {deployment.name}")
        print("Run one with     prefect deployment run build-stage4-mix --watch", flush=True)
        try:
            asyncio.run(runner.start())
        except (KeyboardInterrupt, TerminationSignal):
            print("Stopped.", flush=True)
