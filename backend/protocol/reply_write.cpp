// SPDX-License-Identifier: MIT
#include "backend/protocol/reply_write.h"

#include "backend/base/json_text.h"
#include "backend/protocol/row_writer.h"

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

constexpr std::string_view kOpenRows = R"({"result":[)";
constexpr std::string_view kCloseRows = "]}\n";

struct Writer {
  std::string& out;

  void operator()(const Records& records) const {
    out += kOpenRows;
    RowWriter writer(out, records.qname_json, records.zone_id);
    if (records.empty_non_terminal) writer.row(R"("qtype":"","content":"","ttl":0)", records.empty_non_terminal_auth);
    for (const RowBlock& block : records.blocks) writer.block(block);
    out += kCloseRows;
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

  void operator()(const Broken& broken) const {
    out += R"({"error":)";
    append_json_string(out, broken.why.what);
    out += "}\n";
  }
};

}  // namespace

void RowWriter::row(std::string_view fields, bool auth) {
  if (head_size_ == 0) {
    if (!first_) out_ += ',';
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

std::size_t RowWriter::block(const RowBlock& block, std::size_t limit) {
  std::size_t count = 0;
  for (std::string_view rest = block.rows; !rest.empty() && count < limit; ++count) {
    const std::size_t end = rest.find('\n');
    row(rest.substr(0, end), block.auth);
    rest.remove_prefix(end + 1);
  }
  return count;
}

void write_reply(const Reply& reply, std::string& out) { std::visit(Writer{out}, reply); }

}  // namespace sdns::protocol
