"""`python -m rorqual`: the rorqual program that the package brings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def program() -> str:
    """The program named by RORQUAL_PROGRAM, else the one inside the package."""
    if named := os.environ.get("RORQUAL_PROGRAM"):
        return named
    suffix = ".exe" if sys.platform == "win32" else ""
    return str(Path(__file__).parent / "bin" / f"rorqual{suffix}")


def main() -> int:
    command = [program(), *sys.argv[1:]]
    try:
        if sys.platform == "win32":
            return subprocess.run(command).returncode
        os.execv(command[0], command)
    except OSError as error:
        print(f"rorqual: cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
