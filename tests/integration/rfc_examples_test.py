#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The worked examples of RFC 1034 section 6 and RFC 4592 section 2.2.1, through pdns_server."""
import dns.flags

import harness

ROOT = """\
$TTL 86400
.                        IN SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. (
                                870611          ;serial
                                1800            ;refresh every 30 min
                                300             ;retry every 5 min
                                604800          ;expire after a week
                                86400)          ;minimum of a day
                         NS     A.ISI.EDU.
                         NS     C.ISI.EDU.
                         NS     SRI-NIC.ARPA.
MIL.    86400            NS     SRI-NIC.ARPA.
        86400            NS     A.ISI.EDU.
EDU.    86400            NS     SRI-NIC.ARPA.
        86400            NS     C.ISI.EDU.
SRI-NIC.ARPA.            A      26.0.0.73
                         A      10.0.0.51
                         MX     0 SRI-NIC.ARPA.
                         HINFO  DEC-2060 TOPS20
ACC.ARPA.                A      26.6.0.65
                         HINFO  PDP-11/70 UNIX
                         MX     10 ACC.ARPA.
USC-ISIC.ARPA.           CNAME  C.ISI.EDU.
73.0.0.26.IN-ADDR.ARPA.  PTR    SRI-NIC.ARPA.
65.0.6.26.IN-ADDR.ARPA.  PTR    ACC.ARPA.
51.0.0.10.IN-ADDR.ARPA.  PTR    SRI-NIC.ARPA.
52.0.0.10.IN-ADDR.ARPA.  PTR    C.ISI.EDU.
103.0.3.26.IN-ADDR.ARPA. PTR    A.ISI.EDU.
A.ISI.EDU.      86400    A      26.3.0.103
C.ISI.EDU.      86400    A      10.0.0.52
"""

EDU = """\
$ORIGIN EDU.
$TTL 86400
EDU.     IN SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. ( 870729 1800 300 604800 86400 )
                NS      SRI-NIC.ARPA.
                NS      C.ISI.EDU.
UCI      172800 NS      ICS.UCI
         172800 NS      ROME.UCI
ICS.UCI  172800 A       192.5.19.1
ROME.UCI 172800 A       192.5.19.31
ISI      172800 NS      VAXA.ISI
         172800 NS      A.ISI
         172800 NS      VENERA.ISI.EDU.
VAXA.ISI 172800 A       10.2.0.27
         172800 A       128.9.0.33
VENERA.ISI.EDU. 172800  A 10.1.0.52
         172800 A       128.9.0.32
A.ISI    172800 A       26.3.0.103
UDEL.EDU. 172800 NS     LOUIE.UDEL.EDU.
         172800 NS      UMN-REI-UC.ARPA.
LOUIE.UDEL.EDU. 172800  A 10.0.0.96
         172800 A       192.5.39.3
YALE.EDU. 172800 NS     YALE.ARPA.
YALE.EDU. 172800 NS     YALE-BULLDOG.ARPA.
MIT.EDU. 43200  NS      XX.LCS.MIT.EDU.
         43200  NS      ACHILLES.MIT.EDU.
XX.LCS.MIT.EDU. 43200   A 10.0.0.44
ACHILLES.MIT.EDU. 43200 A 18.72.0.8
"""

# Not printed in the RFC, which says that C.ISI.EDU is authoritative for it and what it answers from it.
ISI = """\
$ORIGIN ISI.EDU.
$TTL 86400
@ IN SOA VAXA.ISI.EDU. ACTION.VAXA.ISI.EDU. ( 20 7200 600 3600000 60 )
     NS  A.ISI.EDU.
     NS  VENERA
     NS  VAXA
     MX  10 VENERA
     MX  20 VAXA
A    A   26.3.0.103
C    A   10.0.0.52
VENERA A 10.1.0.52
     A   128.9.0.32
VAXA A   10.2.0.27
     A   128.9.0.33
"""

EXAMPLE = """\
$ORIGIN example.
example.                 3600 IN  SOA   ns.example.com. hostmaster.example.com. 1 7200 900 1209600 3600
example.                 3600     NS    ns.example.com.
example.                 3600     NS    ns.example.net.
*.example.               3600     TXT   "this is a wildcard"
*.example.               3600     MX    10 host1.example.
sub.*.example.           3600     TXT   "this is not a wildcard"
host1.example.           3600     A     192.0.2.1
_ssh._tcp.host1.example. 3600     SRV   0 0 22 host1.example.
_ssh._tcp.host2.example. 3600     SRV   0 0 22 host1.example.
subdel.example.          3600     NS    ns.example.com.
subdel.example.          3600     NS    ns.example.net.
"""


class Rfc1034Section6(harness.ServerTest):
    @classmethod
    def prepare(cls, world):
        world.import_zone(".", ROOT)
        world.import_zone("edu.", EDU)
        world.import_zone("isi.edu.", ISI)

    def ask(self, name, rrtype, authoritative=True, rcode="NOERROR", tcp=False):
        response = self.world.pdns.query(name, rrtype, tcp=tcp)
        self.assert_rcode(response, rcode)
        self.assertEqual(bool(response.flags & dns.flags.AA), authoritative, response.to_text())
        return response

    def test_6_2_1_address_of_a_host(self):
        self.assertEqual(self.answers(self.ask("SRI-NIC.ARPA.", "A")),
                         {"sri-nic.arpa. A 26.0.0.73", "sri-nic.arpa. A 10.0.0.51"})

    def test_6_2_2_every_type_of_a_host(self):
        self.assertEqual(self.answers(self.ask("SRI-NIC.ARPA.", "ANY", tcp=True)),
                         {"sri-nic.arpa. A 26.0.0.73", "sri-nic.arpa. A 10.0.0.51", "sri-nic.arpa. MX 0 sri-nic.arpa.",
                          'sri-nic.arpa. HINFO "DEC-2060" "TOPS20"'})

    def test_6_2_3_mail_exchanger_with_its_addresses(self):
        response = self.ask("SRI-NIC.ARPA.", "MX")
        self.assertEqual(self.answers(response), {"sri-nic.arpa. MX 0 sri-nic.arpa."})
        self.assertEqual(self.answers(response, "additional"), {"sri-nic.arpa. A 26.0.0.73", "sri-nic.arpa. A 10.0.0.51"})

    def test_6_2_4_name_without_the_type(self):
        response = self.ask("SRI-NIC.ARPA.", "NS")
        self.assertEqual(self.answers(response), set())
        self.assertEqual({rrset.name.to_text() for rrset in response.authority}, {"."})

    def test_6_2_5_misspelled_name_does_not_exist(self):
        response = self.ask("SIR-NIC.ARPA.", "A", rcode="NXDOMAIN")
        self.assertEqual(self.answers(response, "authority"),
                         {". SOA sri-nic.arpa. hostmaster.sri-nic.arpa. 870611 1800 300 604800 86400"})

    def test_6_2_6_referral_with_addresses(self):
        response = self.ask("BRL.MIL.", "A", authoritative=False)
        self.assertEqual(self.answers(response), set())
        self.assertEqual(self.answers(response, "authority"), {"mil. NS sri-nic.arpa.", "mil. NS a.isi.edu."})
        self.assertEqual(self.answers(response, "additional") | {"a.isi.edu. A 26.3.0.103"},
                         {"a.isi.edu. A 26.3.0.103", "sri-nic.arpa. A 26.0.0.73", "sri-nic.arpa. A 10.0.0.51"})

    def test_6_2_7_alias_is_followed_into_another_zone_of_this_server(self):
        self.assertEqual(self.answers(self.ask("USC-ISIC.ARPA.", "A")),
                         {"usc-isic.arpa. CNAME c.isi.edu.", "c.isi.edu. A 10.0.0.52"})

    def test_6_2_8_alias_itself(self):
        self.assertEqual(self.answers(self.ask("USC-ISIC.ARPA.", "CNAME")), {"usc-isic.arpa. CNAME c.isi.edu."})

    def test_6_3_2_pointer(self):
        self.assertEqual(self.answers(self.ask("65.0.6.26.IN-ADDR.ARPA.", "PTR")),
                         {"65.0.6.26.in-addr.arpa. PTR acc.arpa."})

    def test_names_are_equal_in_any_letter_case(self):
        response = self.ask("sRi-NiC.aRpA.", "A")
        self.assertEqual({rrset.name.to_text() for rrset in response.answer}, {"sRi-NiC.aRpA."})


class Rfc4592Section221(harness.ServerTest):
    @classmethod
    def prepare(cls, world):
        world.import_zone("example.", EXAMPLE)

    # name, type, code, answer
    SYNTHESISED = (
        ("host3.example.", "MX", "NOERROR", {"host3.example. MX 10 host1.example."}),
        ("host3.example.", "A", "NOERROR", set()),
        ("foo.bar.example.", "TXT", "NOERROR", {'foo.bar.example. TXT "this is a wildcard"'}),
    )
    NOT_SYNTHESISED = (
        ("host1.example.", "MX", "NOERROR", set()),  # because host1.example. exists
        ("sub.*.example.", "MX", "NOERROR", set()),  # because sub.*.example. exists
        ("_telnet._tcp.host1.example.", "SRV", "NXDOMAIN", set()),  # because _tcp.host1.example. exists (without data)
        ("ghost.*.example.", "MX", "NXDOMAIN", set()),  # because *.example. exists
        ("host2.example.", "MX", "NOERROR", set()),  # an empty non-terminal exists too
        ("_tcp.host2.example.", "TXT", "NOERROR", set()),
        ("*.example.", "TXT", "NOERROR", {'*.example. TXT "this is a wildcard"'}),
        ("sub.*.example.", "TXT", "NOERROR", {'sub.*.example. TXT "this is not a wildcard"'}),
        ("host1.example.", "A", "NOERROR", {"host1.example. A 192.0.2.1"}),
    )

    def check(self, table):
        for name, rrtype, rcode, answer in table:
            with self.subTest(name=name, type=rrtype):
                response = self.world.pdns.query(name, rrtype)
                self.assert_rcode(response, rcode)
                self.assertEqual(self.answers(response), answer)
                self.assertTrue(response.flags & dns.flags.AA)

    def test_responses_synthesised_from_the_wildcard(self):
        self.check(self.SYNTHESISED)

    def test_responses_that_are_not_synthesised(self):
        self.check(self.NOT_SYNTHESISED)

    def test_name_below_a_cut_is_referred_although_a_wildcard_is_above(self):
        response = self.world.pdns.query("host.subdel.example.", "A")
        self.assert_rcode(response, "NOERROR")
        self.assertFalse(response.flags & dns.flags.AA)
        self.assertEqual(self.answers(response), set())
        self.assertEqual(self.answers(response, "authority"),
                         {"subdel.example. NS ns.example.com.", "subdel.example. NS ns.example.net."})

    def test_names_of_wildcard_labels_keep_the_letters_of_the_question(self):
        response = self.world.pdns.query("HOST3.example.", "TXT")
        self.assertEqual({rrset.name.to_text() for rrset in response.answer}, {"HOST3.example."})


if __name__ == "__main__":
    harness.main()
