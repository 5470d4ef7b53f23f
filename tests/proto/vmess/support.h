// What the tests of proto/vmess share: a dispatch table, and a listener that plays the pump.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "crypto/dispatch.h"
#include "crypto/random.h"
#include "proto/codec.h"
#include "proto/vmess/chunk.h"
#include "proto/vmess/request.h"
#include "tests/vectors_json.h"

namespace ferry::test {

inline constexpr std::int64_t kNow = 1'700'000'000;  // seconds, as the vectors count them

// The rows that this machine would use.
const crypto::Dispatch& dispatch();

// A generator that gives the same bytes in every run.
std::unique_ptr<crypto::Random> fixed_random(std::uint8_t seed);

// The first bytes of a vector's field, as an array.
template <std::size_t N>
std::array<std::uint8_t, N> array_of(const Bytes& bytes) {
    EXPECT_EQ(bytes.size(), N);
    std::array<std::uint8_t, N> array{};
    std::copy_n(bytes.begin(), std::min(N, bytes.size()), array.begin());
    return array;
}

// The payload with this index, by the rule of the vector files.
Bytes payload_of(std::size_t index, std::size_t bytes);

void append(Bytes& to, ByteView more);

// What an opener made of a stream.
struct Heard {
    Bytes plaintext;
    std::vector<Bytes> units;        // those that held data
    std::vector<std::size_t> edges;  // stream positions behind each finished unit or field
    int doubtful_ends = 0;
    bool ended = false;
    bool may_end = false;  // everything was counted, and the opener says so
    std::optional<proto::Fault> fault;
};

// Gives a stream to an opener in pieces, and checks on every call what Opener promises: it asks for
// more than it has and for no more than it may, its data lies in its input, and it leaves alone
// what it does not count. Inputs are exactly as large as they claim, so that a sanitizer sees a
// read beyond.
//
//   pieces  sizes, in order; what is left over comes as one last piece
Heard listen(proto::Opener& opener, ByteView wire, const std::vector<std::size_t>& pieces = {});

// Sizes of pieces that cut a stream of so many bytes at random places.
std::vector<std::size_t> random_pieces(std::size_t bytes, std::mt19937_64& random);
std::vector<std::size_t> single_bytes(std::size_t bytes);

// Seals as one unit, or the end or the header, into a buffer of exactly the size that is promised
// to be enough.
Bytes sealed(proto::Sealer& sealer, ByteView payload);
Bytes sealed_end(proto::Sealer& sealer);
Bytes sealed_header(proto::Sealer& sealer);

// The codec of one direction alone, without a header.
std::unique_ptr<proto::Opener> body_opener(
    const proto::vmess::Request& request, const proto::vmess::BodyKeys& own,
    proto::vmess::EarlyEnd early_end = proto::vmess::EarlyEnd::is_end);
std::unique_ptr<proto::Sealer> body_sealer(const proto::vmess::Request& request,
                                           const proto::vmess::BodyKeys& own,
                                           crypto::Random& random);

// One body that peers may ask for.
struct BodyForm {
    proto::vmess::Command command;
    proto::vmess::Security security;
    std::uint8_t options;
};
std::string name_of(const BodyForm& form);
// Is each chunk under an AEAD? And if not, under AES-128-CFB and its checksums?
bool has_cipher(const BodyForm& form);
bool has_cfb(const BodyForm& form);
// Bytes that each chunk of this form has besides length, payload and padding.
std::size_t tag_bytes_of(const BodyForm& form);

// Every combination of command, security and options that has a meaning.
std::vector<BodyForm> all_forms();

// Under AES-128-CFB from the first byte to the last, in one go.
Bytes under_cfb(const proto::vmess::BodyKeys& keys, ByteView plain);
// A checksum and the payload that it is of: a chunk of the older bodies, without its length.
Bytes with_checksum(ByteView payload);

// One case of a body file: its session, and the keys of the direction that it shows.
struct BodyCase {
    explicit BodyCase(const Json& vector);

    std::string name;
    proto::vmess::Request request;
    proto::vmess::BodyKeys own;
};

// A request with fixed keys.
proto::vmess::Request request_of(const BodyForm& form);

}  // namespace ferry::test
