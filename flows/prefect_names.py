"""Lets Prefect's commands take a deployment's bare name: `prefect deployment run build-stage4-mix`.

Prefect asks for FLOW/DEPLOYMENT. This plugin (entry point `prefect.plugins`, switched on in `prefect.toml`)
lets its client look a name without a slash up among all deployments, and take it where it is unique. It wraps
one method of Prefect's client, which is why the project bounds Prefect's minor version.
"""

import functools
from typing import Any

from prefect.plugins import HookContext, SetupResult, register_hook


@register_hook
def setup_environment(*, ctx: HookContext) -> SetupResult | None:
    """Called once in every Prefect process, before its work begins."""
    from prefect.client.orchestration import PrefectClient

    if not hasattr(PrefectClient.read_deployment_by_name, "__wrapped__"):
        PrefectClient.read_deployment_by_name = _with_bare_names(  # type: ignore[method-assign]
            PrefectClient.read_deployment_by_name
        )
    return None


def _with_bare_names(read: Any) -> Any:
    @functools.wraps(read)
    async def read_deployment_by_name(self: Any, name: str) -> Any:
        if "/" in name:
            return await read(self, name)
        from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
        from prefect.exceptions import ObjectNotFound

        found = await self.read_deployments(
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[name]))
        )
        if len(found) == 1:
            return await self.read_deployment(found[0].id)
        if not found:
            message = f"no deployment is named {name!r}; is `babelmix serve` running?"
            raise ObjectNotFound(http_exc=LookupError(message), help_message=message)
        raise ValueError(f"{len(found)} deployments are named {name!r}: write FLOW/{name}")

    return read_deployment_by_name
