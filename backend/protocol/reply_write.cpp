// SPDX-License-Identifier: MIT
#include "backend/protocol/reply_write.h"

#include "backend/base/json_text.h"

namespace sdns::protocol {
namespace {

// Lower case of JSON text that is still escaped. The letters of JSON's escapes and of their hexadecimal digits mean the
// same in lower case, escapes of presentation format have no letters, and octets of 0x80 and above are not letters in
// DNS.
void append_lower(std::string& out, std::string_view json) {
  const std::size_t start = out.size();
  out += json;
  for (std::size_t i = start; i < out.size(); ++i) {
    const char c = out[i];
    out[i] = static_cast<char>(c + (static_cast<unsigned char>(c - 'A') < 26 ? 'a' - 'A' : 0));
  }
}

// Writes rows of one owner: the parts that all rows share are made for the first and copied for the others.
class RowWriter {
 public:
  RowWriter(std::string& out, std::string_view qname_json, std::string_view zone_id)
      : out_(out), qname_json_(qname_json), zone_id_(zone_id) {
    out_ += R"({"result":[)";
  }

  /// `fields` are qtype, content and ttl as members.
  void row(std::string_view fields, bool auth) {
    if (head_size_ == 0) {
      head_at_ = out_.size();
      out_ += R"({"qname":")";
      append_lower(out_, qname_json_);
      out_ += R"(",)";
      head_size_ = out_.size() - head_at_;
    } else {
      out_ += ',';
      out_.append(out_, head_at_, head_size_);
    }
    out_ += fields;
    out_ += R"(,"domain_id":)";
    out_ += zone_id_;
    if (auth) out_ += '}';
    else out_ += R"(,"auth":0})";
  }

  void finish() { out_ += "]}\n"; }

 private:
  std::string& out_;
  std::string_view qname_json_;
  std::string_view zone_id_;
  std::size_t head_at_ = 0;
  std::size_t head_size_ = 0;
};

struct Writer {
  std::string& out;

  void operator()(const Records& records) const {
    RowWriter writer(out, records.qname_json, records.zone_id);
    if (records.empty_non_terminal) writer.row(R"("qtype":"","content":"","ttl":0)", records.empty_non_terminal_auth);
    for (const RowBlock& block : records.blocks) {
      std::string_view rest = block.rows;
      while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        writer.row(rest.substr(0, end), block.auth);
        rest.remove_prefix(end + 1);
      }
    }
    writer.finish();
  }

  void operator()(const Rendered& rendered) const {
    out += R"({"result":)";
    out += rendered.json;
    out += "}\n";
  }

  void operator()(const Neighbours& neighbours) const {
    out += R"({"result":{"unhashed":)";
    append_json_string(out, neighbours.unhashed);
    out += R"(,"before":)";
    append_json_string(out, neighbours.before);
    out += R"(,"after":)";
    append_json_string(out, neighbours.after);
    out += "}}\n";
  }

  void operator()(Accepted) const { out += "{\"result\":true}\n"; }
  void operator()(Declined) const { out += "{\"result\":false}\n"; }

  // The scope keeps the failure out of PowerDNS's caches.
  void operator()(const Unanswerable& name) const {
    RowWriter writer(out, name.qname_json, name.zone_id);
    writer.row(R"("qtype":")" + name.type.text() + R"(","content":"!","ttl":1,"scopeMask":1)", true);
    writer.finish();
  }

  void operator()(const Broken& broken) const {
    out += R"({"error":)";
    append_json_string(out, broken.why.what);
    out += "}\n";
  }
};

}  // namespace

void write_reply(const Reply& reply, std::string& out) { std::visit(Writer{out}, reply); }

}  // namespace sdns::protocol
