"""A number that only rises, and those who wait for it."""

import asyncio


class Mark:
    """The highest number reached so far."""

    def __init__(self, reached: int = 0) -> None:
        self.reached = reached
        self._waiting: dict[asyncio.Future[None], int] = {}

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for a number that is not reached."""
        return bool(self._waiting)

    def wait(self, number: int) -> "asyncio.Future[None]":
        """A future that is done once `number` is reached; whoever gives up cancels it."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if number <= self.reached:
            future.set_result(None)
        else:
            self._waiting[future] = number
            future.add_done_callback(self._forget)
        return future

    def reach(self, number: int) -> None:
        """The number has risen to this, if it has."""
        if number <= self.reached:
            return
        self.reached = number
        for future in [one for one, wished in self._waiting.items() if wished <= self.reached]:
            del self._waiting[future]
            if not future.done():
                future.set_result(None)

    def _forget(self, future: "asyncio.Future[None]") -> None:
        self._waiting.pop(future, None)
