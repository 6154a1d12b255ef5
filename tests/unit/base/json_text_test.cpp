// SPDX-License-Identifier: MIT
#include "backend/base/json_text.h"

#include <gtest/gtest.h>

namespace sdns {
namespace {

TEST(JsonText, EscapesWhatJsonMustHaveEscapedAndNothingElse) {
  std::string out;
  append_json_string(out, std::string_view("a\"b\\c\n\0\x1f\x7f\xff/", 11));
  EXPECT_EQ(out, "\"a\\\"b\\\\c\\u000a\\u0000\\u001f\x7f\xff/\"");
}

TEST(JsonText, UnescapesWhatItEscaped) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  std::string escaped;
  append_json_escaped(escaped, all);
  EXPECT_EQ(json_unescaped(escaped), all);
}

}  // namespace
}  // namespace sdns
