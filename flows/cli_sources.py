"""`babelmix sources`: what there is."""

import typer

app = typer.Typer(help="The upstream datasets.", no_args_is_help=True)
