"""What `make attacks` tries whole, `make test` tries in samples: other ones after each change to the checks."""

import os
import zlib
from pathlib import Path

ALL = os.environ.get("METARL_ATTACKS") == "all"
CHECKS = sorted((Path(__file__).parents[1] / "metarl_core" / "check").rglob("*.py"))
TURN = zlib.crc32(b"".join(path.read_bytes().replace(b"\r\n", b"\n") for path in CHECKS))


def chosen(number: int, share: int) -> bool:
    """Whether the thing of this number is in the sample of one in `share`."""
    return ALL or (TURN + number) % share == 0
