# SPDX-License-Identifier: MIT
"""Targets of bench/health: one nginx that answers on every address of the loopback network."""
import socket
import subprocess
import urllib.request

from running import CLIENT_CPU, free_port, wait_until

FIRST_ADDRESS = "127.1.0.1"
HOST = "www.bench.example"


def address(number):
    return socket.inet_ntoa((int.from_bytes(socket.inet_aton(FIRST_ADDRESS), "big") + number).to_bytes(4, "big"))


class Nginx:
    """Answers on every address of the loopback network; pinned to the load's core."""

    def __init__(self, folder):
        self.folder, self.asked = folder, 1  # once by start()
        self.http, self.https = free_port(), free_port()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={HOST}",
                        "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
        (folder / "nginx.conf").write_text(f"""
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
worker_rlimit_nofile 65536;
events {{ worker_connections 32768; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 0.0.0.0:{self.http} backlog=8192;
    listen 0.0.0.0:{self.https} ssl backlog=8192;
    ssl_certificate {folder}/cert.pem;
    ssl_certificate_key {folder}/key.pem;
    location / {{ return 200 "all is well"; }}
    location = /requests {{ stub_status; }}
  }}
}}
""")

    def start(self):
        self.process = subprocess.Popen(["taskset", "-c", CLIENT_CPU, "nginx", "-p", self.folder, "-c", self.folder / "nginx.conf"])
        wait_until("nginx", lambda: urllib.request.urlopen(f"http://127.0.0.1:{self.http}/").status == 200, self.process)

    def requests(self):
        """How many it has answered, these questions aside."""
        self.asked += 1
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.http}/requests").read().decode()
        return int(text.splitlines()[2].split()[2]) - self.asked

    def end(self):
        self.process.terminate()
        self.process.wait()
