"""`babelmix serve`: a Prefect server if none runs, all deployments, and a runner that carries them out."""

import prefect

from flows.deployments import deployments
from flows.server import server


def serve_deployments() -> None:
    """Serves every deployment until it is interrupted."""
    with server() as url:
        served = deployments()
        print(f"Prefect server   {url.removesuffix('/api')}")
        for deployment in served:
            print(f"Deployment       {deployment.name}")
        print("Run one with     prefect deployment run build-stage4-mix --watch", flush=True)
        prefect.serve(*served, print_starting_message=False)
