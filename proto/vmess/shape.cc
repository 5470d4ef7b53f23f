#include "proto/vmess/shape.h"

#include <cassert>
#include <utility>

namespace ferry::proto::vmess {

BodyShape shape_of(const Request& request) noexcept {
    const auto asks_for = [&request](std::uint8_t option) {
        return (request.options & option) != 0;
    };
    const bool has_cipher =
        request.security == Security::aes128_gcm || request.security == Security::chacha20_poly1305;
    const bool has_datagrams = request.command == Command::udp;

    BodyShape shape;
    if (!has_cipher && !asks_for(kOptionChunks)) {
        return shape;  // raw, whatever else it asks for
    }
    shape.framing = Framing::chunks;
    shape.units = has_datagrams ? Units::datagrams : Units::pieces;
    if (asks_for(kOptionChunks)) {
        shape.end_mark = EndMark::on;
    }
    if (asks_for(kOptionSealedLengths) && has_cipher) {
        shape.lengths = Lengths::sealed;
    } else if (asks_for(kOptionMask)) {
        shape.lengths = Lengths::masked;
    }
    // A stream without a cipher is not padded even if it asks for it; its datagrams are.
    const bool can_pad = request.security != Security::none || has_datagrams;
    if (asks_for(kOptionPadding) && can_pad) {
        shape.padding = Padding::on;
    }
    return shape;
}

crypto::Aead aead_for(const crypto::Dispatch& dispatch, Security security,
                      std::span<const std::uint8_t, kKeyBytes> key) {
    if (security == Security::chacha20_poly1305) {
        return crypto::Aead(*dispatch.chacha20_poly1305, chacha_key(key).view());
    }
    assert(security == Security::aes128_gcm);
    return crypto::Aead(*dispatch.aes128_gcm, key);
}

}  // namespace ferry::proto::vmess
