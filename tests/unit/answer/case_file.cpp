// SPDX-License-Identifier: MIT
#include "tests/unit/answer/case_file.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include "backend/dns/master_file.h"

namespace sdns::test {
namespace {

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : name_(path.filename().string()), stream_(path) {
    if (!stream_) stop("cannot be read");
  }

  CaseFile read() {
    std::string text;
    while (std::getline(stream_, text)) {
      ++line_;
      if (text.starts_with("%")) directive(text.substr(1));
      else if (in_zone_) master_text_ += text + "\n";
      else if (text.starts_with("> ")) exchanges().push_back({octets(text.substr(2)), {}, false});
      else if (text.starts_with("< ")) reply(text.substr(2), false);
      else if (text.starts_with("<! ")) reply(text.substr(3), true);
      else if (!text.empty() && !text.starts_with("#")) stop("\"" + text + "\" is not understood");
    }
    finish_zone();
    for (const ProtocolCase& one : cases_)
      if (one.exchanges.empty() || one.exchanges.back().reply.empty())
        stop("\"" + one.behaviour + "\" has no request or no reply");
    return {builder_.finish(1, {}, std::move(tsig_keys_)), std::move(cases_)};
  }

 private:
  [[noreturn]] void stop(const std::string& why) const {
    std::cerr << name_ << ":" << line_ << ": " << why << "\n";
    std::abort();
  }

  void directive(const std::string& text) {
    std::istringstream words(text);
    std::string word;
    words >> word;
    if (word == "zone") {
      finish_zone();
      begin_zone(words);
    } else if (word == "metadata") {
      std::string kind;
      words >> kind >> std::ws;
      std::getline(words, word);
      if (content_.metadata.empty() || content_.metadata.back().kind != kind) content_.metadata.push_back({kind, {}});
      content_.metadata.back().values.push_back(word);
    } else if (word == "key") {
      zone::Key key;
      std::string active;
      std::string published;
      words >> key.id >> key.flags >> active >> published >> std::ws;
      std::getline(words, word);
      for (std::size_t at; (at = word.find("\\n")) != std::string::npos;) word.replace(at, 2, "\n");
      key.active = active == "active";
      key.published = published == "published";
      key.content = word;
      content_.keys.push_back(key);
    } else if (word == "tsig") {
      finish_zone();
      zone::TsigKey key;
      words >> word >> key.algorithm >> key.secret;
      key.name = *dns::Name::parse(word);
      tsig_keys_.push_back(std::move(key));
    } else if (word == "now") {
      finish_zone();
      words >> now_seconds_;
    } else if (word == "case") {
      finish_zone();
      words >> std::ws;
      std::getline(words, word);
      cases_.push_back({name_, line_, word, now_seconds_, false, 0, {}, {}});
    } else if (word == "editor") {
      editor(words);
    } else {
      stop("%" + word + " is not a directive");
    }
  }

  void begin_zone(std::istringstream& words) {
    content_ = {};
    master_text_.clear();
    in_zone_ = true;
    std::string apex;
    std::string word;
    words >> content_.head.id >> apex;
    content_.head.apex = *dns::Name::parse(apex);
    while (words >> word) {
      if (word == "primary") content_.head.kind = zone::Kind::kPrimary;
      else if (word == "secondary") content_.head.kind = zone::Kind::kSecondary;
      else if (word.starts_with("masters=")) add_primaries(word.substr(8));
      else if (word.starts_with("notified=")) content_.head.notified_serial = number(word.substr(9));
      else if (word.starts_with("last_check=")) content_.head.last_check = number(word.substr(11));
      else stop(word + " is not understood");
    }
  }

  void add_primaries(const std::string& list) {
    std::istringstream parts(list);
    std::string part;
    while (std::getline(parts, part, ',')) content_.head.primaries.push_back(part);
  }

  void finish_zone() {
    if (!in_zone_) return;
    in_zone_ = false;
    const auto file = dns::parse_master_text(master_text_, name_, content_.head.apex);
    if (!file) stop(to_text(file.error()));
    for (const dns::PlacedRecord& placed : file->records) content_.records.push_back(placed.record);
    if (const auto added = builder_.add(std::move(content_)); !added) stop(to_text(added.error()));
  }

  void editor(std::istringstream& words) {
    if (cases_.empty()) stop("%editor belongs to a case");
    ProtocolCase& now = cases_.back();
    std::string word;
    words >> word;
    if (word == "fails") {
      now.editor_fails = true;
    } else if (word == "key") {
      words >> now.new_key;
    } else if (word == "autoprimary") {
      now.autoprimary.emplace();
      words >> now.autoprimary->name_server >> now.autoprimary->account;
    } else {
      stop("%editor " + word + " is not understood");
    }
  }

  std::vector<Exchange>& exchanges() {
    if (cases_.empty()) stop("a request or a reply stands before any %case");
    return cases_.back().exchanges;
  }

  void reply(const std::string& text, bool closes) {
    if (exchanges().empty() || !exchanges().back().reply.empty()) stop("a reply without its request");
    exchanges().back().reply = octets(text) + "\n";
    exchanges().back().closes = closes;
  }

  static std::uint32_t number(const std::string& text) { return static_cast<std::uint32_t>(std::stoul(text)); }

  static std::string octets(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text.compare(i, 2, "\\x") == 0 && i + 3 < text.size()) {
        out += static_cast<char>(std::stoi(text.substr(i + 2, 2), nullptr, 16));
        i += 3;
      } else {
        out += text[i];
      }
    }
    return out;
  }

  std::string name_;
  std::ifstream stream_;
  int line_ = 0;
  bool in_zone_ = false;
  std::string master_text_;
  zone::ZoneContent content_;
  zone::ZoneSetBuilder builder_;
  std::vector<zone::TsigKey> tsig_keys_;
  std::int64_t now_seconds_ = 0;
  std::vector<ProtocolCase> cases_;
};

}  // namespace

CaseFile read_case_file(const std::filesystem::path& path) { return Reader(path).read(); }

}  // namespace sdns::test
