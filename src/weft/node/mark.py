"""A number that only rises, and those who wait for it."""

import asyncio


class Mark:
    """The highest number reached so far."""

    def __init__(self, reached: int = 0) -> None:
        self.reached = reached
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def wait(self, number: int) -> "asyncio.Future[None]":
        """A future that is done once `number` is reached; whoever gives up cancels it."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if number <= self.reached:
            future.set_result(None)
        else:
            self._waiting.append((number, future))
        return future

    def reach(self, number: int) -> None:
        """The number has risen to this, if it has."""
        self.reached = max(self.reached, number)
        for wished, future in self._waiting:
            if wished <= self.reached and not future.done():
                future.set_result(None)
        self._waiting = [(wished, future) for wished, future in self._waiting if not future.done()]
