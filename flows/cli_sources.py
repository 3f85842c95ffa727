"""`babelmix sources`: what there is."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(help="The upstream datasets.", no_args_is_help=True)
