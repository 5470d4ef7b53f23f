// Response headers, as a server that holds the keys could make them: the input is sealed first.
// What stands behind the header is body, and plain.
//
//   input   the tag that the client expects; four sizes of pieces; u16 and so many bytes of plain
//           header; the body
#include <cassert>

#include "crypto/cpu.h"
#include "crypto/dispatch.h"
#include "proto/vmess/body.h"
#include "proto/vmess/response.h"
#include "tests/fuzz/input.h"

namespace {

using namespace ferry;
using namespace ferry::proto::vmess;

// What a client has to make of a plain header.
std::optional<proto::Fault> expected_fault(ByteView plain, std::uint8_t tag) {
    if (plain.size() < kPlainResponseBytesMin || plain.size() - 4 < plain[3]) {
        return proto::Fault::bad_length;
    }
    if (plain[0] != tag) {
        return proto::Fault::response_mismatch;
    }
    return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    static const crypto::Dispatch dispatch = crypto::choose(crypto::detect());
    fuzz::Input input(data, bytes);
    Request request;  // security none without chunks: the body passes as it is
    request.response_tag = input.u8();
    const ByteView pieces = input.bytes(4);
    const std::size_t plain_bytes = input.u16() % (kPlainResponseBytesCap + 1);
    const ByteView plain = input.bytes(plain_bytes);
    const ByteView body = input.rest();

    const BodyKeys keys = response_keys(*dispatch.sha256, request.keys);
    fuzz::Bytes wire(kSealedU16Bytes + plain.size() + crypto::kTagBytes);
    const std::size_t header_bytes = seal_response(dispatch, keys, plain, wire);
    assert(header_bytes == wire.size());
    fuzz::append(wire, body);

    auto opener = make_response_opener(dispatch, request);
    assert(opener);
    const fuzz::Heard heard = fuzz::listen(**opener, wire, pieces);
    assert(heard.fault == expected_fault(plain, request.response_tag));
    if (!heard.fault) {
        assert((*opener)->plain());
        assert(std::ranges::equal(heard.plaintext, body));
    }

    // The input as it came: nobody has sealed it.
    auto stranger = make_response_opener(dispatch, request);
    const fuzz::Heard nothing = fuzz::listen(**stranger, ByteView(data, bytes), pieces);
    assert(nothing.plaintext.empty());
    assert(nothing.fault.has_value() == (bytes >= kSealedU16Bytes));
    return 0;
}
