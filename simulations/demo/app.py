"""The demo's web application: an ordinary Starlette app that knows nothing of tunnels.

A page, an echoing WebSocket, a server-sent event stream, and an upload that is hashed while it arrives.
"""

import hashlib

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

PAGE = """<!doctype html><title>byronwade</title><h1>Hello from byronwade.local</h1>
<p>This page left one machine's port 3000, crossed an encrypted tunnel, and came out of a verified HTTPS address.</p>
"""


async def page(_request: Request) -> HTMLResponse:
    """The page."""
    return HTMLResponse(PAGE)


async def upload(request: Request) -> JSONResponse:
    """Hash the body as it streams in; it is never held whole."""
    digest, size = hashlib.sha256(), 0
    async for chunk in request.stream():
        digest.update(chunk)
        size += len(chunk)
    return JSONResponse({"bytes": size, "sha256": digest.hexdigest()})


async def echo(socket: WebSocket) -> None:
    """Send each text message back in upper case."""
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text.upper())


app = Starlette(
    routes=[Route("/", page), Route("/upload", upload, methods=["POST"]), WebSocketRoute("/ws", echo)],
)
