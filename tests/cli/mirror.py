# SPDX-License-Identifier: Apache-2.0
"""A mirror: a real HTTPS server on loopback with certificates of its own authority, that can be told to misbehave."""
import email.utils
import hashlib
import http.server
import os
import socket
import socketserver
import ssl
import subprocess
import threading


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


class Authority:
    """A certification authority made just now."""

    def __init__(self, folder, name="test authority"):
        self.folder = folder
        self.pem = os.path.join(folder, "ca.pem")
        self.key = os.path.join(folder, "ca.key")
        os.makedirs(folder, exist_ok=True)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.pem)

    def certificate(self, name, begin="localhost"):
        """(PEM file of a certificate for that name, PEM file of its key)"""
        base = os.path.join(self.folder, begin)
        extensions = base + ".ext"
        with open(extensions, "w") as f:
            f.write(f"subjectAltName={name}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=mirror",
                "-keyout", base + ".key", "-out", base + ".csr")
        openssl("x509", "-req", "-in", base + ".csr", "-CA", self.pem, "-CAkey", self.key, "-CAcreateserial", "-days", "2",
                "-extfile", extensions, "-out", base + ".pem")
        return base + ".pem", base + ".key"


class Mirror:
    """files: {path: bytes}.  asked: (path, status) of each request.  behave: {path: "truncate", ("redirect", url),
    ("status", n), "no validators", "hang"}"""

    def __init__(self, certificate, port=0):
        self.files, self.behave, self.asked, self.certificate = {}, {}, [], certificate
        self.start(port)
        self.port = self.server.server_address[1]
        self.url = f"https://localhost:{self.port}"

    def start(self, port):
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                mirror.answer(self)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, *args):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def back(self):
        self.start(self.port)

    def answer(self, request):
        path = request.path
        how, content = self.behave.get(path), self.files.get(path.split("?")[0])
        if isinstance(how, tuple):
            self.asked.append((path, 302 if how[0] == "redirect" else how[1]))
            request.send_response(302 if how[0] == "redirect" else how[1])
            if how[0] == "redirect":
                request.send_header("Location", how[1])
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        if content is None:
            self.asked.append((path, 404))
            request.send_error(404)
            return
        tag = '"%s"' % hashlib.sha256(content).hexdigest()[:16]
        if how != "no validators" and request.headers.get("If-None-Match") == tag:
            self.asked.append((path, 304))
            request.send_response(304)
            request.send_header("ETag", tag)
            request.end_headers()
            return
        self.asked.append((path, 200))
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        if how != "no validators":
            request.send_header("ETag", tag)
            request.send_header("Last-Modified", email.utils.formatdate(usegmt=True))
        request.end_headers()
        request.wfile.write(content[:len(content) // 2] if how == "truncate" else content)
        if how == "truncate":
            request.wfile.flush()
            request.close_connection = True
            request.connection.close()


class Proxy:
    """Takes CONNECT (RFC 9110, 9.3.6) and passes bytes on.  asked: the targets."""

    def __init__(self):
        self.asked, self.refuse = [], False
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                head = b""
                while b"\r\n\r\n" not in head:
                    head += self.request.recv(1)
                target = head.split()[1].decode()
                proxy.asked.append(target)
                if proxy.refuse:
                    self.request.sendall(b"HTTP/1.1 403 no\r\nContent-Length: 0\r\n\r\n")
                    return
                name, port = target.rsplit(":", 1)
                with socket.create_connection((name, int(port))) as other:
                    self.request.sendall(b"HTTP/1.1 200 well\r\n\r\n")
                    back = threading.Thread(target=self.pass_on, args=(other, self.request), daemon=True)
                    back.start()
                    self.pass_on(self.request, other)
                    back.join(5)

            @staticmethod
            def pass_on(here, there):
                try:
                    while data := here.recv(65536):
                        there.sendall(data)
                    there.shutdown(socket.SHUT_WR)
                except OSError:
                    pass

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
