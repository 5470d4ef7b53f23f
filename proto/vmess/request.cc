#include "proto/vmess/request.h"

#include <cassert>
#include <utility>

#include "proto/cursor.h"
#include "proto/mux/names.h"
#include "proto/vmess/wire_address.h"

namespace ferry::proto::vmess {
namespace {

constexpr std::uint8_t kVersion = 1;

// What old programs say where they mean AES-128-CFB.
constexpr std::uint8_t kSecurityUnknown = 0;

// Places in a plain header.
constexpr std::size_t kNibblesAt = 35;  // padding and security
constexpr std::size_t kCommandAt = 37;
constexpr std::size_t kTypeAt = 40;  // behind the port
constexpr std::size_t kNameBytesAt = kTypeAt + 1;

// The bytes of a header as they stand there, before their values are judged.
struct Fields {
    std::uint8_t version;
    std::uint8_t security;
    std::uint8_t padding_bytes;
    std::uint8_t command;
};

bool has_address(std::uint8_t command) {
    return command == static_cast<std::uint8_t>(Command::tcp) ||
           command == static_cast<std::uint8_t>(Command::udp);
}

// Judges what needs no further bytes, and puts it into the request.
Parsed<void> judge(const Fields& fields, Request& request) {
    if (fields.version != kVersion) {
        return std::unexpected(Fault::bad_version);
    }
    if (fields.command < static_cast<std::uint8_t>(Command::tcp) ||
        fields.command > static_cast<std::uint8_t>(Command::mux)) {
        return std::unexpected(Fault::bad_command);
    }
    switch (fields.security) {
        case kSecurityUnknown:
            request.security = Security::aes128_cfb;
            break;
        case static_cast<std::uint8_t>(Security::aes128_cfb):
        case static_cast<std::uint8_t>(Security::aes128_gcm):
        case static_cast<std::uint8_t>(Security::chacha20_poly1305):
        case static_cast<std::uint8_t>(Security::none):
            request.security = static_cast<Security>(fields.security);
            break;
        default:
            return std::unexpected(Fault::bad_security);
    }
    // Some programs crash on padding without masking, others accept it, and nobody means it.
    const bool pads = (request.options & kOptionPadding) != 0;
    const bool masks = (request.options & kOptionMask) != 0;
    if (pads && !masks) {
        return std::unexpected(Fault::bad_option);
    }
    request.command = static_cast<Command>(fields.command);
    return {};
}

}  // namespace

Offer offer_for(BodyChoice choice, Command command, SealedLengths lengths) noexcept {
    constexpr std::uint8_t kBare = kOptionChunks | kOptionMask;
    std::uint8_t under_cipher = kBare | kOptionPadding;
    if (lengths == SealedLengths::on) {
        under_cipher |= kOptionSealedLengths;
    }
    switch (choice) {
        case BodyChoice::aes128_gcm:
            return {Security::aes128_gcm, under_cipher};
        case BodyChoice::chacha20_poly1305:
            return {Security::chacha20_poly1305, under_cipher};
        case BodyChoice::none:
            return {Security::none, kBare};
        case BodyChoice::zero:
            return {Security::none, command == Command::udp ? kBare : std::uint8_t{0}};
    }
    std::unreachable();
}

void draw_secrets(Request& request, crypto::Random& random) noexcept {
    random.fill(request.keys.key);
    random.fill(request.keys.iv);
    request.response_tag = static_cast<std::uint8_t>(random.next());
}

Parsed<Request> parse_request(ByteView plain) {
    Reader from(plain);
    Request request;
    Fields fields{};
    fields.version = from.u8();
    request.keys.iv = from.array<kIvBytes>();  // the IV stands before the key
    request.keys.key = from.array<kKeyBytes>();
    request.response_tag = from.u8();
    request.options = from.u8();
    const std::uint8_t nibbles = from.u8();
    fields.padding_bytes = nibbles >> 4;
    fields.security = nibbles & 0x0f;
    from.u8();  // reserved: zero, and nobody looks
    fields.command = from.u8();

    Parsed<Address> target;
    if (has_address(fields.command)) {
        target = read_address(from);
    }
    if (!from.ok()) {
        return std::unexpected(Fault::bad_length);
    }
    if (!target) {
        // Before the checksum, because behind an address of unknown type nobody can find it.
        return std::unexpected(target.error());
    }
    from.bytes(fields.padding_bytes);
    const std::uint32_t checksum = crypto::fnv1a(plain.first(from.at()));
    const bool fits = from.u32() == checksum;
    if (!from.ok()) {
        return std::unexpected(Fault::bad_length);
    }
    if (!fits) {
        return std::unexpected(Fault::bad_checksum);
    }

    if (const auto judged = judge(fields, request); !judged) {
        return std::unexpected(judged.error());
    }
    request.target = std::move(*target);
    const bool is_mux_name =
        request.target.kind == Address::Kind::name && request.target.name == mux::kMuxName;
    if (request.command == Command::tcp && is_mux_name) {
        request.command = Command::mux;
        request.target = {};
    }
    return request;
}

std::size_t plain_request_bytes(ByteView plain) noexcept {
    if (plain.size() < kHeaderFixedBytes) {
        return kHeaderFixedBytes;
    }
    const std::size_t behind_address = (plain[kNibblesAt] >> 4) + kChecksumBytes;
    if (!has_address(plain[kCommandAt])) {
        return kHeaderFixedBytes + behind_address;
    }
    if (plain.size() <= kTypeAt) {
        return kTypeAt + 1;
    }
    switch (plain[kTypeAt]) {
        case kTypeIpv4:
            return kTypeAt + 1 + 4 + behind_address;
        case kTypeIpv6:
            return kTypeAt + 1 + 16 + behind_address;
        case kTypeName:
            if (plain.size() <= kNameBytesAt) {
                return kNameBytesAt + 1;
            }
            return kNameBytesAt + 1 + plain[kNameBytesAt] + behind_address;
        default:
            // Peers look for the checksum right behind a type that they do not know.
            return kTypeAt + 1 + behind_address;
    }
}

std::size_t build_request(const Request& request, ByteView padding, ByteSpan to) noexcept {
    assert(padding.size() <= kHeaderPaddingMax);
    Writer header(to);
    header.u8(kVersion);
    header.bytes(request.keys.iv);
    header.bytes(request.keys.key);
    header.u8(request.response_tag);
    header.u8(request.options);
    header.u8(
        static_cast<std::uint8_t>(padding.size() << 4 | static_cast<unsigned>(request.security)));
    header.u8(0);  // reserved
    header.u8(static_cast<std::uint8_t>(request.command));
    if (request.command != Command::mux) {
        write_address(request.target, header);
    }
    header.bytes(padding);
    header.u32(crypto::fnv1a(header.written()));
    return header.at();
}

std::size_t build_new_request(const Request& request, crypto::Random& random,
                              ByteSpan to) noexcept {
    std::array<std::uint8_t, kHeaderPaddingMax> store;
    const ByteSpan padding = ByteSpan(store).first(random.below(kHeaderPaddingMax + 1));
    random.fill(padding);
    return build_request(request, padding, to);
}

}  // namespace ferry::proto::vmess
