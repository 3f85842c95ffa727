"""The folder of an export: it appears when all of it is written, and never in the place of something else."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from sources.errors import BabelmixError


@contextlib.contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Gives a folder to write into, and renames it to `path` when the block ends well; else nothing stays.

    Raises:
        BabelmixError: `path` is there and not empty, or cannot be written.
    """
    target = Path(path).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BabelmixError(f"{path}: is there and not empty; name a new folder with --output")
    partial = target.with_name(f".{target.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        if target.exists():
            target.rmdir()
        partial.rename(target)
    except OSError as error:
        raise BabelmixError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
