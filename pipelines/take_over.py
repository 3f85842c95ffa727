"""Takes a file that stands in a workspace into a folder that is being made; such files never change in place."""

import os
import shutil
from pathlib import Path

from datatrove.io import get_datafolder


def take_over(folder: str, name: str, target: Path) -> bool:
    """Links `target` to the file `name` of `folder`, a path or an fsspec URL; False where there is no such file.

    From an object store, and where the filesystem has no links, it is copied.
    """
    try:
        if "://" in folder:
            get_datafolder(folder).get_file(name, str(target))
            return True
        stands = Path(folder, name)
        try:
            os.link(stands, target)
        except FileNotFoundError:
            raise
        except OSError:  # a filesystem without links
            shutil.copyfile(stands, target)
    except FileNotFoundError:
        return False
    return True
