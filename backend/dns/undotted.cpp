// SPDX-License-Identifier: MIT
#include "backend/dns/undotted.h"

#include <algorithm>
#include <span>

#include "backend/dns/rdata.h"

namespace sdns::dns {
namespace {

// The length of the first word; a quoted string is one.
std::size_t word_size(std::string_view text) {
  if (!text.starts_with('"')) return std::min(text.find(' '), text.size());
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') ++i;
    else if (text[i] == '"') return i + 1;
  }
  return text.size();
}

bool is_name(const Field& field) { return field.kind == FieldKind::kName; }

}  // namespace

bool has_names(RrType type) {
  const std::span<const Field> fields = layout_of(type);
  return std::any_of(fields.begin(), fields.end(), is_name);
}

std::string without_final_dots(RrType type, std::string_view content) {
  const std::span<const Field> fields = layout_of(type);
  auto names = std::count_if(fields.begin(), fields.end(), is_name);
  std::string out;
  out.reserve(content.size());
  for (auto field = fields.begin(); field != fields.end() && names > 0 && !content.empty(); ++field) {
    const std::size_t size = word_size(content);
    std::string_view word = content.substr(0, size);
    if (is_name(*field)) {
      --names;
      if (word.size() > 1 && word.back() == '.') word.remove_suffix(1);
    }
    out += word;
    content.remove_prefix(size);
    if (content.starts_with(' ')) {
      out += ' ';
      content.remove_prefix(1);
    }
  }
  out += content;
  return out;
}

}  // namespace sdns::dns
