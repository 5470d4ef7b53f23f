// How far apart things are that different cores write.
#pragma once

#include <cstddef>

namespace ferry::core {

// What one core writes within it, another one that reads or writes anything in it has to wait for.
// 64 bytes on AMD64 and on the servers of ARM64, 256 on IBM Z.
#if defined(__s390x__)
inline constexpr std::size_t kCacheLineBytes = 256;
#else
inline constexpr std::size_t kCacheLineBytes = 64;
#endif

// Has a T its lines for itself, wherever it lies?
template <class T>
inline constexpr bool kHasOwnLines =
    alignof(T) >= kCacheLineBytes && sizeof(T) % kCacheLineBytes == 0;

}  // namespace ferry::core
