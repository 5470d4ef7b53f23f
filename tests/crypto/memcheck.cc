#include "tests/crypto/memcheck.h"

#if __has_include(<valgrind/memcheck.h>)

#include <valgrind/memcheck.h>

#include <algorithm>
#include <vector>

namespace ferry::test {

bool is_watched() {
    return RUNNING_ON_VALGRIND != 0;
}

void make_secret(ByteView bytes) {
    VALGRIND_MAKE_MEM_UNDEFINED(bytes.data(), bytes.size());
}

void make_public(ByteView bytes) {
    VALGRIND_MAKE_MEM_DEFINED(bytes.data(), bytes.size());
}

std::size_t secret_bytes(ByteView bytes) {
    std::vector<std::uint8_t> shadow(bytes.size());
    VALGRIND_GET_VBITS(bytes.data(), shadow.data(), bytes.size());
    return static_cast<std::size_t>(
        std::ranges::count_if(shadow, [](std::uint8_t bits) { return bits != 0; }));
}

unsigned reports() {
    return static_cast<unsigned>(VALGRIND_COUNT_ERRORS);
}

void announce(const char* text) {
    VALGRIND_PRINTF("%s\n", text);
}

}  // namespace ferry::test

#else

namespace ferry::test {

bool is_watched() {
    return false;
}

void make_secret(ByteView) {}

void make_public(ByteView) {}

std::size_t secret_bytes(ByteView) {
    return 0;
}

unsigned reports() {
    return 0;
}

void announce(const char*) {}

}  // namespace ferry::test

#endif
