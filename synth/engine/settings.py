"""What a user writes about the server that completions come from."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from sources.errors import BabelmixError

if TYPE_CHECKING:
    from synth.engine.http_engine import HttpEngine
    from synth.engine.store import Store


class EngineSettings(BaseModel):
    """One server and one model; the names and meanings are those of `HttpEngine`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, Field(pattern=r"^https?://")]
    model: Annotated[str, Field(min_length=1)]
    revision: str = ""
    concurrency: Annotated[int, Field(ge=1, le=4096)] = 64
    timeout_s: Annotated[float, Field(gt=0)] = 600.0
    retries: Annotated[int, Field(ge=0, le=100)] = 6
    # The environment variable that holds the key: keys do not belong into files.
    api_key_variable: str | None = None

    def engine(self, store: "Store", restart: Callable[[], None] | None = None) -> "HttpEngine":
        """The engine with these settings.

        Raises:
            BabelmixError: the environment variable is not set.
        """
        # Whoever plans reads these settings too, and talks to no server.
        from synth.engine.http_engine import HttpEngine

        key = None
        if self.api_key_variable is not None and not (key := os.environ.get(self.api_key_variable)):
            raise BabelmixError(f"api_key_variable: {self.api_key_variable} is not set; export it with the key")
        return HttpEngine(
            self.url,
            self.model,
            self.revision,
            store=store,
            concurrency=self.concurrency,
            timeout_s=self.timeout_s,
            retries=self.retries,
            restart=restart,
            api_key=key,
        )
