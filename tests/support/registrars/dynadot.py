# SPDX-License-Identifier: MIT
"""Dynadot: the REST API, signed, and API3, over one account."""
import base64
import hashlib
import hmac
import re
import urllib.parse

from double import Domain, Double, as_json, below

KEY, SECRET = "APIKEY123", "APISECRET456"
LABELS = {13: "ECDSAP256SHA256(13)", 8: "RSA/SHA-256(8)"}


class Dynadot(Double):
    name = "dynadot"
    credential = f"{KEY}:{SECRET}"
    key_only = KEY
    wrong_credential = f"{KEY}:WRONGSECRET9"
    limit_seconds = 60

    def __init__(self):
        super().__init__()
        self.domains, self.servers, self.address_allowed, self.limit_after = {}, {}, True, None
        self.takes_forms, self.young = True, set()
        self.not_registered, self.content_key = set(), "NsContent"

    def add_domain(self, name, nameservers=None, **more):
        domain = self.domains[name] = Domain(name, nameservers or [], **more)
        domain.own_dns = not nameservers
        self.servers.update({host: [] for host in nameservers or []})
        return domain

    def refuse_address(self):
        self.address_allowed = False

    def lock_domain(self, name):
        self.domains[name].status = "hold"

    def limited(self, retry_after=None):
        return as_json({"code": 429, "message": "Too Many Requests", "error": {"description": "Concurrent limit reached, try again after 60 seconds"}}, 429,
                       **({"Retry_After": str(retry_after)} if retry_after is not None else {}))

    @staticmethod
    def command(request):
        return dict(urllib.parse.parse_qsl(request.body.decode(errors="replace"))).get("command") or request.query.get("command", "")

    @classmethod
    def is_write(cls, request):
        if request.path.startswith("/restful/"):
            return request.method != "GET"
        return cls.command(request).startswith(("set_", "add_", "register_", "clear_", "delete_"))

    def answer(self, request):
        api3 = request.path == "/api3.json"
        if self.running > 1:
            self.violation("two calls at a time")
            return self.fault3("Response", "This account is currently processing another request") if api3 else \
                self.rest_error(400, "There is another command processing for this account")
        if self.limit_after is not None and len(self.requests) > self.limit_after:
            return self.limited()
        return self.api3(request) if api3 else self.rest(request)

    # ---- REST
    @staticmethod
    def rest_error(code, description, status=None):
        return as_json({"code": code, "message": "Error", "error": {"description": description}}, status or code)

    @staticmethod
    def rest_good(data=None):
        return as_json({"code": 200, "message": "Success", **({"data": data} if data is not None else {})})

    def rest(self, request):
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return self.rest_error(401, "Invalid API key")
        if KEY in request.target:
            self.violation("the key is in the URL")
        given = request.headers.get("x-signature")
        text = f"{KEY}\n{request.target}\n{request.headers.get('x-request-id', '')}\n".encode() + request.body
        if given is None:
            return self.rest_error(400, "This command requires X-Signature")
        if given != base64.b64encode(hmac.new(SECRET.encode(), text, hashlib.sha256).digest()).decode():
            response = self.rest_error(400, "Signature mismatch", 200)  # HTTP 200, and text
            response.headers["Content-Type"] = "text/plain"
            return response
        if not self.address_allowed:
            return self.rest_error(403, "API access is not allowed from the current IP address 203.0.113.9")
        path = request.path.removeprefix("/restful/v2")
        if match := re.fullmatch(r"/domains/([^/]+)(/nameservers|/dnssec)?", path):
            domain = self.domains.get(match.group(1))
            if domain is None or domain.name in self.young:
                return self.rest_error(404, "Could not find domain in your account")
            return {None: self.rest_domain, "/nameservers": self.rest_nameservers, "/dnssec": self.rest_dnssec}[match.group(2)](request, domain)
        if path == "/nameservers/register" and request.method == "POST":
            server = (request.json() or {}).get("name_server", {})
            if not any(below(server.get("server_name", ""), name) for name in self.domains):
                return self.rest_error(400, "The domain of this host is not in your account")
            self.servers[server["server_name"]] = [server["ip"]]
            return self.rest_good()
        if match := re.fullmatch(r"/nameservers/([^/]+)(/add_external|/set_ip)?", path):
            return self.rest_host(request, match.group(1), match.group(2))
        self.violation(f"no such call: {request.line}")
        return self.rest_error(404, "Not found")

    def rest_domain(self, request, domain):
        return self.rest_good({"domain_info": {"domain_name": domain.name, "status": domain.status or "active", "locked": True, "glue_info": {
            "glue_type": "type_dns" if domain.own_dns else "type_user",
            "nameserver_list": [{"server_name": host, "ip_list": self.servers.get(host, [])} for host in domain.nameservers]}}})

    def unlisted(self, hosts):
        return next((host for host in hosts if host not in self.servers or host in self.not_registered), None)

    def rest_nameservers(self, request, domain):
        if request.method == "GET":
            return self.rest_good({"name_servers": [{"host": host, "ns_name": host} for host in domain.read_nameservers()]})
        hosts = (request.json() or {}).get("nameserver_list")
        if request.method != "PUT" or not isinstance(hosts, list) or not 2 <= len(hosts) <= 13:
            return self.rest_error(400, "nameserver_list is invalid")
        if host := self.unlisted(hosts):
            return self.rest_error(400, f"'{host}' needs to be registered with an ip address before it can be used.", 200)
        domain.set_nameservers(hosts)
        return self.rest_good()

    def rest_dnssec(self, request, domain):
        if request.method == "GET":
            return self.rest_good({"dnssec_info_list": [{"key_tag": tag, "algorithm": LABELS[algorithm].replace("(", " ("), "digest_type": f"SHA-256 ({kind})",
                                                         "digest": digest} for tag, algorithm, kind, digest in domain.ds]})
        if domain.own_dns:
            return self.rest_error(400, "You must use the name server setting first")
        if request.method == "DELETE":
            domain.ds = []
            return self.rest_good()
        body = request.json() or {}
        names = {"ecdsa_p256_sha256": 13, "rsa_sha256": 8}
        if body.get("algorithm") not in names or body.get("digest_type") != "sha256":
            return self.rest_error(400, "algorithm or digest_type is invalid")
        domain.ds = [row for row in domain.ds if row[0] != body["key_tag"]] + [(body["key_tag"], names[body["algorithm"]], 2, body["digest"])]
        return self.rest_good()

    def rest_host(self, request, host, what):
        if what == "/add_external":
            if host in self.servers:
                return self.rest_error(400, "Name server already exists")
            self.servers[host] = []
            return self.rest_good()
        if host not in self.servers:
            return self.rest_error(404, "Could not find server")
        if what == "/set_ip":
            self.servers[host] = request.json()["ip_list"]
            return self.rest_good()
        return self.rest_good({"server_name": host, "ip_list": self.servers[host]})

    # ---- API3
    @staticmethod
    def good3(command, **more):
        return as_json({f"{command}Response": {"ResponseCode": 0, "Status": "success", **more}})

    @staticmethod
    def fault3(name, text):
        return as_json({name: {"ResponseCode": "-1", **({} if name == "Response" else {"Status": "error"}), "Error": text}})

    def api3(self, request):
        given = request.query
        if request.method == "POST" and self.takes_forms:
            given = dict(urllib.parse.parse_qsl(request.body.decode()))
        elif "key" in request.query and self.takes_forms:
            self.violation("the key is in the URL")
        if given.get("key") != KEY or "secret" in given:
            return self.fault3("Response", "invalid key")
        if not self.address_allowed:
            return self.fault3("Response", "API access is not allowed from the current IP address")
        command = given.get("command", "")
        camel = "".join(word.capitalize() for word in command.split("_"))
        if command in ("add_ns", "register_ns", "server_list", "set_ns_ip_by_domain"):
            return getattr(self, "do_" + command)(given, camel)
        domain = self.domains.get(given.get("domain_name" if command.endswith("dnssec") else "domain", ""))
        if command not in ("domain_info", "get_ns", "set_ns", "set_dnssec", "get_dnssec", "clear_dnssec"):
            self.violation(f"no such command: {command}")
            return self.fault3("Response", "unknown command")
        if domain is None or domain.name in self.young:
            return self.fault3(camel + "Response", "could not find domain in your account")
        return getattr(self, "do_" + command)(given, camel, domain)

    def do_domain_info(self, given, camel, domain):
        settings = {"Type": "Dynadot Parking"} if domain.own_dns else {"Type": "Name Servers", "NameServers": [
            {"ServerId": str(i), "ServerName": host} for i, host in enumerate(domain.nameservers)]}
        return self.good3(camel, DomainInfo={"Name": domain.name, "Expiration": "1893456000000", "Registration": "1577836800000", "NameServerSettings": settings,
                                             "Locked": "yes", "Disabled": "no", "UdrpLocked": "no", "RegistrantUnverified": "no",
                                             "Hold": "yes" if domain.status else "no", "Privacy": "full", "Status": "active"})

    def do_get_ns(self, given, camel, domain):
        return self.good3(camel, **{self.content_key: {f"Host{i}": host for i, host in enumerate(domain.read_nameservers())}})

    def do_set_ns(self, given, camel, domain):
        hosts = [given[f"ns{i}"] for i in range(13) if f"ns{i}" in given]
        if host := self.unlisted(hosts):
            return self.fault3(camel + "Response", f"'{host}' needs to be registered with an ip address before it can be used.")
        domain.set_nameservers(hosts)
        return self.good3(camel)

    def do_add_ns(self, given, camel):
        if given.get("host") in self.servers:
            return self.fault3(camel + "Response", f"{given['host']} already exists")
        self.servers[given["host"]] = []
        return self.good3(camel, AddNsContent={"Server": {"Host": given["host"], "ServerId": str(len(self.servers))}})

    def do_register_ns(self, given, camel):
        self.servers[given["host"]] = [given["ip"]]
        return self.good3(camel)

    def do_set_ns_ip_by_domain(self, given, camel):
        self.servers[given["server_domain"]] = [given[f"ip{i}"] for i in range(9) if f"ip{i}" in given]
        return self.good3(camel)

    def do_server_list(self, given, camel):
        size, page = int(given.get("count_per_page", 20)), int(given.get("page_index", 1))
        rows = [{"ServerId": str(i), "ServerName": host} for i, host in enumerate(self.servers)]
        return self.good3(camel, ServerList=rows[(page - 1) * size:page * size])

    def do_get_dnssec(self, given, camel, domain):
        return self.good3(camel, **({"DnssecInfo": [{"KeyTag": tag, "Algorithm": LABELS[algorithm], "DigestType": f"SHA-256({kind})", "Digest": digest}
                                                    for tag, algorithm, kind, digest in domain.ds]} if domain.ds else {}))

    def do_set_dnssec(self, given, camel, domain):
        if domain.own_dns:
            return self.fault3(camel + "Response", "You must use the name server setting first")
        domain.ds.append((int(given["key_tag"]), int(given["algorithm"]), int(given["digest_type"]), given["digest"]))
        return self.good3(camel)

    def do_clear_dnssec(self, given, camel, domain):
        domain.ds = []
        return self.good3(camel)
