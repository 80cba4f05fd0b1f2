"""One page."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = f"<!doctype html><title>web-app</title><h1>{os.environ['GREETING']} from a sandbox</h1>\n"


class Pages(BaseHTTPRequestHandler):
    def do_GET(self):
        body = PAGE.encode()
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Pages).serve_forever()
