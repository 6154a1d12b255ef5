// SPDX-License-Identifier: MIT
// Parameters in PostgreSQL's binary formats (its source: src/backend/utils/adt/arrayfuncs.c, array_recv).
#include <array>
#include <limits>

#include "backend/store/postgres_link.h"

namespace sdns::store {
namespace {

constexpr Oid kInt8 = 20;
constexpr Oid kText = 25;
constexpr Oid kBytea = 17;
constexpr Oid kInt8Array = 1016;
constexpr Oid kTextArray = 1009;
constexpr Oid kByteaArray = 1001;

void append(std::string& out, std::uint64_t number, int octets) {
  for (int shift = 8 * (octets - 1); shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xFF);
}

// One dimension, no nulls; an empty array has no dimension.
std::string array_head(Oid element, std::size_t size) {
  std::string out;
  append(out, size == 0 ? 0 : 1, 4);
  append(out, 0, 4);
  append(out, element, 4);
  if (size == 0) return out;
  append(out, size, 4);
  append(out, 1, 4);
  return out;
}

template <class Texts>
std::string array_of(Oid element, const Texts& values) {
  std::string out = array_head(element, values.size());
  for (const auto& value : values) {
    append(out, value.size(), 4);
    out += value;
  }
  return out;
}

}  // namespace

PgValue PgValue::of(const Param& param) {
  PgValue value;
  if (const auto* number = std::get_if<std::int64_t>(&param)) {
    value.type = kInt8;
    append(value.octets, static_cast<std::uint64_t>(*number), 8);
  } else if (const auto* text = std::get_if<std::string_view>(&param)) {
    value.type = kText;
    value.octets = *text;
  } else if (const auto* bytes = std::get_if<Bytes>(&param)) {
    value.type = kBytea;
    value.octets = bytes->octets;
  } else {
    value.null = true;
  }
  return value;
}

PgValue PgValue::integers(const std::vector<std::int64_t>& values) {
  PgValue value{kInt8Array, array_head(kInt8, values.size())};
  for (const std::int64_t number : values) {
    append(value.octets, 8, 4);
    append(value.octets, static_cast<std::uint64_t>(number), 8);
  }
  return value;
}

PgValue PgValue::byte_strings(const std::vector<std::string_view>& values) {
  return {kByteaArray, array_of(kBytea, values)};
}

PgValue PgValue::texts(const std::vector<std::string>& values) { return {kTextArray, array_of(kText, values)}; }

}  // namespace sdns::store
