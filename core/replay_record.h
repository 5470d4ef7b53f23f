// What the replay filters remember, for how long, and how it stands in the state file.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "io/result.h"

namespace ferry::core {

// An auth id is good from 120 s before its time to 120 s after it (vmess.md 6 and 17): in 241
// different seconds of the wall clock, if it comes early. The other nine are for a thread that has
// looked at the clock and is kept from the processor before it comes here. Session keys need no
// more: V2Ray keeps them for 180 s, and who honestly opens a session draws fresh ones.
inline constexpr std::chrono::seconds kReplayWindow{250};

// One moment on two clocks.
struct ReplayTime {
    io::TimePoint now;              // never jumps, and ends with the process
    std::int64_t unix_seconds = 0;  // goes on after a restart, and may be set
};

// Is whatever was last seen at `last` out of its window at `time`? Both clocks must say so. A wall
// clock that is set back makes older tokens good again, so they are kept until it has come that far
// again; one that is set forward by mistake does not end any window early.
bool is_past(const ReplayTime& last, const ReplayTime& time) noexcept;

// The later of the two, clock by clock.
ReplayTime later_of(const ReplayTime& one, const ReplayTime& other) noexcept;

// Which filter a token is in. The numbers stand in the state file: none ever gets a new meaning.
enum class ReplayKind : std::uint8_t { auth_id = 1, session_keys = 2 };

inline constexpr std::size_t kReplayTokenBytes = 16;

struct ReplayRecord {
    ReplayKind kind = ReplayKind::auth_id;
    std::array<std::uint8_t, kReplayTokenBytes> token{};
    std::int64_t unix_seconds = 0;  // when it was accepted
};

// Half a cache line, so that none lies in two pages: the token, then a byte with the kind and
// seven with the time, then a checksum of all three; numbers are big-endian.
inline constexpr std::size_t kReplayRecordBytes = 32;
using ReplayRecordView = std::span<const std::uint8_t, kReplayRecordBytes>;

// Writes a record.
//
//   record  with a time from 1970 on; kept modulo 2^56 s, two billion years
void write_record(const ReplayRecord& record,
                  std::span<std::uint8_t, kReplayRecordBytes> to) noexcept;

// Reads a record back.
//
//   gives  nothing if it is not what write_record() has written. A change inside one of its four
//          words of 8 bytes is always noticed, a wider one but for one in 2^64. Zeros are none.
std::optional<ReplayRecord> read_record(ReplayRecordView from) noexcept;

}  // namespace ferry::core
