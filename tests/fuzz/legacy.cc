// Request headers of the older form, as somebody who holds a user's key could make them: the input
// is sealed first, and its checksum is made right unless it says otherwise. What is asked for and
// what comes out does not depend on how much has arrived when.
//
//   input   a byte of choices; the plain header and, in the same key stream, what follows it
#include <cassert>
#include <optional>

#include "crypto/cpu.h"
#include "crypto/dispatch.h"
#include "crypto/hash.h"
#include "proto/vmess/legacy_request.h"
#include "tests/fuzz/input.h"

namespace {

using namespace ferry;
using namespace ferry::proto::vmess;
using Kind = LegacyOpened::Kind;

constexpr std::uint8_t kOwnChecksum = 0x01;  // the input brings its checksum
constexpr std::int64_t kTime = 1'700'000'000;

bool same(const Request& a, const Request& b) {
    return a.form == b.form && a.command == b.command && a.security == b.security &&
           a.options == b.options && a.response_tag == b.response_tag && a.keys.key == b.keys.key &&
           a.keys.iv == b.keys.iv && a.target == b.target;
}

fuzz::Bytes sealed(const crypto::Dispatch& dispatch, ByteView plain) {
    fuzz::Bytes wire(kAuthIdBytes + plain.size());
    const std::size_t bytes =
        seal_legacy_request(dispatch, CommandKey(UserId{}), {UserId{}, kTime}, plain, wire);
    assert(bytes == wire.size());
    return wire;
}

proto::Parsed<LegacyOpened> opened(const crypto::Dispatch& dispatch, ByteView wire) {
    fuzz::ExactBytes exact(wire);
    return open_legacy_request(dispatch, CommandKey(UserId{}), kTime, exact.span());
}

// Size of a plain header, if it is there.
std::optional<std::size_t> header_bytes(ByteView plain) {
    std::size_t bytes = plain_request_bytes({});
    while (bytes <= plain.size()) {
        const std::size_t known = plain_request_bytes(plain.first(bytes));
        assert(known >= bytes);
        assert(known <= kPlainRequestBytesMax);
        if (known == bytes) {
            return bytes;
        }
        bytes = known;
    }
    return std::nullopt;
}

// Every front of the wire, as if no more had arrived.
void open_fronts(const crypto::Dispatch& dispatch, ByteView wire, std::size_t header_end) {
    std::size_t asked = kLegacyFixedBytes;
    for (std::size_t bytes = 0; bytes < std::min(wire.size(), header_end); ++bytes) {
        const auto front = opened(dispatch, wire.first(bytes));
        assert(front && front->kind == Kind::need);
        assert(front->bytes > bytes);
        assert(front->bytes >= asked);
        assert(front->bytes <= header_end);
        asked = front->bytes;
    }
}

// What was understood is written in our own way and understood again.
void write_again(const crypto::Dispatch& dispatch, const Request& request) {
    std::array<std::uint8_t, kPlainRequestBytesMax> plain;
    const std::size_t bytes = build_request(request, std::array<std::uint8_t, 3>{1, 2, 3}, plain);
    const auto again = opened(dispatch, sealed(dispatch, ByteView(plain).first(bytes)));
    assert(again && again->kind == Kind::header);
    assert(same(again->request, request));
}

void open_sealed(const crypto::Dispatch& dispatch, ByteView plain) {
    const fuzz::Bytes wire = sealed(dispatch, plain);
    const auto bytes = header_bytes(plain);
    open_fronts(dispatch, wire, bytes ? kAuthIdBytes + *bytes : kLegacyRequestBytesMax);
    const auto whole = opened(dispatch, wire);
    if (!bytes) {
        assert(whole && whole->kind == Kind::need);
        return;
    }
    const auto expected = parse_request(plain.first(*bytes));
    assert(whole.has_value() == expected.has_value());
    if (whole) {
        assert(whole->kind == Kind::header);
        assert(whole->bytes == kAuthIdBytes + *bytes);
        assert(whole->request.form == HeaderForm::legacy);
        write_again(dispatch, whole->request);
        return;
    }
    const ByteView covered = plain.first(*bytes - kChecksumBytes);
    const bool has_right_checksum =
        crypto::load_be<std::uint32_t>(plain.data() + covered.size()) == crypto::fnv1a(covered);
    assert(taints(whole.error()) != has_right_checksum);
}

void make_checksum_right(fuzz::Bytes& plain) {
    if (const auto bytes = header_bytes(plain)) {
        const std::size_t at = *bytes - kChecksumBytes;
        crypto::store_be(plain.data() + at, crypto::fnv1a(ByteView(plain).first(at)));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    static const crypto::Dispatch dispatch = crypto::choose(crypto::detect());
    fuzz::Input input(data, bytes);
    const std::uint8_t choices = input.u8();
    fuzz::Bytes plain;
    fuzz::append(plain, input.rest());

    // Bytes that nobody has sealed.
    const auto stranger = opened(dispatch, plain);
    if (stranger && stranger->kind == Kind::need) {
        assert(plain.size() < stranger->bytes);
        assert(stranger->bytes <= kLegacyRequestBytesMax);
    }

    if ((choices & kOwnChecksum) == 0) {
        make_checksum_right(plain);
    }
    open_sealed(dispatch, plain);
    return 0;
}
