"""An honest node among honest nodes."""

import errno

from weft.simulation.ports import Checker


class Stops(Checker):
    """A node stops by itself only when its disk takes nothing more."""

    promise = "Only a disk stops a node"

    def stopped(self, place: int, error: BaseException) -> None:
        if getattr(error, "errno", None) != errno.ENOSPC and "no room" not in str(error):
            self.fail(f"member {place} stopped: {error!r}")


class Trust(Checker):
    """Who is honest is never cut off, whatever the network does to what it says."""

    promise = "Who is not in the committee is refused"

    def cut(self, place: int, member: int, reason: str) -> None:
        if member not in self.scene.liars:
            self.fail(f"member {place} cuts off member {member}, which is honest: {reason}")
