"""What every test may rely on."""

import signal


def pytest_configure() -> None:
    """Whoever runs the suite in the background of a shell makes it ignore Ctrl-C, and with it everything that
    it starts; the verbs that end by it would never end."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
