#include "proto/vmess/legacy_request.h"

#include <array>
#include <cassert>
#include <utility>

#include "crypto/block.h"
#include "crypto/secret.h"
#include "proto/cursor.h"

namespace ferry::proto::vmess {
namespace {

using Way = crypto::Cfb::Way;

bool has_right_checksum(ByteView plain) {
    const ByteView covered = plain.first(plain.size() - kChecksumBytes);
    return crypto::load_be<std::uint32_t>(plain.last(kChecksumBytes).data()) ==
           crypto::fnv1a(covered);
}

}  // namespace

Parsed<LegacyOpened> open_legacy_request(const crypto::Dispatch& dispatch, const CommandKey& key,
                                         std::int64_t unix_time, ByteView wire) {
    crypto::Cfb cfb(*dispatch.aes128, Way::decrypt, key.view(), legacy_header_iv(unix_time));
    crypto::Secret<kPlainRequestBytesMax> store;  // the body keys are in it
    const ByteSpan plain = store.span();
    std::size_t done = 0;
    std::size_t wanted = plain_request_bytes({});
    while (done < wanted) {
        if (wire.size() < kAuthIdBytes + wanted) {
            return LegacyOpened{LegacyOpened::Kind::need, kAuthIdBytes + wanted, {}};
        }
        const std::size_t more = wanted - done;
        cfb.apply(wire.subspan(kAuthIdBytes + done, more), plain.subspan(done, more));
        done = wanted;
        wanted = plain_request_bytes(plain.first(done));
    }
    // Before anything is judged: only a right checksum says that the sender means what he says.
    if (!has_right_checksum(plain.first(done))) {
        return std::unexpected(Fault::bad_checksum);
    }
    auto request = parse_request(plain.first(done));
    if (!request) {
        return std::unexpected(request.error());
    }
    request->form = HeaderForm::legacy;
    return LegacyOpened{LegacyOpened::Kind::header, kAuthIdBytes + done, std::move(*request)};
}

bool taints(Fault fault) noexcept {
    return fault == Fault::bad_checksum;
}

bool cut_taints(std::size_t wire_bytes) noexcept {
    return wire_bytes >= kLegacyFixedBytes;
}

std::size_t seal_legacy_request(const crypto::Dispatch& dispatch, const CommandKey& key,
                                const LegacyStamp& stamp, ByteView plain, ByteSpan to) {
    Writer wire(to);
    wire.bytes(time_token(stamp.signer, stamp.unix_time));
    crypto::Cfb cfb(*dispatch.aes128, Way::encrypt, key.view(), legacy_header_iv(stamp.unix_time));
    cfb.apply(plain, wire.room(plain.size()));
    return wire.at();
}

std::size_t seal_new_legacy_request(const crypto::Dispatch& dispatch, crypto::Random& random,
                                    const CommandKey& key, const LegacyStamp& stamp,
                                    const Request& request, ByteSpan to) {
    assert(request.form == HeaderForm::legacy);
    crypto::Secret<kPlainRequestBytesMax> plain;  // the body keys are in it
    const std::size_t plain_bytes = build_new_request(request, random, plain.span());
    return seal_legacy_request(dispatch, key, stamp, plain.view().first(plain_bytes), to);
}

}  // namespace ferry::proto::vmess
