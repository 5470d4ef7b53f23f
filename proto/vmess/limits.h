// Every number of the protocol, once. The chapters named here are those of the wire protocol: "auth
// id", "request", "response", "chunk".
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/aead.h"

namespace ferry::proto::vmess {

inline constexpr std::size_t kUserIdBytes = 16;  // a UUID
inline constexpr std::size_t kKeyBytes = 16;     // command key, body key, AES-128 key
inline constexpr std::size_t kIvBytes = 16;      // body IV

// Auth id: u64 time, four random bytes, u32 CRC-32, encrypted as one AES block.
inline constexpr std::size_t kAuthIdBytes = 16;
inline constexpr std::size_t kAuthIdRandomBytes = 4;
// A request may be this much older or newer than the server's clock; exactly this much is accepted.
inline constexpr std::int64_t kTimeWindowSeconds = 120;
// An auth id can be up to 120 s ahead and then stays valid until it is 120 s behind: a server has
// to remember it for both.
inline constexpr std::int64_t kReplayMemorySeconds = 2 * kTimeWindowSeconds;

// Request: | auth id 16 | sealed u16 18 | connection nonce 8 | sealed header N + 16 |
inline constexpr std::size_t kSealedU16Bytes = 2 + crypto::kTagBytes;
inline constexpr std::size_t kConnectionNonceBytes = 8;
inline constexpr std::size_t kPrefixBytes = kAuthIdBytes + kSealedU16Bytes + kConnectionNonceBytes;

// The plain header: 38 fixed bytes, port and address unless it is a mux request, padding, checksum.
inline constexpr std::size_t kHeaderFixedBytes = 38;
inline constexpr std::size_t kHeaderPaddingMax = 15;  // a nibble
inline constexpr std::size_t kChecksumBytes = 4;
inline constexpr std::size_t kNameBytesMax = 255;  // a length of one byte
inline constexpr std::size_t kPlainRequestBytesMin = kHeaderFixedBytes + kChecksumBytes;
inline constexpr std::size_t kPlainRequestBytesMax =  // what a client of ours can need: 316
    kHeaderFixedBytes + 2 + 1 + 1 + kNameBytesMax + kHeaderPaddingMax + kChecksumBytes;
// What is accepted: peers ignore bytes behind the checksum, so some room is left for those of
// others.
inline constexpr std::size_t kPlainRequestBytesCap = 2048;

inline constexpr std::size_t kSealedRequestBytesMax =  // sent: 374
    kPrefixBytes + kPlainRequestBytesMax + crypto::kTagBytes;
inline constexpr std::size_t kRequestBytesMax =  // received
    kPrefixBytes + kPlainRequestBytesCap + crypto::kTagBytes;

// Request of the older form: | time token 16 | plain header under CFB |
inline constexpr std::size_t kLegacyFixedBytes = kAuthIdBytes + kHeaderFixedBytes;
inline constexpr std::size_t kLegacyRequestBytesMax = kAuthIdBytes + kPlainRequestBytesMax;  // 332

// Response: | sealed u16 18 | sealed header n + 16 |, the header being V, option, command id, c,
// and c bytes of command data.
inline constexpr std::size_t kCommandBytesMax = 255;  // a length of one byte
// Of an account to switch to: checksum, length of the host, host, and 22 bytes in fixed places.
inline constexpr std::size_t kSwitchHostBytesMax = kCommandBytesMax - kChecksumBytes - 1 - 22;
inline constexpr std::size_t kPlainResponseBytesMin = 4;
inline constexpr std::size_t kPlainResponseBytesMax = kPlainResponseBytesMin + kCommandBytesMax;
inline constexpr std::size_t kPlainResponseBytesCap = 2048;  // as for requests
inline constexpr std::size_t kSealedResponseBytesMax =
    kSealedU16Bytes + kPlainResponseBytesMax + crypto::kTagBytes;
inline constexpr std::size_t kResponseBytesMax =
    kSealedU16Bytes + kPlainResponseBytesCap + crypto::kTagBytes;

// Chunk: | length L, 2 or 18 bytes | sealed payload | padding |, L counting the last two.
inline constexpr std::size_t kLengthBytes = 2;
inline constexpr std::size_t kSealedLengthBytes = kSealedU16Bytes;
inline constexpr std::size_t kPaddingBytesMax = 63;    // a word modulo 64
inline constexpr std::size_t kChunkBytesMax = 65'535;  // L is two bytes; some peers send that much
// A sealed length is L - 16. Larger values wrap in peers, and no chunk can have them.
inline constexpr std::size_t kSealedLengthValueMax = kChunkBytesMax - crypto::kTagBytes;

// Payload of a chunk that we send: with everything around it, and the longest header in front of
// it, it fits a slot of 16 KiB, and it stays under the 16 384 bytes that the strictest peer takes.
// Large chunks also postpone the wrap of the nonce.
inline constexpr std::size_t kPayloadBytesMax = 15'808;
inline constexpr std::size_t kChunkAddedMax =
    kSealedLengthBytes + crypto::kTagBytes + kPaddingBytesMax;

// A datagram is one chunk of whatever size it needs. The longest header in front of the largest
// chunk, and its length field: room for any of them.
inline constexpr std::size_t kSealedDatagramBytesMax =
    kSealedRequestBytesMax + kSealedLengthBytes + kChunkBytesMax;

static_assert(kPrefixBytes == 42);
static_assert(kLegacyFixedBytes == 54);
static_assert(kLegacyRequestBytesMax < kSealedRequestBytesMax);
static_assert(kPlainRequestBytesMax == 316);
static_assert(kSealedRequestBytesMax == 374);
static_assert(kSealedResponseBytesMax <= kSealedRequestBytesMax);
static_assert(kPayloadBytesMax + kChunkAddedMax + kSealedRequestBytesMax <= 16'384);
static_assert(kPayloadBytesMax + kChunkAddedMax + kSealedResponseBytesMax <= 16'384);

}  // namespace ferry::proto::vmess
