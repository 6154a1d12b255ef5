# SPDX-License-Identifier: MIT
"""OVH, API 1.0: signatures over the octets that came, consumer keys with rules, writes that are tasks."""
import fnmatch
import hashlib
import re
import time

from double import Domain, Double, as_json

AK, AS, CK = "7kbG7Bk7S9Nt7ZSV", "EXEgWIz07P0HYwtQDs7cNIqCiQaWSNHF", "MtSwSrPpNjqfVSmJhLbPyr2i45lSwPU1"


class Ovh(Double):
    name = "ovh"
    prefix = "/1.0"
    credential = f"{AK}:{AS}:{CK}"
    wrong_credential = f"{AK}:{AS}:wrongwrongwrongwrongwrongwrongwro"
    limit_seconds = 30

    def __init__(self):
        super().__init__()
        self.domains, self.tasks, self.clock_offset, self.limit_after = {}, {}, 0, None
        self.rules = [("GET", "/domain/*"), ("PUT", "/domain/*"), ("POST", "/domain/*"), ("DELETE", "/domain/*")]
        self.address_allowed = True
        self.not_registered = set()
        self.steps = 2  # polls of a task until it is done: todo, doing, done
        self.stuck = False

    def add_domain(self, name, nameservers=None, host_supported=True, ipv6=True, **more):
        self.domains[name] = Domain(name, nameservers or ["dns10.ovh.net", "ns10.ovh.net"], host=host_supported, ipv6=ipv6, **more)
        self.domains[name].own_dns = not nameservers
        self.domains[name].ordered = None
        self.domains[name].signing = False
        return self.domains[name]

    def refuse_address(self):
        self.address_allowed = False

    def limited(self, retry_after=None):
        return as_json({"class": "Client::TooManyRequests", "message": "Too many requests"}, 429,
                       **({"Retry_After": str(retry_after)} if retry_after is not None else {}))

    @staticmethod
    def is_write(request):
        return request.method != "GET"

    @staticmethod
    def gateway(status, code, message):
        names = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden"}
        return as_json({"errorCode": code, "httpCode": f"{status} {names[status]}", "message": message}, status, X_Ovh_QueryID="EU.ext-1.abc")

    @staticmethod
    def service(status, kind, message):
        return as_json({"class": kind, "message": message}, status, X_Ovh_QueryID="EU.ext-1.abc")

    def now(self):
        return int(time.time()) + self.clock_offset

    def answer(self, request):
        if request.path == self.prefix + "/auth/time":
            return as_json(self.now())
        if self.limit_after is not None and len(self.requests) > self.limit_after:
            return self.limited()
        given = {name: request.headers.get("x-ovh-" + name, "") for name in ("application", "consumer", "timestamp", "signature")}
        if given["application"] != AK:
            return self.gateway(403, "INVALID_KEY", "This application key is invalid")
        if not given["timestamp"].isdigit() or abs(int(given["timestamp"]) - self.now()) > 30:
            return self.gateway(400, "QUERY_TIME_OUT", "Query out of time")
        # The URL and the body as they came, not as they would be written again.
        text = f"{AS}+{given['consumer']}+{request.method}+{self.origin}{request.target}+".encode() + request.body + f"+{given['timestamp']}".encode()
        if given["signature"] != "$1$" + hashlib.sha1(text).hexdigest():
            return self.gateway(400, "INVALID_SIGNATURE", "Invalid signature")
        if given["consumer"] != CK:
            return self.gateway(403, "INVALID_CREDENTIAL", "This credential is not valid")
        if not self.address_allowed:
            return self.gateway(403, "NOT_GRANTED_CALL", "This call has not been granted")
        path = request.path.removeprefix(self.prefix)
        if not any(request.method == method and fnmatch.fnmatchcase(path, rule) for method, rule in self.rules):
            return self.gateway(403, "NOT_GRANTED_CALL", "This call has not been granted")
        if request.body and request.headers.get("content-type", "").replace(" ", "").lower() != "application/json;charset=utf-8":
            self.violation(f"content type of a signed body: {request.headers.get('content-type')}")
        if match := re.fullmatch(r"/domain/zone/([^/]+)/dnssec", path):
            return self.zone_dnssec(request, self.domains.get(match.group(1)))
        if match := re.fullmatch(r"/domain/([^/]+)(/.*)?", path):
            domain = self.domains.get(match.group(1))
            if domain is None:
                return self.service(404, "Client::NotFound", "This service does not exist")
            return self.domain_call(request, domain, match.group(2) or "")
        self.violation(f"no such call: {request.line}")
        return self.service(404, "Client::NotFound", "Got an invalid (or empty) URL")

    def zone_dnssec(self, request, domain):
        if domain is None or not domain.own_dns:
            return self.service(404, "Client::NotFound", "This service does not exist")
        if request.method == "DELETE":
            domain.signing, domain.ds = False, []
            return as_json(None)
        return as_json({"status": "enabled" if domain.signing else "disabled"})

    def new_task(self, domain, function, effect):
        number = 987000 + len(self.tasks)
        self.tasks[number] = {"id": number, "function": function, "status": "todo", "domain": domain, "effect": effect, "left": self.steps, "comment": None}
        return as_json(self.shown(self.tasks[number]))

    @staticmethod
    def shown(task):
        return {"id": task["id"], "function": task["function"], "status": task["status"], "canAccelerate": False, "canCancel": False, "canRelaunch": False,
                "comment": task["comment"], "creationDate": "2026-01-02T12:01:13+01:00", "todoDate": "2026-01-02T12:01:13+01:00",
                "lastUpdate": "2026-01-02T12:01:13+01:00", "doneDate": None}

    def step(self, task):
        """A task moves when it is looked at: todo, doing, done."""
        if self.stuck or task["status"] in ("done", "error"):
            return
        task["left"] -= 1
        task["status"] = "doing"
        if task["left"] > 0:
            return
        if task["domain"].more.get("registry_refuses"):
            task["status"], task["comment"] = "error", "ns1.pdm.example: host does not exist"
            task["domain"].ordered = None
            return
        task["status"] = "done"
        task["effect"]()

    def nameserver_rows(self, domain):
        """During a change both generations are listed."""
        rows = [{"id": 1000 + i, "host": host.upper() if i == 1 else host, "ip": None, "isUsed": True,
                 "toDelete": domain.ordered is not None and host not in domain.ordered} for i, host in enumerate(domain.nameservers)]
        for i, host in enumerate(host for host in domain.ordered or [] if host not in domain.nameservers):
            rows.append({"id": 2000 + i, "host": host, "ip": None, "isUsed": False, "toDelete": False})
        return rows

    def domain_call(self, request, domain, rest):
        body = request.json()
        if rest == "":
            if request.method == "PUT":
                if set(body or {}) != {"nameServerType"}:
                    self.violation(f"more than the type is put: {body}")
                domain.own_dns = body["nameServerType"] == "hosted"
                return as_json(None)
            return as_json({"domain": domain.name, "offer": "gold", "dnssecSupported": True, "transferLockStatus": "locked",
                            "hostSupported": domain.more["host"], "glueRecordIpv6Supported": domain.more["ipv6"], "glueRecordMultiIpSupported": True,
                            "lastUpdate": "2026-01-02T12:01:13+01:00", "nameServerType": "hosted" if domain.own_dns else "external",
                            "whoisOwner": "123456", "parentService": None, "owoSupported": True})
        if rest == "/nameServer" and request.method == "GET":
            return as_json([row["id"] for row in self.nameserver_rows(domain)])
        if match := re.fullmatch(r"/nameServer/(\d+)", rest):
            row = next((row for row in self.nameserver_rows(domain) if row["id"] == int(match.group(1))), None)
            return as_json(row) if row else self.service(404, "Client::NotFound", "The requested object does not exist")
        if rest == "/nameServers/update" and request.method == "POST":
            return self.update(domain, body)
        if rest == "/task":
            wanted = [task for task in self.tasks.values() if task["domain"] is domain
                      and request.query.get("function") in (None, task["function"]) and request.query.get("status") in (None, task["status"])]
            return as_json([task["id"] for task in wanted])
        if match := re.fullmatch(r"/task/(\d+)", rest):
            task = self.tasks.get(int(match.group(1)))
            if task is None or task["domain"] is not domain:
                return self.service(404, "Client::NotFound", f"The requested object (id = {match.group(1)}) does not exist")
            self.step(task)
            return as_json(self.shown(task))
        if rest.startswith("/dsRecord"):
            return self.ds_call(request, domain, rest, body)
        if rest.startswith("/glueRecord"):
            return self.glue_call(request, domain, rest, body)
        self.violation(f"no such call: {request.line}")
        return self.service(404, "Client::NotFound", "Got an invalid (or empty) URL")

    def update(self, domain, body):
        hosts = [entry.get("host") for entry in (body or {}).get("nameServers", [])]
        if domain.own_dns:
            return self.service(400, "Client::BadRequest", "The domain uses hosted name servers")
        if len(hosts) < 2 or len(hosts) > 8 or any(not host or host.endswith(".") or "_" in host or host in self.not_registered for host in hosts):
            return self.service(400, "Client::BadRequest", "Invalid nameServer host")
        if domain.ordered is not None:
            return self.service(409, "Client::Conflict", "A task is already in progress on this domain")
        for entry in body["nameServers"]:
            inside = entry["host"].endswith("." + domain.name)
            if inside and domain.more["host"] and entry["host"] not in domain.glue:
                return self.service(400, "Client::BadRequest", f"Invalid nameServer host: {entry['host']} does not exist")
            if inside and not domain.more["host"] and not entry.get("ip"):
                return self.service(400, "Client::BadRequest", "ip is required")
        domain.ordered = hosts

        def done():
            domain.set_nameservers(hosts)
            domain.ordered = None
        return self.new_task(domain, "DomainDnsUpdate", done)

    def ds_call(self, request, domain, rest, body):
        if request.method == "GET":
            if rest == "/dsRecord":
                return as_json([77 + i for i in range(len(domain.ds))])
            return as_json({"id": int(rest.rsplit("/", 1)[1]), "status": "enabled", **domain.ds[int(rest.rsplit("/", 1)[1]) - 77]})
        keys = (body or {}).get("keys")
        if domain.own_dns or not isinstance(keys, list) or len(keys) > 4 or any(set(key) != {"algorithm", "flags", "publicKey", "tag"} for key in keys):
            return self.service(400, "Client::BadRequest", "Invalid keys")
        return self.new_task(domain, "DomainDsUpdate", lambda: setattr(domain, "ds", keys))

    def glue_call(self, request, domain, rest, body):
        if not domain.more["host"]:
            return self.service(400, "Client::BadRequest", "Hosts are not supported")
        if rest == "/glueRecord":
            if request.method == "GET":
                return as_json(sorted(domain.glue))
            host, addresses = body["host"], body["ips"]
            return self.new_task(domain, "DomainHostCreate", lambda: domain.glue.__setitem__(host, addresses))
        host = rest.split("/")[2]
        if host not in domain.glue:
            return self.service(404, "Client::NotFound", "The requested object does not exist")
        if rest.endswith("/update"):
            return self.new_task(domain, "DomainHostUpdate", lambda: domain.glue.__setitem__(host, body["ips"]))
        return as_json({"host": host, "ips": domain.glue[host]})
