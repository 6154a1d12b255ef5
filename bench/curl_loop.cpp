// SPDX-License-Identifier: MIT
// The peer of bench/health: a bare loop around libcurl's multi interface that gets the same URL from many addresses.
//
//   curl_loop URL FIRST_ADDRESS COUNT INTERVAL_SECONDS SECONDS
//
// Each of COUNT addresses from FIRST_ADDRESS on is asked once per interval, evenly spread, over a connection of its
// own. Prints how many gets ended with 200, and how many with anything else.
#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Target {
  CURL* easy = nullptr;
  curl_slist* connect_to = nullptr;
};

std::size_t ignore(char*, std::size_t size, std::size_t count, void*) { return size * count; }

std::string address_text(std::uint32_t address) {
  const in_addr octets{htonl(address)};
  char text[INET_ADDRSTRLEN];
  return inet_ntop(AF_INET, &octets, text, sizeof text);
}

}  // namespace

int main(int count_of_arguments, char** arguments) {
  if (count_of_arguments != 6) {
    std::fprintf(stderr, "usage: curl_loop URL FIRST_ADDRESS COUNT INTERVAL_SECONDS SECONDS\n");
    return 2;
  }
  in_addr first{};
  if (inet_pton(AF_INET, arguments[2], &first) != 1) return 2;
  const int count = std::atoi(arguments[3]);
  const std::chrono::duration<double> interval(std::atof(arguments[4]));
  const std::chrono::duration<double> length(std::atof(arguments[5]));
  curl_global_init(CURL_GLOBAL_ALL);
  CURLM* const multi = curl_multi_init();
  std::vector<Target> targets(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const std::string to = "::" + address_text(ntohl(first.s_addr) + static_cast<std::uint32_t>(i)) + ":";
    targets[i].connect_to = curl_slist_append(nullptr, to.c_str());
  }
  std::vector<CURL*> idle;
  std::uint64_t good = 0;
  std::uint64_t bad = 0;
  std::size_t next = 0;
  const auto begin = Clock::now();
  const auto step = std::chrono::duration_cast<Clock::duration>(interval / count);
  auto due = begin;
  while (Clock::now() - begin < length) {
    for (; due <= Clock::now(); due += step, next = (next + 1) % targets.size()) {
      CURL* easy = nullptr;
      if (idle.empty()) {
        easy = curl_easy_init();
      } else {
        easy = idle.back();
        idle.pop_back();
      }
      curl_easy_setopt(easy, CURLOPT_URL, arguments[1]);
      curl_easy_setopt(easy, CURLOPT_CONNECT_TO, targets[next].connect_to);
      curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
      curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
      curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
      curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 2000L);
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
      curl_easy_setopt(easy, CURLOPT_USERAGENT, "Sovereign DNS");
      curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
      curl_multi_add_handle(multi, easy);
    }
    int running = 0;
    curl_multi_perform(multi, &running);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const easy = message->easy_handle;
      long status = 0;
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      const bool done = message->data.result == CURLE_OK && status == 200;
      ++(done ? good : bad);
      curl_multi_remove_handle(multi, easy);
      idle.push_back(easy);
    }
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(due - Clock::now());
    curl_multi_poll(multi, nullptr, 0, static_cast<int>(std::max<std::int64_t>(wait.count(), 0)), nullptr);
  }
  std::printf("%s\n", fmt::format("{} {}", good, bad).c_str());
  return bad == 0 ? 0 : 1;
}
