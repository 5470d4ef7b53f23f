// The nested HMAC-SHA-256 from which every key of the AEAD form is derived.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/secret.h"

namespace ferry::proto::vmess {

// What a key is for: the outermost label of its path. The states that a label leaves behind are
// constants, so a derivation starts behind it.
enum class Label : std::uint8_t {
    auth_id_key,
    request_length_key,
    request_length_nonce,
    request_key,
    request_nonce,
    response_length_key,
    response_length_nonce,
    response_key,
    response_nonce,
    chunk_length_key,
};
inline constexpr std::size_t kLabelCount = 10;

std::string_view text_of(Label label) noexcept;

using Key16 = crypto::Secret<16>;
using Key32 = crypto::Secret<32>;
using Nonce12 = std::array<std::uint8_t, crypto::kNonceBytes>;

inline constexpr std::size_t kPathMax = 3;  // elements; nobody uses more

// Derives 32 bytes from a key and a path.
//
//   key     secret, any length
//   path    0 to kPathMax elements, outermost first, any length each
//   cost    twice 2^n compressions for the ends, and two per 64 bytes of path; no allocation
//   source  VMess AEAD header KDF; vectors in tests/vectors/kdf.json
Key32 kdf(const crypto::HashRow& hash, ByteView key, std::initializer_list<ByteView> path);

// The same with a label as the first element, whose compressions are saved: 20 in all for a path of
// three elements, 4 for the label alone.
//
//   rest    0 to kPathMax - 1 further elements
Key32 kdf(const crypto::HashRow& hash, ByteView key, Label label,
          std::initializer_list<ByteView> rest = {});

// The first sixteen bytes of it.
Key16 kdf16(const crypto::HashRow& hash, ByteView key, Label label,
            std::initializer_list<ByteView> rest = {});

// What one sealed part of a header is sealed with.
struct SealKeys {
    Key16 key;
    Nonce12 nonce;
};

struct LabelPair {
    Label key;
    Label nonce;
};

// Equally long.
struct SourcePair {
    ByteView key;
    ByteView nonce;
};

// Derives key and nonce of a sealed part side by side, in little more than the time of one.
//
//   sources  what each is derived from
//   rest     as above, the same for both
SealKeys seal_keys(const crypto::HashRow& hash, const LabelPair& labels, const SourcePair& sources,
                   std::initializer_list<ByteView> rest = {});

}  // namespace ferry::proto::vmess
