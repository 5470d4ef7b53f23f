// The groups of benchmarks of perf/micro. Each function adds its own to google-benchmark's list.
#pragma once

#include <cstdint>

namespace ferry::perf {

enum class Others : std::uint8_t { none, openssl };

// Every AEAD row at every size, against OpenSSL if wanted.
void add_aeads(Others others);
// What a key costs before its first byte: every row's expansion.
void add_keys();
// Finding the user of an auth id.
void add_trials();
// Hashes, the SHAKE stream, CFB.
void add_hashes();
// The user of an auth id among many, and of a time token.
void add_users();
// A request header, sealed by a client and opened by a server.
void add_headers();

}  // namespace ferry::perf
