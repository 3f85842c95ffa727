"""What tests of the command line share: the command itself, and workspaces that are built once for all of them."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import CommandLine, Ended
from few_languages import few_languages
from hypothesis import settings

# The first call of a compiled function compiles it, which takes longer than hypothesis gives an example.
settings.register_profile("babelmix", deadline=None)
settings.load_profile("babelmix")


@dataclass(frozen=True, slots=True)
class Built:
    """A workspace, and what the command that built it printed. To be read only: all tests have the same."""

    workspace: Path
    ended: Ended

    def copy(self, folder: Path) -> Path:
        """A copy of the workspace in `folder` that a test may change."""
        return Path(shutil.copytree(self.workspace, folder / "workspace"))


@pytest.fixture
def babelmix(tmp_path: Path) -> CommandLine:
    """The console script, started in the test's own folder: no prefect.toml is there."""
    return CommandLine(tmp_path)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """`babelmix mix stage4` of the sample profile in a new workspace."""
    folder = tmp_path_factory.mktemp("built")
    ended = CommandLine(folder)("mix", "stage4")
    ended.done()
    return Built(folder / "workspace", ended)


@pytest.fixture(scope="session")
def built_few(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The mixture of a recipe with few languages, in a workspace of its own."""
    folder = tmp_path_factory.mktemp("built_few")
    ended = CommandLine(folder)("mix", few_languages(folder))
    ended.done()
    return Built(folder / "workspace", ended)


@pytest.fixture(scope="session")
def built_global(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The mixture of all registered languages, built on top of that of `built`."""
    folder = tmp_path_factory.mktemp("built_global")
    workspace = built.copy(folder)
    ended = CommandLine(folder)("mix", "stage4", "--model", "marco-mini-global")
    ended.done()
    return Built(workspace, ended)
