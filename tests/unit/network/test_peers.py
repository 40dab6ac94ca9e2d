"""Members of a committee speak to each other through real servers on loopback."""

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import uvloop
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.unit.network.neighbours import QUICK, Street, dial, note
from weft.model.errors import DiskFullError, PortError
from weft.model.limits import KIB, LOCAL, MIB
from weft.model.message import FetchBlocks, FetchTree, Item, Opening, Refused, Tree
from weft.network.tls import Tls
from weft.network.wire import SERVICE


async def test_four_members_hear_each_other_in_order() -> None:
    """What a member broadcasts reaches every other, each item once, in the order sent, after its Opening."""
    street = Street(4)
    async with street as nodes:
        for number in range(2_000):
            for node in nodes:
                node.network.broadcast(note(number))
        for node in nodes:
            for other in nodes:
                if other is not node:
                    await node.inbox.until(lambda n=node, o=other: len(n.inbox.heard[o.me]) == 2_001)
                    assert isinstance(node.inbox.heard[other.me][0], Opening)
                    assert node.inbox.numbers(other.me) == list(range(2_000))


def test_it_works_on_uvloop() -> None:
    """The loop that nodes run on."""

    async def exchange() -> list[int]:
        async with Street(2) as (one, two):
            one.network.send(1, note(7))
            await two.inbox.until(lambda: len(two.inbox.heard[0]) == 2)
            return two.inbox.numbers(0)

    assert uvloop.run(exchange()) == [7]


async def test_items_of_every_size_arrive_as_they_were() -> None:
    """Small ones share a frame, one of 12 MiB has its own; each is handed over with its size."""
    sizes = [0, 12 * MIB, 1, 3 * MIB, 3 * MIB, *[KIB] * 3_000, 5 * MIB, 2]
    async with Street(2) as (one, two):
        for number, size in enumerate(sizes):
            one.network.send(1, note(number, size))
        await two.inbox.until(lambda: len(two.inbox.heard[0]) == len(sizes) + 1)
        assert two.inbox.heard[0][1:] == [note(number, size) for number, size in enumerate(sizes)]
        assert all(size <= seen <= size + 32 for size, seen in zip(sizes, two.inbox.sizes[1:], strict=True))
        assert one.network.tallies[1].frames_sent < 20


async def test_what_is_sent_while_a_stream_opens_is_not_heard_twice() -> None:
    """`opened` may send at once: what it sends comes first, after the Opening."""
    street = Street(2)
    one = await street.move_in(0)
    one.network.send(1, note(1))
    one.inbox.on_opened = lambda member: one.network.send(member, note(2))
    two = await street.move_in(1)
    await two.inbox.until(lambda: len(two.inbox.heard[0]) == 2)
    assert two.inbox.numbers(0) == [2]
    assert one.network.tallies[1].items_dropped == 1
    await street.move_out(one)
    await street.move_out(two)


async def test_a_member_that_returns_with_a_new_certificate_is_spoken_to_again() -> None:
    """Streams to it break, begin anew by themselves with new Openings, and items flow both ways."""
    street = Street(3)
    async with street as (one, two, three):
        await street.move_out(three)
        await one.inbox.until(lambda: ("lost", 2) in one.inbox.events)
        assert not one.network.is_connected(2)
        three = await street.move_in(2)
        for node in (one, two, three):
            await node.inbox.until(lambda n=node: street.all_open(n), poll=True)
        assert one.inbox.events.count(("opened", 2)) == 2
        three.network.broadcast(note(1))
        one.network.send(2, note(2))
        await one.inbox.until(lambda: 1 in one.inbox.numbers(2))
        await three.inbox.until(lambda: 2 in three.inbox.numbers(0))
        assert one.inbox.events.count(("lost", 1)) == 0


async def test_a_member_in_a_process_of_its_own_is_killed_and_returns() -> None:
    """kill -9 is heard of at once; the next process of the same member is spoken to like the one before."""
    street = Street(2)
    one = await street.move_in(0)

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.unit.network.echo", *street.addresses]
        return subprocess.Popen(command)

    async def hear_echo(number: int) -> None:
        await one.inbox.until(lambda: one.network.is_connected(1))
        one.network.send(1, note(number))
        await one.inbox.until(lambda: number in one.inbox.numbers(1))

    process = start()
    try:
        await hear_echo(1)
        process.send_signal(signal.SIGKILL)
        process.wait()
        await one.inbox.until(lambda: ("lost", 1) in one.inbox.events)
        process = start()
        await hear_echo(2)
    finally:
        process.kill()
        process.wait()
        await street.move_out(one)


async def test_a_queue_that_overflows_begins_the_stream_anew() -> None:
    """A member that doesn't read on loses what is queued, not the order: then comes a new Opening."""
    street = Street(3, local=replace_local(peer_queue_bytes_max=4 * MIB))
    async with street as (one, two, three):
        two.inbox.is_open.clear()
        number = 0
        while not one.network.tallies[1].overflows:
            one.network.send(1, note(number, 64 * KIB))
            one.network.send(2, note(number))
            number += 1
            await asyncio.sleep(0)
        assert one.network.tallies[1].queue_bytes == 0
        await one.inbox.until(lambda: one.inbox.events.count(("opened", 1)) == 2)
        assert one.inbox.events[-2:] == [("lost", 1), ("opened", 1)]
        two.inbox.is_open.set()
        one.network.send(1, note(number))
        await two.inbox.until(lambda: number in two.inbox.numbers(0))
        openings = [at for at, item in enumerate(two.inbox.heard[0]) if isinstance(item, Opening)]
        before = two.inbox.numbers(0)[: openings[1] - 1]
        assert before == list(range(len(before))), "a gap before the new Opening"
        await three.inbox.until(lambda: len(three.inbox.numbers(0)) == number)
        assert three.inbox.numbers(0) == list(range(number))


def replace_local(**changes: int) -> object:
    return type(LOCAL)(**{name: changes.get(name, getattr(LOCAL, name)) for name in LOCAL.__struct_fields__})


async def test_round_trips_are_measured_when_something_is_said() -> None:
    """Once when a stream opens and then with traffic; nothing is sent for its own sake while idle."""
    async with Street(2) as (one, two):
        await one.inbox.until(lambda: len(one.inbox.rtts) == 1)
        await asyncio.sleep(QUICK.ping_every_s)
        assert one.network.tallies[1].frames_sent == 1
        one.network.send(1, note(1))
        await one.inbox.until(lambda: len(one.inbox.rtts) == 2)
        assert one.network.tallies[1].rtt_us == one.inbox.rtts[-1] > 0
        await two.inbox.until(lambda: len(two.inbox.heard[0]) == 2)


async def test_a_question_has_one_answer() -> None:
    """Many at once, each its own; a member may also refuse."""

    def answer(request: object) -> Tree | Refused:
        if isinstance(request, FetchTree) and request.height:
            return Tree((), ((request.path, bytes(32)),))
        return Refused("no such height")

    async with Street(2) as (one, two):
        two.inbox.answers = answer
        wishes = [FetchTree(1, bytes([at])) for at in range(100)]
        answers = await asyncio.gather(*(one.network.ask(1, wish) for wish in wishes))
        assert answers == [Tree((), ((wish.path, bytes(32)),)) for wish in wishes]
        assert await one.network.ask(1, FetchTree(0, b"")) == Refused("no such height")


async def test_a_question_that_nobody_answers_ends_with_refused() -> None:
    """Absent, slow, and lost half-way: the asker hears which, and its own task is never cancelled."""
    street = Street(3, bounds=replace(QUICK, ask_timeout_s=0.3))
    async with street as (one, two, three):
        two.inbox.is_open.clear()
        assert await one.network.ask(1, FetchBlocks(1)) == Refused("node1 did not answer in 0.3 s")
        pending = asyncio.ensure_future(three.network.ask(1, FetchBlocks(1)))
        await asyncio.sleep(0.05)
        await street.move_out(two)
        assert "node1" in (await pending).reason
        await one.inbox.until(lambda: not one.network.is_connected(1))
        assert await one.network.ask(1, FetchBlocks(1)) == Refused("node1 is not connected")


async def test_a_member_that_is_cut_off_is_refused_for_a_while_and_then_welcome() -> None:
    """Both directions end, the others stay, and each further cut lasts twice as long."""
    async with Street(3) as (one, two, _):
        one.network.cut_off(1, "it lied")
        await one.inbox.until(lambda: ("lost", 1) in one.inbox.events)
        await two.inbox.until(lambda: ("lost", 0) in two.inbox.events)
        assert "it lied" in two.network.tallies[0].last_failure
        assert one.network.is_connected(2)
        assert one.network.tallies[1].cuts == 1
        assert await one.network.ask(1, FetchBlocks(1)) == Refused("node1 is not connected")
        await one.inbox.until(lambda: one.inbox.events.count(("opened", 1)) == 2)
        await two.inbox.until(lambda: two.inbox.events.count(("opened", 0)) == 2)
        assert ("lost", 2) not in one.inbox.events


async def test_a_port_in_use_is_named_and_nothing_starts() -> None:
    """Two nodes never share a port unnoticed."""
    street = Street(2)
    one = await street.move_in(0)
    street.addresses[1] = street.addresses[0]
    with pytest.raises(PortError, match=street.addresses[0]):
        await street.move_in(1)
    await street.move_out(one)


async def test_stopping_leaves_no_task_behind() -> None:
    """And the port is free again."""
    before = asyncio.all_tasks()
    street = Street(3)
    async with street as nodes:
        nodes[0].network.broadcast(note(1))
        pending = asyncio.ensure_future(nodes[0].network.ask(1, FetchBlocks(1)))
        nodes[1].inbox.is_open.clear()
    assert isinstance(await pending, Refused)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    async with street:
        pass


async def test_health_and_reflection_are_there_for_members() -> None:
    """A member's tools can ask whether the node serves and which services it has."""
    street = Street(2)
    one = await street.move_in(0)
    async with dial(street, 0, Tls(street.genesis, street.keys[1])) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        status = await health.Check(health_pb2.HealthCheckRequest(service=SERVICE))
        assert status.status == health_pb2.HealthCheckResponse.SERVING
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        listed = [service.name for service in (await call.read()).list_services_response.service]
        assert SERVICE in listed
    await street.move_out(one)


async def test_a_mistake_in_the_node_is_not_swallowed() -> None:
    """gRPC would log an exception in a handler and go on: the owner of the loop hears of it."""
    failures: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))
    async with Street(2) as (one, two):

        async def receive(member: int, item: Item, size: int) -> None:
            raise ZeroDivisionError

        two.inbox.receive = receive  # type: ignore[method-assign]
        one.network.send(1, note(1))
        await one.inbox.until(lambda: ("lost", 1) in one.inbox.events)
    assert isinstance(failures[0], ZeroDivisionError)


async def test_a_member_is_not_to_blame_for_a_full_disk() -> None:
    """It is told and not refused; the owner of the loop hears of it and stops the node."""
    failures: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))
    async with Street(2) as (one, two):

        async def receive(member: int, item: Item, size: int) -> None:
            raise DiskFullError("no room")

        two.inbox.receive = receive  # type: ignore[method-assign]
        one.network.send(1, note(1))
        await one.inbox.until(lambda: ("lost", 1) in one.inbox.events)
        assert one.network.tallies[1].last_failure == "this node's disk is full"
        assert two.network.tallies[0].cuts == 0
    assert isinstance(failures[0], DiskFullError)
