"""Every node in a network namespace of its own, and between them this process: a switch for IP packets.

Each namespace has one TUN device whose other end is held here: packets are delayed, lost, doubled and cut one
way or both, and TCP above them is the kernel's own. Neither the kernel's traffic control nor a packet filter
is needed, which few machines have in full. Devices and namespaces are held by descriptors alone, so nothing
is left when this process ends, in whatever way.
"""

import asyncio
import ctypes
import fcntl
import os
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from random import Random

from tests.fire.fabric import Condition, Conditions, Place

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFMTU, SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8916, 0x891C, 0x8922, 0x8913, 0x8914
IFF_UP = 0x1
SUBNET = "198.18.0."
"""Of the range that is set aside for tests of networks (RFC 2544)."""
MTU = 9000
PACKETS_A_TURN = 64
PACKETS_WAITING_MAX = 20_000
"""Delayed packets beyond so many are lost, as in any switch."""
API_PORT, PEER_PORT = 8700, 8800


class Switch:
    """A carrier of packets. Made within an enclosure, whose own end is that of the clients."""

    def __init__(self, nodes: int, chance: Random) -> None:
        self.conditions = Conditions(chance)
        self._nodes = nodes
        self._spaces: list[int] = []
        self._devices: list[int] = []
        self._waiting = 0

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        for node in range(self._nodes):
            space, device = _elsewhere(partial(_open_end, node))
            self._spaces.append(space)
            self._devices.append(device)
        self._devices.append(open_device(self._nodes))
        for end, device in enumerate(self._devices):
            loop.add_reader(device, self._forward, end, device)

    async def stop(self) -> None:
        for device in self._devices:
            asyncio.get_running_loop().remove_reader(device)
            os.close(device)
        for space in self._spaces:
            os.close(space)
        self._devices.clear()
        self._spaces.clear()

    def place(self, node: int) -> Place:
        addresses = tuple(f"{SUBNET}{member + 1}:{PEER_PORT}" for member in range(self._nodes))
        return Place(f"{SUBNET}{node + 1}", API_PORT, PEER_PORT, addresses)

    def enter(self, node: int) -> tuple[list[str], tuple[int, ...]]:
        space = self._spaces[node]
        return ["nsenter", f"--net=/proc/self/fd/{space}", "--"], (space,)

    def _forward(self, source: int, device: int) -> None:
        """Take what the end has sent, some at a time, and let it go on."""
        for _ in range(PACKETS_A_TURN):
            try:
                packet = os.read(device, MTU)
            except BlockingIOError:
                return
            target = packet[19] - 1
            # What is no IPv4 packet for one of the ends (discovery of routers, for one) goes nowhere.
            if packet[0] >> 4 != 4 or not 0 <= target < len(self._devices):
                continue
            condition = self.conditions.find(source, target)
            if condition is None:
                self._deliver(target, packet)
            elif not condition.is_cut and not self.conditions.is_drawn(condition.loss):
                self._deliver_later(source, target, condition, packet)

    def _deliver_later(self, source: int, target: int, condition: Condition, packet: bytes) -> None:
        if self._waiting >= PACKETS_WAITING_MAX:
            return
        loop = asyncio.get_running_loop()
        due = self.conditions.due(source, target, condition, loop.time())
        for _ in range(2 if self.conditions.is_drawn(condition.twice) else 1):
            self._waiting += 1
            loop.call_at(due, self._deliver_waiting, target, packet)

    def _deliver_waiting(self, target: int, packet: bytes) -> None:
        self._waiting -= 1
        self._deliver(target, packet)

    def _deliver(self, target: int, packet: bytes) -> None:
        # A full device, or one that is closed by now, loses packets.
        with suppress(OSError, IndexError):
            os.write(self._devices[target], packet)


def raise_loopback() -> None:
    """Let this namespace's own loopback work."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        _raise(control, b"lo")


def open_device(end: int) -> int:
    """The other side of a new device with the address of this end, in the namespace of this thread."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    name = b"fire0"
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name, IFF_TUN | IFF_NO_PI))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for request, address in (
            (SIOCSIFADDR, f"{SUBNET}{end + 1}"),
            (SIOCSIFNETMASK, "255.255.255.0"),
        ):
            packed = struct.pack("16sHH4s16x", name, socket.AF_INET, 0, socket.inet_aton(address))
            fcntl.ioctl(control, request, packed)
        fcntl.ioctl(control, SIOCSIFMTU, struct.pack("16si20x", name, MTU))
        _raise(control, name)
    return device


def _raise(control: socket.socket, name: bytes) -> None:
    flags = struct.unpack("16sH22x", fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sH22x", name, 0)))[1]
    fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", name, flags | IFF_UP))


def _open_end(end: int) -> tuple[int, int]:
    """A namespace and its device. The calling thread lives there from now on."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "no network namespace can be made")
    raise_loopback()
    device = open_device(end)
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC), device


def _elsewhere(make: Callable[[], tuple[int, int]]) -> tuple[int, int]:
    """What a thread makes that ends with it: this thread stays in its own namespace."""
    made: list[tuple[int, int]] = []
    failed: list[OSError] = []

    def run() -> None:
        try:
            made.append(make())
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]
