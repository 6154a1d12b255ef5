# SPDX-License-Identifier: MIT
"""Namecheap: one endpoint, commands, XML, HTTP 200 for errors; the address before the key."""
import urllib.parse
from xml.sax.saxutils import quoteattr, escape

from double import Domain, Double, Response, below

KEYS = ("ApiUser", "ApiKey", "UserName", "ClientIp", "Command")
OWN = ["dns1.registrar-servers.com", "dns2.registrar-servers.com"]


class Namecheap(Double):
    name = "namecheap"
    prefix = "/xml.response"
    credential = "acme:0123456789abcdef0123456789abcdef:198.51.100.7"
    wrong_credential = "acme:ffffffffffffffffffffffffffffffff:198.51.100.7"
    limit_seconds = 60

    def __init__(self):
        super().__init__()
        self.domains, self.address_allowed, self.enabled, self.limit_after = {}, True, True, None
        self.not_registered = set()  # external hosts that the registry does not know
        self.next_update_fails = False

    def add_domain(self, name, nameservers=None, **more):
        self.domains[name] = Domain(name, nameservers or OWN, **more)
        self.domains[name].own_dns = not nameservers
        self.domains[name].records = [("@", "A", "192.0.2.10")]
        return self.domains[name]

    def refuse_address(self):
        self.address_allowed = False

    def small_account(self):
        self.enabled = False

    def lock_domain(self, name):
        self.domains[name].status = "Locked"

    def limited(self, retry_after=None):
        return Response(405, "")

    @staticmethod
    def command(request):
        return dict(urllib.parse.parse_qsl((request.body or urllib.parse.urlsplit(request.target).query.encode()).decode())).get("Command", "")

    @classmethod
    def is_write(cls, request):
        return cls.command(request).lower() in ("namecheap.domains.dns.setcustom", "namecheap.domains.dns.setdefault", "namecheap.domains.ns.create",
                                                "namecheap.domains.ns.update", "namecheap.domains.ns.delete")

    @staticmethod
    def envelope(status, command, inner, errors=()):
        lines = "".join(f'<Error Number="{number}">{escape(text)}</Error>' for number, text in errors)
        response = f'<CommandResponse Type={quoteattr(command)}>{inner}</CommandResponse>' if status == "OK" else ""
        requested = f"<RequestedCommand>{command.lower()}</RequestedCommand>" if status == "OK" else "<RequestedCommand />"
        return Response(200, f'<?xml version="1.0" encoding="utf-8"?>\n<ApiResponse Status="{status}" xmlns="http://api.namecheap.com/xml.response">\n'
                             f'  <Errors>{lines}</Errors>\n  <Warnings />\n  {requested}\n  {response}\n  <Server>PHX01APIEXT03</Server>\n'
                             f'  <GMTTimeDifference>--4:00</GMTTimeDifference>\n  <ExecutionTime>0.01</ExecutionTime>\n</ApiResponse>',
                        {"Content-Type": "text/xml; charset=utf-8"})

    def error(self, number, text):
        return self.envelope("ERROR", "", "", [(number, text)])

    def answer(self, request):
        given = dict(urllib.parse.parse_qsl(request.body.decode())) if request.method == "POST" else request.query
        if "ApiKey" in request.query:
            self.violation("the key is in the URL")
        if self.limit_after is not None and len(self.requests) > self.limit_after:
            return self.limited()
        command = given.get("Command", "")
        if missing := [key for key in KEYS if not given.get(key)]:
            return self.error(1010104 if missing == ["Command"] else 1010102, f"Parameter {missing[0]} is missing")
        user, key, address = self.credential.split(":")
        if not self.address_allowed or given["ClientIp"] != address:
            return self.error(1011150, "Invalid request IP: 203.0.113.9")
        if not self.enabled or given["ApiUser"] != user or given["ApiKey"] != key:
            return self.error(1011102, "API Key is invalid or API access has not been enabled")
        handler = {"namecheap.domains.getinfo": self.get_info, "namecheap.domains.getlist": self.get_list,
                   "namecheap.domains.dns.getlist": self.dns_get_list, "namecheap.domains.dns.setcustom": self.set_custom,
                   "namecheap.domains.dns.setdefault": self.set_default, "namecheap.domains.dns.gethosts": self.get_hosts,
                   "namecheap.domains.ns.getinfo": self.host_info, "namecheap.domains.ns.create": self.host_create,
                   "namecheap.domains.ns.update": self.host_update, "namecheap.domains.ns.delete": self.host_delete}.get(command.lower())
        if handler is None:
            self.violation(f"no such command: {command}")
            return self.error(2500000, "Command not found")
        return handler(given, command)

    def get_info(self, given, command):
        domain = self.domains.get(given.get("DomainName", "").lower())
        if domain is None:
            return self.error(2019166, "Domain not found")
        free, shared = domain.more.get("free_dns"), domain.more.get("shared")
        status = "" if free else f'Status="{domain.status or "Ok"}" '
        rights = "<Modificationrights />" if free else '<Modificationrights All="false"><Rights Type="nameserver">OK</Rights></Modificationrights>' \
            if shared else '<Modificationrights All="true" />'
        hosts = "".join(f"<Nameserver>{host}</Nameserver>" for host in domain.nameservers)
        return self.envelope("OK", "namecheap.domains.getInfo", f'<DomainGetInfoResult {status}ID="313319" DomainName="{domain.name}" OwnerName="acme" '
                             f'IsOwner="{"false" if free or shared else "true"}" IsPremium="false"><LockDetails /><DnsDetails ProviderType='
                             f'"{"FreeDNS" if free else "CUSTOM"}" IsUsingOurDNS="{str(domain.own_dns).lower()}" HostCount="0">{hosts}</DnsDetails>{rights}'
                             f'</DomainGetInfoResult>')

    def get_list(self, given, command):
        size, page = int(given.get("PageSize", 20)), int(given.get("Page", 1))
        names = sorted(name for name, domain in self.domains.items() if not domain.more.get("shared"))
        part = "".join(f'<Domain ID="1" Name="{name}" User="acme"/>' for name in names[(page - 1) * size:page * size])
        return self.envelope("OK", "namecheap.domains.getList", f"<DomainGetListResult>{part}</DomainGetListResult><Paging><TotalItems>{len(names)}"
                             f"</TotalItems><CurrentPage>{page}</CurrentPage><PageSize>{size}</PageSize></Paging>")

    def find(self, given):
        """By exact label and suffix: a wrong split finds nothing."""
        name = f"{given.get('SLD', '')}.{given.get('TLD', '')}".lower()
        return self.domains.get(name) if "." not in given.get("SLD", ".") else None

    def dns_get_list(self, given, command):
        domain = self.find(given)
        if domain is None:
            return self.error(2019166, "Domain not found")
        hosts = "".join(f"<Nameserver>{host.upper() if index == 0 else host}</Nameserver>" for index, host in enumerate(domain.read_nameservers()))
        return self.envelope("OK", "namecheap.domains.dns.getList", f'<DomainDNSGetListResult Domain="{domain.name}" IsUsingOurDNS='
                             f'"{str(domain.own_dns).lower()}" IsPremiumDNS="false" IsUsingFreeDNS="false">{hosts}</DomainDNSGetListResult>')

    def set_custom(self, given, command):
        domain = self.find(given)
        if domain is None:
            return self.error(2019166, "Domain not found")
        if domain.status:
            return self.error(2030166, "Edit permission for domain is not supported")
        hosts = given.get("Nameservers", "").split(",")
        if len(hosts) < 2 or len(hosts) > 12 or any(not host or host.endswith(".") or " " in host for host in hosts):
            return self.error(2011168, "Nameserver list is invalid")
        for host in hosts:
            if host in self.not_registered or (below(host, domain.name) and host not in domain.glue):
                return self.error(3031510, f"Error response from provider: Nameserver {host} does not exist at registry")
        updated, self.next_update_fails = not self.next_update_fails, False
        if updated:
            domain.set_nameservers(hosts)
            domain.records = []  # leaving BasicDNS ends its host records
        return self.envelope("OK", "namecheap.domains.dns.setCustom", f'<DomainDNSSetCustomResult Domain="{domain.name}" Updated="{str(updated).lower()}" />')

    def set_default(self, given, command):
        domain = self.find(given)
        if domain is None:
            return self.error(2019166, "Domain not found")
        domain.nameservers, domain.own_dns = list(OWN), True
        return self.envelope("OK", "namecheap.domains.dns.setDefault", f'<DomainDNSSetDefaultResult Domain="{domain.name}" Updated="true"/>')

    def get_hosts(self, given, command):
        domain = self.find(given)
        if domain is None:
            return self.error(2019166, "Domain not found")
        rows = "".join(f'<host HostId="{i}" Name="{n}" Type="{t}" Address="{a}" MXPref="10" TTL="1800"/>' for i, (n, t, a) in enumerate(domain.records))
        return self.envelope("OK", "namecheap.domains.dns.getHosts", f'<DomainDNSGetHostsResult Domain="{domain.name}" IsUsingOurDNS='
                             f'"{str(domain.own_dns).lower()}">{rows}</DomainDNSGetHostsResult>')

    def host_info(self, given, command):
        domain, host = self.find(given), given.get("Nameserver", "").lower()
        if domain is None:
            return self.error(2019166, "Domain not found")
        if host not in domain.glue:
            return self.error(2011166, f"Nameserver {host} not found")
        return self.envelope("OK", "namecheap.domains.ns.getInfo", f'<DomainNSInfoResult Domain="{domain.name}" Nameserver="{host}" '
                             f'IP="{domain.glue[host][0]}"><NameserverStatuses><Status>OK</Status></NameserverStatuses></DomainNSInfoResult>')

    def host_create(self, given, command):
        domain, host, address = self.find(given), given.get("Nameserver", "").lower(), given.get("IP", "")
        if domain is None:
            return self.error(2019166, "Domain not found")
        if len(address) > 15 or ":" in address or not below(host, domain.name) or host in domain.glue:
            return self.error(2011168, "Nameserver is invalid, or exists")
        domain.glue[host] = [address]
        return self.envelope("OK", "namecheap.domains.ns.create", f'<DomainNSCreateResult Domain="{domain.name}" Nameserver="{host}" IP="{address}" IsSuccess="true"/>')

    def host_update(self, given, command):
        domain, host = self.find(given), given.get("Nameserver", "").lower()
        if domain is None or domain.glue.get(host) != [given.get("OldIP")]:
            return self.error(2011168, "OldIP is not the address of the nameserver")
        domain.glue[host] = [given["IP"]]
        return self.envelope("OK", "namecheap.domains.ns.update", f'<DomainNSUpdateResult Domain="{domain.name}" Nameserver="{host}" IsSuccess="true"/>')

    def host_delete(self, given, command):
        domain, host = self.find(given), given.get("Nameserver", "").lower()
        if domain is None or domain.glue.pop(host, None) is None:
            return self.error(2011168, "Nameserver is invalid")
        return self.envelope("OK", "namecheap.domains.ns.delete", f'<DomainNSDeleteResult Domain="{domain.name}" Nameserver="{host}" IsSuccess="true"/>')
