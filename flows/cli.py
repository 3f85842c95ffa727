"""The command line: `babelmix`. Commands import what they need when they run, which keeps planning quick."""

import sys

import typer

from flows import (
    cli_export,
    cli_languages,
    cli_lineage,
    cli_mine,
    cli_mix,
    cli_plan,
    cli_sources,
    cli_steps,
    cli_synthesise,
    cli_trainer,
)
from sources.errors import BabelmixError
from sources.shown_text import shown_in_terminal

app = typer.Typer(
    name="babelmix",
    help="Makes the training data of multilingual language models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli_mix.register(app)
cli_plan.register(app)
cli_steps.register(app)
cli_mine.register(app)
cli_synthesise.register(app)
cli_sources.register(app)
cli_languages.register(app)
cli_export.register(app)
cli_trainer.register(app)
cli_lineage.register(app)


@app.command()
def serve() -> None:
    """Start a Prefect server if none runs, deploy every flow, and run what is asked of them."""
    from flows.serve import serve_deployments

    serve_deployments()


def main() -> None:
    """The console script. A user's mistake is one line on standard error and exit code 1."""
    try:
        app()
    except BabelmixError as error:
        # It may name a file, an id or a value of somebody else.
        typer.echo(shown_in_terminal(f"babelmix: {error}"), err=True)
        sys.exit(1)
    except Exception as error:
        # Imported by whoever opened a store; nothing else fails so.
        store = sys.modules.get("sources.object_store")
        said = store.store_failure(error) if store else None
        if said is None:
            raise
        typer.echo(f"babelmix: the object store failed ({' '.join(said.split())})", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.echo("babelmix: interrupted; what was complete is kept", err=True)
        sys.exit(130)
