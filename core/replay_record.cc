#include "core/replay_record.h"

#include <algorithm>

#include "crypto/bytes.h"

namespace ferry::core {
namespace {

constexpr std::size_t kTimeAt = kReplayTokenBytes;
constexpr std::size_t kSumAt = kTimeAt + 8;
static_assert(kSumAt + 8 == kReplayRecordBytes);

constexpr unsigned kKindShift = 56;  // the kind is the highest byte of the second word
constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << kKindShift) - 1;

// The bytes "replay 1". Another layout of the record takes another number, and its records then
// look damaged to this version, as this version's do to it.
constexpr std::uint64_t kLayout = 0x7265'706c'6179'2031;
constexpr std::uint64_t kOdd = 0x9e37'79b9'7f4a'7c15;  // 2^64 divided by the golden ratio

// Xor with what is above, and multiplication by an odd number: a bijection. So two sums over words
// of which only one differs can never be equal.
constexpr std::uint64_t mixed(std::uint64_t sum, std::uint64_t word) {
    sum = (sum ^ word) * kOdd;
    sum = (sum ^ (sum >> 32)) * kOdd;
    return sum ^ (sum >> 29);
}

constexpr std::uint64_t sum_of(std::uint64_t high, std::uint64_t low, std::uint64_t time) {
    return mixed(mixed(mixed(kLayout, high), low), time);
}
static_assert(sum_of(0, 0, 0) != 0, "a hole in the file must not be a record");

}  // namespace

bool is_past(const ReplayTime& last, const ReplayTime& time) noexcept {
    return time.now - last.now >= kReplayWindow &&
           time.unix_seconds - last.unix_seconds >= kReplayWindow.count();
}

ReplayTime later_of(const ReplayTime& one, const ReplayTime& other) noexcept {
    return {std::max(one.now, other.now), std::max(one.unix_seconds, other.unix_seconds)};
}

void write_record(const ReplayRecord& record,
                  std::span<std::uint8_t, kReplayRecordBytes> to) noexcept {
    std::array<std::uint8_t, kReplayRecordBytes> bytes;
    std::ranges::copy(record.token, bytes.begin());
    const auto high = crypto::load_be<std::uint64_t>(bytes.data());
    const auto low = crypto::load_be<std::uint64_t>(bytes.data() + 8);
    const std::uint64_t time = std::uint64_t{static_cast<std::uint8_t>(record.kind)} << kKindShift |
                               (static_cast<std::uint64_t>(record.unix_seconds) & kTimeMask);
    crypto::store_be(bytes.data() + kTimeAt, time);
    crypto::store_be(bytes.data() + kSumAt, sum_of(high, low, time));
    std::ranges::copy(bytes, to.begin());
}

std::optional<ReplayRecord> read_record(ReplayRecordView from) noexcept {
    const auto high = crypto::load_be<std::uint64_t>(from.data());
    const auto low = crypto::load_be<std::uint64_t>(from.data() + 8);
    const auto time = crypto::load_be<std::uint64_t>(from.data() + kTimeAt);
    if (crypto::load_be<std::uint64_t>(from.data() + kSumAt) != sum_of(high, low, time)) {
        return std::nullopt;
    }
    ReplayRecord record{.kind = static_cast<ReplayKind>(time >> kKindShift),
                        .token = {},
                        .unix_seconds = static_cast<std::int64_t>(time & kTimeMask)};
    std::ranges::copy(from.first<kReplayTokenBytes>(), record.token.begin());
    return record;
}

}  // namespace ferry::core
