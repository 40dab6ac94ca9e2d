"""An honest node among honest nodes."""

import errno

from weft.simulation.ports import Checker


class Stops(Checker):
    """A node stops by itself only when its disk takes nothing more."""

    promise = "Only a disk stops a node"

    def stopped(self, place: int, error: BaseException) -> None:
        if getattr(error, "errno", None) != errno.ENOSPC and "no room" not in str(error):
            self.fail(f"member {place} stopped: {error!r}")
