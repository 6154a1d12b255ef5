// SPDX-License-Identifier: MIT
#include "backend/dns/master_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <system_error>

#include "backend/base/owned.h"
#include "backend/dns/generate.h"
#include "backend/dns/ldns_codec.h"
#include "backend/dns/rdata.h"
#include "backend/dns/rdata_names.h"
#include "backend/dns/rdata_text.h"
#include "backend/dns/token.h"

namespace sdns::dns {
namespace {

constexpr int kMaxIncludes = 10'000;
constexpr std::size_t kMaxWords = 1U << 17;

std::string shown(std::string_view word) {
  std::string text;
  append_quoted(word.substr(0, 80), text);
  if (word.size() > 80) text += "…";
  return text;
}

Result<std::string> read_file(const std::filesystem::path& file, const MasterFileLimits& limits) {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    const int error = errno;
    return fail(error == ENOENT ? Errc::kNotFound : Errc::kIo,
                fmt::format("{}: {}", file.string(), std::strerror(error)));
  }
  struct stat about {};
  if (::fstat(fd.get(), &about) != 0 || S_ISDIR(about.st_mode))
    return fail(Errc::kIo, fmt::format("{}: this is not a file", file.string()));
  const auto too_long = [&] {
    return fail(Errc::kIo, fmt::format("{}: the file is longer than {} octets", file.string(), limits.max_file_octets));
  };
  if (about.st_size > 0 && static_cast<std::size_t>(about.st_size) > limits.max_file_octets) return too_long();
  std::string text;
  text.resize(about.st_size > 0 ? static_cast<std::size_t>(about.st_size) : 0);
  std::size_t used = 0;
  for (;;) {
    if (used > limits.max_file_octets) return too_long();
    if (used == text.size()) text.resize(text.size() + 65536);
    const ssize_t got = ::read(fd.get(), text.data() + used, text.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Errc::kIo, fmt::format("{}: {}", file.string(), std::strerror(errno)));
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  text.resize(used);
  return text;
}

enum class WordKind { kTtl, kClass, kOtherClass, kType };

WordKind kind_of(std::string_view word, std::uint32_t& ttl, bool& bad_ttl) {
  bad_ttl = false;
  if (!word.empty() && word[0] >= '0' && word[0] <= '9') {
    const auto seconds = parse_duration(word);
    bad_ttl = !seconds || *seconds > Ttl::kMax;
    ttl = seconds.value_or(0);
    return WordKind::kTtl;
  }
  if (equal_ignoring_case(word, "IN") || equal_ignoring_case(word, "CLASS1")) return WordKind::kClass;
  for (const std::string_view other : {"CH", "HS", "CS", "NONE", "CHAOS", "HESIOD"})
    if (equal_ignoring_case(word, other)) return WordKind::kOtherClass;
  if (word.size() > 5 && equal_ignoring_case(word.substr(0, 5), "CLASS")) return WordKind::kOtherClass;
  return WordKind::kType;
}

bool splits_parameters(std::string_view type) {
  for (const std::string_view known : {"HTTPS", "SVCB", "TYPE65", "TYPE64"})
    if (equal_ignoring_case(type, known)) return true;
  return false;
}

// What the files of one reading share.
class Reader {
 public:
  explicit Reader(const MasterFileLimits& limits) : limits_(limits) {}

  void read(std::string_view text, const std::string& name, const Name& origin,
            const std::filesystem::path& include_base) {
    Source source{name, include_base, origin, Name(), false, {}, {}};
    read_source(source, text);
  }

  Result<MasterFile> finish(std::vector<Problem>* problems = nullptr) {
    if (errors_.empty()) return std::move(out_);
    std::string all;
    for (const Problem& error : errors_)
      all += fmt::format("{}{}:{}: {}", all.empty() ? "" : "\n", error.place.file, error.place.line, error.what);
    if (problems != nullptr) *problems = errors_;
    if (errors_.size() >= limits_.max_errors) all += fmt::format("\nreading ended after {} problems", errors_.size());
    return fail(Errc::kInvalidRecord, std::move(all), "nothing was taken from the file");
  }

  void push_open(std::string id) { open_files_.push_back(std::move(id)); }

 private:
  // One file being read.
  struct Source {
    std::string name;
    std::filesystem::path include_base;
    Name origin;
    Name owner;
    bool has_owner = false;
    std::string owner_text;  // the word that gave `owner`
    Name owner_origin;       // and the origin then
  };
  struct Entry {
    std::vector<Token> words;
    int line = 0;
    bool blank_owner = false;
  };

  [[nodiscard]] bool full() const { return errors_.size() >= limits_.max_errors || stopped_; }

  void complain(const Source& source, int line, std::string_view what) {
    if (errors_.size() < limits_.max_errors) errors_.push_back({{source.name, line}, std::string(printable(what))});
  }
  void complain_and_stop(const Source& source, int line, std::string_view what) {
    complain(source, line, what);
    stopped_ = true;
  }

  void read_source(Source& source, std::string_view text);
  bool read_entry(Source& source, Tokenizer& tokenizer, Entry& entry, bool& end);
  void take_entry(Source& source, const Entry& entry);
  void take_record(Source& source, std::span<const Token> words, int line);
  void take_directive(Source& source, const Entry& entry);
  void include(Source& source, std::span<const Token> words, int line);
  void generate(Source& source, std::span<const Token> words, int line);
  bool take_owner(Source& source, std::string_view word, int line);
  [[nodiscard]] std::optional<Ttl> missing_ttl(RrType type, const std::string& content) const;

  const MasterFileLimits limits_;
  MasterFile out_;
  std::vector<Problem> errors_;
  std::vector<std::string> open_files_;  // those being read, outermost first
  std::optional<Ttl> default_ttl_;       // $TTL
  std::optional<Ttl> last_ttl_;          // the last explicit one
  std::optional<Ttl> soa_minimum_;
  int includes_ = 0;
  bool stopped_ = false;
  bool in_generate_ = false;
};

bool Reader::read_entry(Source& source, Tokenizer& tokenizer, Entry& entry, bool& end) {
  entry.words.clear();
  entry.line = tokenizer.line();
  entry.blank_owner = tokenizer.at_blank();
  const std::size_t start = tokenizer.offset();
  bool type_seen = false;
  tokenizer.join_quoted_values(false);
  for (;;) {
    Token word;
    const Tokenizer::Step step = tokenizer.next(word);
    if (step == Tokenizer::Step::kToken) {
      if (entry.words.empty()) entry.line = tokenizer.line();
      // RDATA of SVCB and HTTPS is split in its own way (RFC 9460 section 2.1).
      if (!type_seen && (entry.blank_owner || !entry.words.empty())) {
        std::uint32_t ttl = 0;
        bool bad_ttl = false;
        type_seen = kind_of(word.text, ttl, bad_ttl) == WordKind::kType;
        tokenizer.join_quoted_values(type_seen && splits_parameters(word.text));
      } else if (!type_seen && equal_ignoring_case(word.text, "$GENERATE")) {
        type_seen = true;
        tokenizer.join_quoted_values(true);
      }
      entry.words.push_back(word);
    } else if (step == Tokenizer::Step::kFault) {
      const int line = tokenizer.fault() == TokenFault::kOpenParenthesis ? entry.line : tokenizer.line();
      complain(source, line, describe(tokenizer.fault()));
      tokenizer.skip_line();
      end = tokenizer.at_end();
      return false;
    } else {
      end = step == Tokenizer::Step::kEndOfText;
    }
    if (tokenizer.offset() - start > limits_.max_line_octets || entry.words.size() > kMaxWords) {
      complain_and_stop(source, entry.line, fmt::format("the entry is longer than {} octets", limits_.max_line_octets));
      return false;
    }
    if (step != Tokenizer::Step::kToken) return true;
  }
}

void Reader::read_source(Source& source, std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark
  Tokenizer tokenizer(text);
  Entry entry;
  bool end = false;
  while (!end && !full())
    if (read_entry(source, tokenizer, entry, end) && !entry.words.empty()) take_entry(source, entry);
}

void Reader::take_entry(Source& source, const Entry& entry) {
  const Token& first = entry.words[0];
  if (!entry.blank_owner && !first.quoted && first.text.starts_with('$')) {
    take_directive(source, entry);
    return;
  }
  std::span<const Token> words(entry.words);
  if (entry.blank_owner) {
    if (!source.has_owner) {
      complain(source, entry.line,
               "the line begins with a blank, but there is no owner before it (RFC 1035 section 5.1)");
      return;
    }
  } else {
    if (!take_owner(source, first.text, entry.line)) return;
    words = words.subspan(1);
  }
  take_record(source, words, entry.line);
}

bool Reader::take_owner(Source& source, std::string_view word, int line) {
  if (source.has_owner && source.owner_text == word && source.owner_origin == source.origin) return true;
  auto owner = Name::parse_relative(word, source.origin);
  if (!owner) {
    complain(source, line, owner.error().what);
    return false;
  }
  source.owner = std::move(*owner);
  source.owner_text = word;
  source.owner_origin = source.origin;
  source.has_owner = true;
  return true;
}

std::optional<Ttl> Reader::missing_ttl(RrType type, const std::string& content) const {
  if (default_ttl_) return default_ttl_;
  if (last_ttl_) return last_ttl_;
  if (type == kSOA) {
    const auto minimum = parse_number(std::string_view(content).substr(content.rfind(' ') + 1), Ttl::kMax);
    return minimum ? std::optional<Ttl>(Ttl{*minimum}) : std::nullopt;
  }
  return soa_minimum_;
}

void Reader::take_record(Source& source, std::span<const Token> words, int line) {
  std::optional<Ttl> ttl;
  std::size_t at = 0;
  bool class_seen = false;
  for (; at < words.size(); ++at) {
    std::uint32_t seconds = 0;
    bool bad_ttl = false;
    const WordKind kind = kind_of(words[at].text, seconds, bad_ttl);
    if (kind == WordKind::kType) break;
    if (kind == WordKind::kOtherClass) {
      complain(source, line, fmt::format("the class is {}; only IN is served", shown(words[at].text)));
      return;
    }
    if (bad_ttl) {
      complain(source, line,
               fmt::format("{} is not a TTL from 0 to {} (RFC 2181 section 8)", shown(words[at].text), Ttl::kMax));
      return;
    }
    if (kind == WordKind::kTtl ? ttl.has_value() : class_seen) {
      complain(source, line,
               fmt::format("{} is a second {}", shown(words[at].text), kind == WordKind::kTtl ? "TTL" : "class"));
      return;
    }
    if (kind == WordKind::kTtl) ttl = Ttl{seconds};
    else class_seen = true;
  }
  if (at >= words.size()) {
    complain(source, line, fmt::format("{} has no RR type", source.owner.text()));
    return;
  }
  const auto type = parse_any_type(words[at].text);
  if (!type) {
    complain(source, line, to_text(type.error()));
    return;
  }
  auto content = content_from_words(*type, words.subspan(at + 1), source.origin);
  if (!content) {
    complain(source, line, fmt::format("{} {}", source.owner.text(), to_text(content.error())));
    return;
  }
  if (ttl) {
    last_ttl_ = ttl;
  } else if (ttl = missing_ttl(*type, *content); !ttl) {
    complain(source, line,
             fmt::format("{} {} has no TTL, and there is no $TTL, earlier TTL or SOA to take one from "
                         "(RFC 2308 section 4)",
                         source.owner.text(), type->text()));
    return;
  }
  if (out_.records.size() >= limits_.max_records) {
    complain_and_stop(source, line, fmt::format("there are more than {} records", limits_.max_records));
    return;
  }
  if (*type == kSOA) {
    const auto minimum = parse_number(std::string_view(*content).substr(content->rfind(' ') + 1), Ttl::kMax);
    if (minimum && !soa_minimum_) soa_minimum_ = Ttl{*minimum};
    if (!out_.has_soa) {
      out_.has_soa = true;
      out_.first_soa_owner = source.owner;
    }
  }
  out_.records.push_back(
      PlacedRecord{Record{source.owner, *type, *ttl, std::move(*content)}, Place{source.name, line}});
}

void Reader::take_directive(Source& source, const Entry& entry) {
  const std::string_view name = entry.words[0].text;
  const auto words = std::span<const Token>(entry.words).subspan(1);
  if (equal_ignoring_case(name, "$ORIGIN")) {
    if (words.size() != 1) return complain(source, entry.line, "$ORIGIN takes one name (RFC 1035 section 5.1)");
    auto origin = Name::parse_relative(words[0].text, source.origin);
    if (!origin) return complain(source, entry.line, "$ORIGIN: " + origin.error().what);
    source.origin = std::move(*origin);
  } else if (equal_ignoring_case(name, "$TTL")) {
    const auto seconds = words.size() == 1 ? parse_duration(words[0].text) : std::nullopt;
    if (!seconds || *seconds > Ttl::kMax)
      return complain(source, entry.line,
                      fmt::format("$TTL takes one time from 0 to {} (RFC 2308 section 4)", Ttl::kMax));
    default_ttl_ = Ttl{*seconds};
  } else if (equal_ignoring_case(name, "$INCLUDE")) {
    include(source, words, entry.line);
  } else if (equal_ignoring_case(name, "$GENERATE")) {
    generate(source, words, entry.line);
  } else {
    complain(source, entry.line,
             fmt::format("{} is not a directive: $ORIGIN, $TTL, $INCLUDE and $GENERATE are", shown(name)));
  }
}

void Reader::include(Source& source, std::span<const Token> words, int line) {
  if (words.empty() || words.size() > 2)
    return complain(source, line, "$INCLUDE takes a file and perhaps an origin (RFC 1035 section 5.1)");
  if (source.include_base.empty()) return complain(source, line, "$INCLUDE is not allowed here");
  std::string path;
  if (!append_unescaped(words[0].text, path) || path.empty() || path.find('\0') != std::string::npos)
    return complain(source, line, fmt::format("$INCLUDE: {} is not a file name", shown(words[0].text)));
  Source inner{(source.include_base / path).string(), {}, source.origin, source.owner, source.has_owner, {}, {}};
  if (words.size() == 2) {
    auto origin = Name::parse_relative(words[1].text, source.origin);
    if (!origin) return complain(source, line, "$INCLUDE: " + origin.error().what);
    inner.origin = std::move(*origin);
  }
  std::error_code error;
  const std::string real = std::filesystem::weakly_canonical(inner.name, error).string();
  if (std::find(open_files_.begin(), open_files_.end(), real) != open_files_.end())
    return complain(source, line, fmt::format("$INCLUDE: {} includes itself", inner.name));
  if (static_cast<int>(open_files_.size()) > limits_.max_include_depth || ++includes_ > kMaxIncludes)
    return complain_and_stop(
        source, line,
        fmt::format("$INCLUDE: more than {} files deep or {} in all", limits_.max_include_depth, kMaxIncludes));
  const auto text = read_file(inner.name, limits_);
  if (!text) return complain(source, line, "$INCLUDE: " + text.error().what);
  inner.include_base = std::filesystem::path(inner.name).parent_path();
  if (inner.include_base.empty()) inner.include_base = ".";
  open_files_.push_back(real);
  read_source(inner, *text);
  open_files_.pop_back();
}

void Reader::generate(Source& source, std::span<const Token> words, int line) {
  if (in_generate_) return complain(source, line, "$GENERATE inside of $GENERATE");
  const auto range = words.empty() ? std::nullopt : parse_generate_range(words[0].text);
  if (!range || words.size() < 4)
    return complain(source, line,
                    "$GENERATE takes start-stop[/step], an owner, perhaps TTL and class, a type and RDATA");
  if (range->count() > limits_.max_records - out_.records.size())
    return complain_and_stop(source, line,
                             fmt::format("$GENERATE: there would be more than {} records", limits_.max_records));
  in_generate_ = true;
  std::string text;
  std::vector<Token> expanded;
  for (std::uint64_t number = range->start; number <= range->stop && !full(); number += range->step) {
    text.clear();
    bool good = true;
    for (const Token& word : words.subspan(1)) {
      if (word.quoted) text += '"';
      good = good && expand_generate(word.text, static_cast<std::uint32_t>(number), text);
      text += word.quoted ? "\" " : " ";
      if (text.size() > limits_.max_line_octets) good = false;
    }
    if (!good) {
      complain(source, line,
               "$GENERATE: a pattern is not $, $$ or ${offset[,width[,base]]} with base d, o, x, X, n or N, "
               "or its number is negative");
      break;
    }
    Tokenizer tokenizer(text, line);
    Entry entry;
    bool end = false;
    const std::size_t errors = errors_.size();
    if (read_entry(source, tokenizer, entry, end) && !entry.words.empty()) {
      entry.line = line;
      take_entry(source, entry);
    }
    if (errors_.size() > errors) break;  // it would be the same for each number
  }
  in_generate_ = false;
}

}  // namespace

Result<MasterFile> read_master_file(const std::filesystem::path& file, const Name& origin,
                                    const MasterFileLimits& limits, std::vector<Problem>* problems) {
  const auto text = read_file(file, limits);
  if (!text) return fail(text.error());
  Reader reader(limits);
  std::error_code error;
  reader.push_open(std::filesystem::weakly_canonical(file, error).string());
  std::filesystem::path base = file.parent_path();
  if (base.empty()) base = ".";
  reader.read(*text, file.string(), origin, base);
  return reader.finish(problems);
}

Result<MasterFile> parse_master_text(std::string_view text, const std::string& name, const Name& origin,
                                     const std::filesystem::path& include_base, const MasterFileLimits& limits) {
  Reader reader(limits);
  reader.push_open("");
  reader.read(text, name, origin, include_base);
  return reader.finish();
}

}  // namespace sdns::dns
