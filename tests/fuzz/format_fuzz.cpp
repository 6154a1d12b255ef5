// SPDX-License-Identifier: MIT
// Formats of createReverse: with its percent signs doubled each is the format of itself, and what can be read can be
// read between percent signs, as the same.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "lua/generate.h"

namespace {

void require(bool holds, const char* property, const std::string& format) {
  if (holds) return;
  std::fprintf(stderr, "%s: %s\n", property, format.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sdns::lua::format_positional;
  static const std::vector<std::string> arguments{"192", "0", "-2", "", "192-0-2-1", "c0000201"};
  const std::string format(reinterpret_cast<const char*>(data), size);

  std::string doubled;
  for (const char c : format) doubled.append(c == '%' ? 2 : 1, c);
  const auto literal = format_positional(doubled, arguments);
  require(literal && *literal == format, "a doubled percent sign is not one", format);

  const auto text = format_positional(format, arguments);
  if (!text) {
    require(!text.error().what.empty(), "an error says nothing", format);
    return 0;
  }
  const auto between = format_positional("%%" + format + "%%", arguments);
  require(between && *between == "%" + *text + "%", "a format is another between percent signs", format);
  require(text->size() <= format.size() + 65'535 + 9, "a text is longer than its limit", format);
  return 0;
}
