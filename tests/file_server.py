"""A small HTTP server that serves files with ranges, and fails in the ways real ones do."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Files:
    """What is served, how it fails, and what was asked for."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.etag = '"one"'
        self.cut_after: int | None = None
        """bytes after which each answer breaks off"""
        self.broken_answers = 0
        """answers with status 503 still to give"""
        self.ranges = True
        self.asked: list[str | None] = []
        """the Range header of each request"""
        self.url = ""


@contextmanager
def serving() -> Iterator[Files]:
    files = Files()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            files.asked.append(wanted)
            if files.broken_answers:
                files.broken_answers -= 1
                self.answer(503, b"")
                return
            body = files.content.get(self.path.rpartition("/")[2])
            if body is None:
                self.answer(404, b"")
                return
            start = 0
            same = self.headers.get("If-Range") in (None, files.etag)
            if files.ranges and same and (found := re.match(r"bytes=(\d+)-$", wanted or "")):
                start = int(found[1])
            if start >= len(body) > 0:
                self.answer(416, b"", {"Content-Range": f"bytes */{len(body)}"})
                return
            self.answer(206 if start else 200, body[start:])

        def answer(self, status: int, body: bytes, extra: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), "ETag": files.etag, **(extra or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            cut = files.cut_after is not None and len(body) > files.cut_after
            self.wfile.write(body[: files.cut_after] if cut else body)
            if cut:
                self.close_connection = True

        def log_message(self, *_arguments: Any) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    files.url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield files
    finally:
        server.shutdown()
        server.server_close()
