# SPDX-License-Identifier: MIT
"""Cloudflare, API v4: tokens, zones, registrations; name servers that nobody can change."""
import re

from double import Domain, Double, as_json

ACCOUNT = "01a7362d577a6c3019a474fd6f485823"


class Token:
    def __init__(self, owner="user", status="active", scopes=("zone", "registrar"), allowed_address=True):
        self.owner, self.status, self.scopes, self.allowed_address = owner, status, set(scopes), allowed_address


class Cloudflare(Double):
    name = "cloudflare"
    prefix = "/client/v4"
    credential = "cfut_goodgoodgoodgoodgoodgoodgoodgoodgoodgood"
    account_credential = "cfat_goodgoodgoodgoodgoodgoodgoodgoodgoodgood"
    wrong_credential = "cfut_wrongwrongwrongwrongwrongwrongwrongwrong"
    limit_seconds = 300
    assigned = ["bob.ns.cloudflare.com", "lola.ns.cloudflare.com"]

    def __init__(self):
        super().__init__()
        self.tokens = {self.credential: Token(), self.account_credential: Token("account")}
        self.domains, self.registered, self.limit_after = {}, set(), None
        self.ignores_filter = False

    # The state, by the names that all doubles share.
    def add_domain(self, name, nameservers=None, **_):
        self.domains[name] = Domain(name, self.assigned, id=f"{len(self.domains):032x}")
        self.registered.add(name)
        return self.domains[name]

    def refuse_address(self):
        for token in self.tokens.values():
            token.allowed_address = False

    def lock_domain(self, name):
        self.domains[name].status = "moved"

    def limited(self, retry_after=None):
        return as_json({"success": False, "errors": [{"code": 971, "message": "Please wait and consider throttling your request speed"}],
                        "messages": [], "result": None}, 429, **({"Retry_After": str(retry_after)} if retry_after is not None else {}))

    @staticmethod
    def is_write(request):
        return request.method != "GET"

    @staticmethod
    def error(status, code, message, chain=None):
        entry = {"code": code, "message": message}
        if chain:
            entry["error_chain"] = [{"code": chain[0], "message": chain[1]}]
        return as_json({"success": False, "result": None, "messages": [], "errors": [entry]}, status, cf_ray="8f0a1b2c3d4e5f60-FRA")

    @staticmethod
    def good(result, **more):
        return as_json({"success": True, "errors": [], "messages": [], "result": result, **more}, cf_ray="8f0a1b2c3d4e5f60-FRA")

    def zone(self, domain):
        return {"id": domain.more["id"], "name": domain.name, "status": domain.status or "active", "paused": False, "type": "full",
                "name_servers": self.assigned, "original_name_servers": ["ns1.old.example", "ns2.old.example"],
                "original_registrar": None if domain.name in self.registered else "godaddy", "original_dnshost": None, "vanity_name_servers": [],
                "account": {"id": ACCOUNT, "name": "Demo"}, "owner": {}, "plan": {}, "created_on": "2024-01-01T05:20:00Z",
                "modified_on": "2026-01-01T05:20:00Z", "activated_on": "2024-01-02T00:01:00Z"}

    def answer(self, request):
        if self.limit_after is not None and len(self.requests) > self.limit_after:
            return self.limited(self.limit_seconds)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if self.credential in request.target:
            self.violation("the token is in the URL")
        if scheme != "Bearer" or len(token) < 40:
            return self.error(400, 6003, "Invalid request headers", (6111, "Invalid format for Authorization header"))
        known = self.tokens.get(token)
        path = request.path.removeprefix(self.prefix)
        if path == "/user/tokens/verify":
            if known is None or known.owner != "user":
                return self.error(401, 1000, "Invalid API Token")
            if not known.allowed_address:
                return self.error(403, 9109, "Cannot use the access token from location: 203.0.113.9")
            return as_json({"result": {"id": "ed17574386854bf78a67040be0a770b0", "status": known.status}, "success": True, "errors": [],
                            "messages": [{"code": 10000, "message": "This API Token is valid and active", "type": None}]})
        if known is None or known.status != "active":
            return self.error(403, 9109, "Invalid access token")
        if not known.allowed_address:
            return self.error(403, 9109, "Cannot use the access token from location: 203.0.113.9")
        if path == "/zones" and request.method == "GET":
            if "zone" not in known.scopes:
                return self.error(403, 9109, "Unauthorized to access requested resource")
            size = min(int(request.query.get("per_page", 20)), 50)
            page = int(request.query.get("page", 1))
            rows = [self.zone(domain) for domain in self.domains.values() 
                    if self.ignores_filter or request.query.get("name") in (None, domain.name)]
            part = rows[(page - 1) * size:page * size]
            return self.good(part, result_info={"page": page, "per_page": size, "count": len(part), "total_count": len(rows),
                                                "total_pages": -(-len(rows) // size)})
        if match := re.fullmatch(r"/zones/([0-9a-f]{32})(/dnssec)?", path):
            domain = next((domain for domain in self.domains.values() if domain.more["id"] == match.group(1)), None)
            if domain is None:
                return self.error(404, 7003, "Could not route to /zones/, perhaps your object identifier is invalid?")
            if match.group(2):
                record = domain.ds[0] if domain.ds else None
                return self.good({"status": "disabled"} if record is None else
                                 {"status": "active", "algorithm": str(record[1]), "digest": record[3], "digest_algorithm": "SHA256",
                                  "digest_type": str(record[2]), "flags": 257, "key_tag": record[0], "key_type": "ECDSAP256SHA256"})
            if request.method == "PATCH":  # three fields are known; name_servers is an output and is not looked at
                return self.good(self.zone(domain))
            return self.good(self.zone(domain))
        if match := re.fullmatch(rf"/accounts/{ACCOUNT}/registrar/registrations/([^/]+)", path):
            if "registrar" not in known.scopes:
                return self.error(403, 10000, "Authentication error")
            if match.group(1) not in self.registered:
                return self.error(404, 1003, "domain not found")
            return self.good({"domain_name": match.group(1), "status": "active", "created_at": "2024-01-01T05:20:00Z",
                              "expires_at": "2027-01-01T05:20:00Z", "auto_renew": True, "privacy_mode": "redaction", "locked": True})
        if re.fullmatch(rf"/accounts/{ACCOUNT}/registrar/domains/[^/]+", path) and request.method == "PUT":
            if "name_servers" in (request.json() or {}):  # messages are strings here and objects elsewhere
                return as_json({"result": None, "success": False, "errors": [{"code": 10000, "message": "Name server update not allowed"}],
                                "messages": ["Name server update not allowed"]}, 403)
            return self.error(422, 10000, "You are not allowed to perform this action")
        self.violation(f"no such call: {request.line}")
        return self.error(404, 7003, f"Could not route to {path}, perhaps your object identifier is invalid?")
