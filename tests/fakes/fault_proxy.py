"""A proxy between boto3 and the services that fails on request: connection reset, server error, throttling, expiry."""

from __future__ import annotations

import http.client
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import urlsplit

JSON_ERRORS: Final = {
    "500": (500, "InternalFailure"),
    "throttle": (400, "ThrottlingException"),
    "expired": (400, "ExpiredTokenException"),
    "denied": (400, "AccessDeniedException"),
}
XML_ERRORS: Final = {
    "500": (500, "InternalError"),
    "throttle": (503, "SlowDown"),
    "expired": (400, "ExpiredToken"),
    "denied": (403, "AccessDenied"),
}
OURS: Final = ("SageMaker.", "ServiceQuotas", "AmazonEC2ContainerRegistry_V20150921.DescribeImages")
"""Calls that the fake of SageMaker answers."""
HOP: Final = frozenset({"connection", "transfer-encoding", "keep-alive", "server", "date"})

Fault = Callable[[str, int], str | None]
"""(operation, calls of it before) -> None, or what goes wrong: `reset`, `lost` (done, but without an answer), or a key
of the tables above.
"""


class FaultProxy:
    """Forwards to the fake of SageMaker or to moto; `fault` decides which calls fail."""

    def __init__(self, moto: str, sagemaker: str) -> None:
        self.moto, self.sagemaker = moto, sagemaker
        self.calls: Counter[str] = Counter()
        self.fault: Fault = lambda _operation, _count: None
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def reset(self) -> None:
        self.calls.clear()
        self.fault = lambda _operation, _count: None

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def decide(self, operation: str) -> str | None:
        with self._lock:
            count = self.calls[operation]
            self.calls[operation] += 1
        return self.fault(operation, count)


def operation_of(method: str, path: str, target: str, body: bytes) -> str:
    """Name a call: `SageMaker.StopTrainingJob`, `GetCallerIdentity`, `s3.PUT`, `s3.GET.list`."""
    if target:
        return target
    if found := re.match(rb"Action=(\w+)", body):
        return found[1].decode()
    query = urlsplit(path).query
    kind = next((word for word in ("list-type", "uploads", "location", "delete") if word in query), "")
    return f"s3.{method}.{kind}".rstrip(".")


class _Handler(BaseHTTPRequestHandler):
    proxy: FaultProxy
    protocol_version = "HTTP/1.1"

    def handle_one_call(self) -> None:
        body = self._body()
        target = self.headers.get("X-Amz-Target", "")
        operation = operation_of(self.command, self.path, target, body)
        fault = self.proxy.decide(operation)
        if fault == "reset":
            self._reset()
        elif fault == "lost":
            self._ask(target, body)
            self._reset()
        elif fault:
            self._refuse(fault, is_json=bool(target))
        else:
            self._forward(target, body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_one_call

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _refuse(self, fault: str, *, is_json: bool) -> None:
        status, code = (JSON_ERRORS if is_json else XML_ERRORS)[fault]
        if is_json:
            text = f'{{"__type": "{code}", "message": "made by the proxy"}}'
        else:
            error = f"<Error><Code>{code}</Code><Message>made by the proxy</Message></Error>"
            text = error if self.command != "POST" else f"<ErrorResponse>{error}</ErrorResponse>"
        content = b"" if self.command == "HEAD" else text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _ask(self, target: str, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        is_ours = target.startswith(OURS)
        connection = http.client.HTTPConnection(urlsplit(self.proxy.sagemaker if is_ours else self.proxy.moto).netloc)
        headers = {
            key: value for key, value in self.headers.items() if key.lower() not in ("transfer-encoding", "expect")
        }
        headers["Content-Length"] = str(len(body))
        connection.request(self.command, self.path, body=body, headers=headers)
        try:
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def _forward(self, target: str, body: bytes) -> None:
        answer, content = self._ask(target, body)
        self.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in HOP | {"content-length"}:
                self.send_header(key, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        del format, args
