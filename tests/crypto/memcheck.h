// Secrets as Valgrind's memcheck sees them: bytes without a value. It follows them through every
// instruction, and reports each branch that is taken and each address that is computed because of
// them.
#pragma once

#include <cstddef>

#include "crypto/bytes.h"

namespace ferry::test {

// Does this program run under memcheck? Without it, all the rest does nothing.
bool is_watched();

void make_secret(ByteView bytes);
void make_public(ByteView bytes);

// How many of the bytes depend on a secret; memcheck does not report the question.
std::size_t secret_bytes(ByteView bytes);

// How many times memcheck has reported anything so far, repetitions included.
unsigned reports();

// Writes a line into memcheck's log, where it stands above what is reported next.
void announce(const char* text);

}  // namespace ferry::test
