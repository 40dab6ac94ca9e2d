"""How tests ask: problems looked at closely, and requests sent just as they stand."""

import asyncio
import json

import httpx


def code_of(response: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem, which must be whole."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem = response.json()
    assert {"type", "title", "status", "detail", "code", "fix", "instance"} <= problem.keys()
    assert problem["status"] == response.status_code
    assert problem["type"] == f"urn:weft:problem:{problem['code']}"
    return response.status_code, problem["code"]


async def ask(
    url: str, method: str, path: str, body: bytes = b"", headers: tuple[str, ...] = ()
) -> tuple[int, str]:
    """Status and code of a request whose path and headers no client library mends."""
    head = [f"{method} {path} HTTP/1.1", f"Content-Length: {len(body)}", "Connection: close", *headers]
    if not any(line.startswith("Host:") for line in headers):
        head.append("Host: " + url.removeprefix("http://"))
    status, answer = await talk(url, "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)
    return status, json.loads(answer)["code"] if b'"code"' in answer else ""


async def talk(url: str, request: bytes) -> tuple[int, bytes]:
    """Status and body of what the server says to these very bytes."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split(b" ")[1]), body
