"""A client of the language server: JSON-RPC over the pipes of a real process."""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import threading

SECONDS = 300  # a guard against hanging, not a measure


class Client:
    """One server with one project folder."""

    def __init__(self, folder):
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rulekit", "lsp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
        )
        self.number = 0
        self.answers = queue.Queue()
        self.told = queue.Queue()  # notifications of the server
        self.texts = {}
        threading.Thread(target=self._read, daemon=True).start()
        answer = self.ask(
            "initialize",
            {"processId": os.getpid(), "rootUri": self.uri(), "capabilities": {}},
        )
        self.abilities = answer["capabilities"]
        self.tell("initialized", {})

    def uri(self, name=""):
        return (self.folder / name).as_uri()

    def _read(self):
        stream = self.process.stdout
        while True:
            size = 0
            while True:
                line = stream.readline()
                if not line:
                    self.answers.put(None)
                    self.told.put(None)
                    return
                if not line.strip():
                    break
                if line.lower().startswith(b"content-length:"):
                    size = int(line.split(b":")[1])
            message = json.loads(stream.read(size))
            if "method" in message:
                self.told.put(message)
            else:
                self.answers.put(message)

    def _send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def tell(self, method, params):
        self._send({"method": method, "params": params})

    def ask(self, method, params):
        self.number += 1
        self._send({"id": self.number, "method": method, "params": params})
        answer = self.answers.get(timeout=SECONDS)
        assert answer is not None, self.process.stderr.read().decode()
        assert answer["id"] == self.number
        assert "error" not in answer, answer["error"]
        return answer.get("result")

    def diagnostics(self, name):
        """The next diagnostics of a file."""
        while True:
            message = self.told.get(timeout=SECONDS)
            assert message is not None, self.process.stderr.read().decode()
            if message["method"] != "textDocument/publishDiagnostics":
                continue
            if message["params"]["uri"] == self.uri(name):
                return message["params"]["diagnostics"]

    def open(self, name, text=None):
        """Open a file; without `text` as it is on disk. Its diagnostics."""
        text = (self.folder / name).read_text() if text is None else text
        self.texts[name] = text
        document = {"uri": self.uri(name), "languageId": "rulefile", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": document})
        return self.diagnostics(name)

    def change(self, name, text):
        """Replace the text of an open file. Its diagnostics."""
        self.texts[name] = text
        document = {"uri": self.uri(name), "version": 2}
        change = {"textDocument": document, "contentChanges": [{"text": text}]}
        self.tell("textDocument/didChange", change)
        return self.diagnostics(name)

    def at(self, name, mark, **more):
        """Parameters for the place behind `|` in `mark`, a part of the text without the bar."""
        before, _, _ = mark.partition("|")
        text = self.texts[name]
        plain = mark.replace("|", "")
        assert text.count(plain) >= 1, plain
        offset = text.index(plain) + len(before)
        line = text.count("\n", 0, offset)
        row = text[text.rfind("\n", 0, offset) + 1 : offset]
        position = {"line": line, "character": len(row.encode("utf-16-le")) // 2}
        return {"textDocument": {"uri": self.uri(name)}, "position": position, **more}

    def marked(self, location):
        """``file: text`` of a location."""
        name = re.sub(".*/", "", location["uri"])
        path = os.path.relpath(location["uri"].removeprefix("file://"), self.folder)
        start, end = location["range"]["start"], location["range"]["end"]
        text = self.texts.get(path) or (self.folder / path).read_text()
        row = text.split("\n")[start["line"]]
        stop = end["character"] if end["line"] == start["line"] else None
        return f"{name}: {row[start['character'] : stop]}"

    def close(self):
        self.ask("shutdown", None)
        self.tell("exit", None)
        code = self.process.wait(timeout=SECONDS)
        self.process.stdin.close()
        errors = self.process.stderr.read().decode()
        self.process.stderr.close()
        self.process.stdout.close()
        return code, errors
