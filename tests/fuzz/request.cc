// Request headers, as somebody with a valid user id could make them: the input is sealed first, and
// its checksum is made right unless it says otherwise. Whatever is understood can be written again.
//
//   input   a byte of choices; the plain header
#include <cassert>

#include "crypto/cpu.h"
#include "crypto/dispatch.h"
#include "crypto/hash.h"
#include "proto/vmess/request.h"
#include "tests/fuzz/input.h"

namespace {

using namespace ferry;
using namespace ferry::proto::vmess;

constexpr std::uint8_t kOwnChecksum = 0x01;  // the input brings its checksum

bool same(const Request& a, const Request& b) {
    return a.command == b.command && a.security == b.security && a.options == b.options &&
           a.response_tag == b.response_tag && a.keys.key == b.keys.key && a.keys.iv == b.keys.iv &&
           a.target == b.target;
}

// What was understood is written in our own way and understood again.
void write_again(const Request& request) {
    std::array<std::uint8_t, kPlainRequestBytesMax> plain;
    const std::array<std::uint8_t, 3> padding{1, 2, 3};
    const std::size_t bytes = build_request(request, padding, plain);
    const auto again = parse_request(ByteView(plain).first(bytes));
    assert(again);
    assert(same(*again, request));
}

void open_sealed(const crypto::Dispatch& dispatch, ByteView plain) {
    const CommandKey key(UserId{});
    fuzz::Bytes wire(kPrefixBytes + plain.size() + crypto::kTagBytes);
    const std::size_t bytes = seal_request(
        dispatch, key, AuthId{}, std::array<std::uint8_t, kConnectionNonceBytes>{}, plain, wire);
    assert(bytes == wire.size());
    const auto wanted = request_bytes(dispatch, key, ByteView(wire).first(kPrefixBytes));
    if (plain.size() < kPlainRequestBytesMin) {
        assert(!wanted && wanted.error() == proto::Fault::bad_length);
        return;
    }
    assert(wanted && *wanted == wire.size());

    fuzz::ExactBytes sealed(wire);
    const auto request = open_request(dispatch, key, sealed.span());
    fuzz::ExactBytes exact(plain);
    const auto expected = parse_request(exact.span());
    assert(request.has_value() == expected.has_value());
    if (!request) {
        assert(request.error() == expected.error());
        return;
    }
    assert(same(*request, *expected));
    write_again(*request);
}

// Bytes that nobody has sealed.
void open_unsealed(const crypto::Dispatch& dispatch, ByteView wire) {
    if (wire.size() < kPrefixBytes + crypto::kTagBytes) {
        return;
    }
    const CommandKey key(UserId{});
    assert(!request_bytes(dispatch, key, wire.first(kPrefixBytes)));
    fuzz::ExactBytes sealed(wire);
    assert(!open_request(dispatch, key, sealed.span()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    static const crypto::Dispatch dispatch = crypto::choose(crypto::detect());
    fuzz::Input input(data, bytes);
    const std::uint8_t choices = input.u8();
    fuzz::Bytes plain;
    fuzz::append(plain, input.bytes(kPlainRequestBytesCap - kChecksumBytes));
    open_unsealed(dispatch, plain);
    if ((choices & kOwnChecksum) == 0) {
        std::array<std::uint8_t, kChecksumBytes> checksum;
        crypto::store_be(checksum.data(), crypto::fnv1a(plain));
        fuzz::append(plain, checksum);
    }
    open_sealed(dispatch, plain);
    return 0;
}
