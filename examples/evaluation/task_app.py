"""Serves rollouts: a seed in, a score out. Stands for whatever an evaluation asks."""

import json
import os
import random
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse


class Rollouts(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlparse(self.path)
        if url.path == "/health":
            self.answer({"ok": True})
            return
        seed = parse_qs(url.query).get("seed", ["0"])[0]
        self.answer({"seed": int(seed), "score": round(random.Random(seed).random(), 3)})

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


port = int(os.environ["PORT"])
print(f"task app on port {port}", flush=True)
ThreadingHTTPServer(("0.0.0.0", port), Rollouts).serve_forever()
