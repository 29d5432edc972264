"""A mail server for tests: as much of SMTP as a client needs to hand over a letter, over a real socket."""

from __future__ import annotations

import email
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from typing import Any


@dataclass
class Received:
    """One letter: the envelope and the message."""

    sender: str
    to: list[str]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=policy.default)  # type: ignore[return-value]

    @property
    def text(self) -> str:
        return self.message.get_body(("plain",)).get_content().replace("\r\n", "\n")  # type: ignore[union-attr]


@dataclass
class PostOffice:
    """What came in, and what is answered: `replies` maps the beginning of a command in capitals to an answer."""

    port: int = 0
    letters: list[Received] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


class _Postman(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        office: PostOffice = self.server.office  # type: ignore[attr-defined]
        sender, to = "", []
        self._say("220 test")
        while line := self.rfile.readline().decode("latin-1").strip():
            command = line.upper()
            scripted = next((answer for begin, answer in office.replies.items() if command.startswith(begin)), "")
            if scripted:
                self._say(scripted)
            elif command.startswith("MAIL FROM"):
                sender, to = _address(line), []
                self._say("250 fine")
            elif command.startswith("RCPT TO"):
                to.append(_address(line))
                self._say("250 fine")
            elif command == "DATA":
                self._say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                office.letters.append(Received(sender, to, b"".join(each.removeprefix(b".") if each.startswith(b"..") else each for each in lines)))
                self._say(office.replies.get("AFTER DATA", "250 taken"))
            elif command == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    office: Any = None


@contextmanager
def serving(office: PostOffice) -> Iterator[PostOffice]:
    """The office is open meanwhile; opened again, it has the same port."""
    with _Server(("127.0.0.1", office.port), _Postman) as server:
        server.office, office.port = office, server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield office
        finally:
            server.shutdown()
            thread.join()


def _address(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]
