# SPDX-License-Identifier: MIT
"""GoDaddy: v1 with a lag, v3 with operations, v2 with actions; one table of domains behind them."""
import re
import uuid

from double import Domain, Double, Response, as_json

CUSTOMER, SHOPPER = "295e3bc3-b3b9-4d95-aae5-ede41a994d13", "987654321"


class GoDaddy(Double):
    name = "godaddy"
    credential = "gdKEYabcdef12345:gdSECRETxyz98765"
    token = "gd_pat_0123456789abcdefABCDEF"
    wrong_credential = "gdKEYabcdef12345:gdWRONGxyz987654"
    limit_seconds = 17

    def __init__(self):
        super().__init__()
        self.domains, self.eligible, self.address_allowed, self.limit_after = {}, True, True, None
        self.scopes = {"domains.domain:read", "domains.domain:update"}
        self.not_registered, self.has_v3, self.lag = set(), True, 1
        self.operations, self.keys, self.actions = {}, {}, {}
        self.steps = 2  # how many polls an operation takes

    def add_domain(self, name, nameservers=None, **more):
        self.domains[name] = Domain(name, nameservers or ["ns37.domaincontrol.com", "ns38.domaincontrol.com"], **more)
        return self.domains[name]

    def small_account(self):
        self.eligible = False

    def lock_domain(self, name):
        self.domains[name].status = "LOCKED_REGISTRAR"

    def limited(self, retry_after=None):
        return as_json({"code": "TOO_MANY_REQUESTS", "message": "Too many requests received within interval", "retryAfterSec": self.limit_seconds}, 429,
                       **({"Retry_After": str(retry_after)} if retry_after is not None else {}))

    @staticmethod
    def is_write(request):
        return request.method != "GET"

    @staticmethod
    def error(status, code, message, fields=None):
        return as_json({"code": code, "message": message, **({"fields": fields} if fields else {})}, status, X_Request_Id="b3d1a5")

    def info(self, domain):
        shown = domain.read_nameservers()
        return {"domainId": 123456789, "domain": domain.name, "status": domain.status or "ACTIVE", "createdAt": "2019-05-01T10:00:00.000Z",
                "expires": "2027-05-01T10:00:00.000Z", "nameServers": None if domain.more.get("null") else shown, "locked": True, "renewAuto": True,
                "privacy": False, "exposeWhois": False, "transferProtected": False, "holdRegistrar": False, "expirationProtected": False,
                "authCode": "AuTh-CoDe-Secret", "contactRegistrant": {}}

    def refused_hosts(self, hosts):
        if not isinstance(hosts, list) or len(hosts) < 2 or len(hosts) > 13:
            return self.error(422, "INVALID_BODY", "Request body doesn't fulfill schema, see details in `fields`",
                              [{"code": "INVALID_COUNT", "message": "2 to 13 name servers", "path": "nameServers", "pathRelated": ""}])
        for index, host in enumerate(hosts):
            if host in self.not_registered or any(host.endswith("." + name) for name in self.domains):
                return self.error(422, "INVALID_BODY", "Request body doesn't fulfill schema, see details in `fields`",
                                  [{"code": "INVALID_HOST", "message": f"{host} is not registered", "path": f"nameServers[{index}]", "pathRelated": ""}])
        return None

    def answer(self, request):
        if self.limit_after is not None and len(self.requests) > self.limit_after:
            return self.limited(self.limit_seconds)
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        if (scheme, credential) not in (("sso-key", self.credential), ("Bearer", self.token)):
            return self.error(401, "UNABLE_TO_AUTHENTICATE", "Unauthorized : Could not authenticate API key/secret")
        if not self.eligible:
            return self.error(403, "ACCESS_DENIED", "Authenticated user is not allowed access")
        if match := re.fullmatch(r"/v1/domains/([^/]+)", request.path):
            return self.v1(request, self.domains.get(match.group(1)))
        if request.path == "/v1/domains":
            names, marker = sorted(self.domains), request.query.get("marker", "")
            return as_json([{"domain": name} for name in names if name > marker][:int(request.query.get("limit", 100))])
        if request.path.startswith("/v3/domains/"):
            if not self.has_v3:
                return self.error(404, "NOT_FOUND", "The requested resource was not found")
            if scheme != "Bearer":
                return self.error(401, "UNABLE_TO_AUTHENTICATE", "Unauthorized")
            return self.v3(request)
        if request.path == f"/v1/shoppers/{SHOPPER}":
            return as_json({"shopperId": SHOPPER, "customerId": CUSTOMER})
        if match := re.fullmatch(rf"/v2/customers/{CUSTOMER}/domains/([^/]+)(/.*)?", request.path):
            if request.headers.get("x-shopper-id") != SHOPPER:
                return self.error(403, "ACCESS_DENIED", "Authenticated user is not allowed access")
            return self.v2(request, self.domains.get(match.group(1)), match.group(2) or "")
        self.violation(f"no such call: {request.line}")
        return self.error(404, "NOT_FOUND", "The requested resource was not found")

    def v1(self, request, domain):
        if domain is None:
            return self.error(404, "NOT_FOUND", "The domain was not found for the shopper")
        if request.method == "GET":
            return as_json(self.info(domain))
        body = request.json()
        if request.method != "PATCH" or not isinstance(body, dict):
            return self.error(400, "INVALID_BODY", "Request body doesn't fulfill schema, see details in `fields`")
        if unknown := set(body) - {"nameServers"}:
            self.violation(f"more than name servers is changed: {sorted(unknown)}")
        if domain.status:
            return self.error(409, "CONFLICT", "Domain is locked")
        if refused := self.refused_hosts(body.get("nameServers")):
            return refused
        domain.set_nameservers(body["nameServers"], self.lag)
        return Response(204, "")

    def v3(self, request):
        if match := re.fullmatch(r"/v3/domains/operations/([^/]+)", request.path):
            return self.operation(match.group(1))
        match = re.fullmatch(r"/v3/domains/domain-names/([^/]+)(/nameservers)?", request.path)
        domain = self.domains.get(match.group(1)) if match else None
        if domain is None:
            return self.error(404, "NOT_FOUND", "The domain was not found")
        needed = "domains.domain:read" if request.method == "GET" else "domains.domain:update"
        if needed not in self.scopes:
            return self.error(403, "ACCESS_DENIED", f"Token lacks the required scope {needed}")
        if request.method == "GET":
            return as_json({"domain": domain.name, "status": domain.status or "ACTIVE", "transferLock": True, "nameServers": domain.read_nameservers()})
        key = request.headers.get("idempotency-key", "")
        if len(key) < 16:
            return self.error(400, "MISSING_VALUE", "Idempotency-Key is required")
        if key in self.keys:
            return as_json({"operationId": self.keys[key], "status": "CONFIRMED"}, 202)
        if refused := self.refused_hosts(request.json()):
            return refused
        self.keys[key] = number = str(uuid.UUID(int=len(self.keys) + 1))
        self.operations[number] = [self.steps, domain, request.json()]
        return as_json({"operationId": number, "status": "CONFIRMED"}, 202, Location=f"/v3/domains/operations/{number}")

    def operation(self, number):
        if number not in self.operations:
            return self.error(404, "NOT_FOUND", "no such operation")
        entry = self.operations[number]
        entry[0] -= 1
        if entry[0] > 0:
            return as_json({"operationId": number, "status": "EXECUTING"})
        if entry[1].more.get("registry_refuses"):
            return as_json({"operationId": number, "status": "FAILED", "error": {"code": "registry_rejected", "message": "host does not exist"}})
        entry[1].set_nameservers(entry[2])
        return as_json({"operationId": number, "status": "COMPLETED"})

    def v2(self, request, domain, rest):
        if domain is None:
            return self.error(404, "NOT_FOUND", "The domain was not found")
        if rest == "" and request.method == "GET":
            records = [{"algorithm": "ECDSAP256SHA256", "keyTag": tag, "digestType": "SHA256", "digest": digest} for tag, _, _, digest in domain.ds]
            return as_json({"domain": domain.name, "status": domain.status or "ACTIVE", "nameServers": domain.read_nameservers(),
                            "dnssecRecords": records, "actions": []}, 203 if domain.more.get("partial") else 200)
        if match := re.fullmatch(r"/actions/([A-Z_]+)", rest):
            if (domain.name, match.group(1)) not in self.actions:
                return self.error(404, "NOT_FOUND", "no such action")
            self.actions[domain.name, match.group(1)] -= 1
            done = self.actions[domain.name, match.group(1)] <= 0
            return as_json({"type": match.group(1), "origination": "USER", "createdAt": "2026-01-01T00:00:00.000Z", "status": "SUCCESS" if done else "PENDING"})
        if any(left > 0 for (name, _), left in self.actions.items() if name == domain.name):
            return self.error(409, "ACTION_PROCESSING", "A similar action is already processing")
        if rest == "/nameServers" and request.method == "PUT":
            hosts = (request.json() or {}).get("nameServers")
            if refused := self.refused_hosts(hosts):
                return refused
            domain.set_nameservers(hosts)
            self.actions[domain.name, "DOMAIN_UPDATE_NAME_SERVERS"] = self.steps
            return Response(202, "")
        if rest == "/dnssecRecords" and request.method in ("PATCH", "DELETE") and isinstance(request.json(), list):
            rows = [(row["keyTag"], 13, 2, row["digest"]) for row in request.json() if row["algorithm"] == "ECDSAP256SHA256"]
            domain.ds = domain.ds + rows if request.method == "PATCH" else [row for row in domain.ds if row not in rows]
            self.actions[domain.name, "DNSSEC_CREATE" if request.method == "PATCH" else "DNSSEC_DELETE"] = self.steps
            return Response(202, "")
        self.violation(f"no such call: {request.line}")
        return self.error(404, "NOT_FOUND", "The requested resource was not found")
