#include "tests/proto/vmess/support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <iomanip>
#include <sstream>

#include "crypto/block.h"
#include "crypto/cpu.h"
#include "crypto/hash.h"
#include "proto/vmess/cfb.h"
#include "proto/vmess/limits.h"
#include "proto/vmess/raw.h"

namespace ferry::test {
namespace {

using namespace proto::vmess;
using proto::Opened;

// Memory of exactly this size, so that reading one byte too far is seen.
struct ExactBytes {
    explicit ExactBytes(ByteView from)
        : memory(std::make_unique<std::uint8_t[]>(from.size())), bytes(from.size()) {
        std::ranges::copy(from, memory.get());
    }
    ByteSpan span() { return {memory.get(), bytes}; }

    std::unique_ptr<std::uint8_t[]> memory;
    std::size_t bytes;
};

bool lies_in(ByteView inner, ByteView outer) {
    return inner.empty() || (inner.data() >= outer.data() &&
                             inner.data() + inner.size() <= outer.data() + outer.size());
}

// One call, with its promises checked. Gives the bytes counted; none means that more are wanted.
std::size_t step(proto::Opener& opener, ByteView pending, Heard& heard) {
    ExactBytes in(pending);
    const auto opened = opener.open(in.span());
    if (!opened) {
        heard.fault = opened.error();
        return 0;
    }
    if (opened->kind == Opened::Kind::need) {
        EXPECT_GT(opened->count, pending.size());
        EXPECT_LE(opened->count, kChunkBytesMax);
        EXPECT_TRUE(std::ranges::equal(in.span(), pending)) << "changed what it did not count";
        return 0;
    }
    EXPECT_LE(opened->count, pending.size());
    EXPECT_TRUE(lies_in(opened->data, in.span().first(opened->count)));
    EXPECT_TRUE(
        std::ranges::equal(in.span().subspan(opened->count), pending.subspan(opened->count)));
    switch (opened->kind) {
        case Opened::Kind::need:
            break;
        case Opened::Kind::data:
            EXPECT_GT(opened->count, 0u);
            EXPECT_FALSE(heard.ended);
            append(heard.plaintext, opened->data);
            if (!opened->data.empty()) {
                heard.units.emplace_back(opened->data.begin(), opened->data.end());
            }
            break;
        case Opened::Kind::end:
            heard.ended = true;
            break;
        case Opened::Kind::maybe_end:
            ++heard.doubtful_ends;
            break;
    }
    return opened->count;
}

}  // namespace

const crypto::Dispatch& dispatch() {
    static const crypto::Dispatch table = crypto::choose(crypto::detect());
    return table;
}

std::unique_ptr<crypto::Random> fixed_random(std::uint8_t seed) {
    std::array<std::uint8_t, 32> bytes;
    bytes.fill(seed);
    return std::make_unique<crypto::Random>(bytes);
}

Bytes payload_of(std::size_t index, std::size_t bytes) {
    Bytes payload(bytes);
    for (std::size_t place = 0; place < bytes; ++place) {
        payload[place] = static_cast<std::uint8_t>(31 * index + place);
    }
    return payload;
}

void append(Bytes& to, ByteView more) {
    to.insert(to.end(), more.begin(), more.end());
}

Heard listen(proto::Opener& opener, ByteView wire, const std::vector<std::size_t>& pieces) {
    Heard heard;
    Bytes pending;
    std::size_t counted = 0;
    std::size_t piece = 0;
    while (!wire.empty() && !heard.fault) {
        const std::size_t bytes =
            piece < pieces.size() ? std::min(pieces[piece], wire.size()) : wire.size();
        ++piece;
        append(pending, wire.first(bytes));
        wire = wire.subspan(bytes);
        while (!pending.empty() && !heard.fault) {
            const std::size_t step_bytes = step(opener, pending, heard);
            if (step_bytes == 0) {
                break;
            }
            counted += step_bytes;
            heard.edges.push_back(counted);
            pending.erase(pending.begin(),
                          pending.begin() + static_cast<std::ptrdiff_t>(step_bytes));
        }
    }
    heard.may_end = !heard.fault && pending.empty() && opener.may_end();
    return heard;
}

std::vector<std::size_t> random_pieces(std::size_t bytes, std::mt19937_64& random) {
    std::vector<std::size_t> pieces;
    std::size_t sum = 0;
    while (sum < bytes) {
        // Small pieces and large ones in equal parts.
        const std::size_t most = std::size_t{1} << random() % 12;
        pieces.push_back(1 + random() % most);
        sum += pieces.back();
    }
    return pieces;
}

std::vector<std::size_t> single_bytes(std::size_t bytes) {
    return std::vector<std::size_t>(bytes, 1);
}

Bytes sealed(proto::Sealer& sealer, ByteView payload) {
    Bytes wire(payload.size() + sealer.added_max());
    wire.resize(sealer.seal(payload, wire));
    return wire;
}

Bytes sealed_end(proto::Sealer& sealer) {
    Bytes wire(sealer.added_max());
    wire.resize(sealer.end(wire));
    return wire;
}

Bytes sealed_header(proto::Sealer& sealer) {
    Bytes wire(sealer.added_max());
    wire.resize(sealer.header(wire));
    return wire;
}

std::unique_ptr<proto::Opener> body_opener(const Request& request, const BodyKeys& own,
                                           EarlyEnd early_end) {
    const BodyShape shape = shape_of(request);
    const ChunkKeys keys{.own = own, .request = request.keys};
    if (request.security == Security::aes128_cfb) {
        if (shape.framing == Framing::raw) {
            return std::make_unique<CfbRawOpener>(dispatch(), own);
        }
        return std::make_unique<CfbChunkOpener>(dispatch(), request.security, shape, keys,
                                                early_end);
    }
    if (shape.framing == Framing::raw) {
        return std::make_unique<RawOpener>();
    }
    if (request.security == Security::none) {
        return std::make_unique<BareChunkOpener>(dispatch(), request.security, shape, keys,
                                                 early_end);
    }
    return std::make_unique<AeadChunkOpener>(dispatch(), request.security, shape, keys, early_end);
}

std::unique_ptr<proto::Sealer> body_sealer(const Request& request, const BodyKeys& own,
                                           crypto::Random& random) {
    const BodyShape shape = shape_of(request);
    const ChunkKeys keys{.own = own, .request = request.keys};
    if (request.security == Security::aes128_cfb) {
        if (shape.framing == Framing::raw) {
            return std::make_unique<CfbRawSealer>(dispatch(), own);
        }
        return std::make_unique<CfbChunkSealer>(dispatch(), random, request.security, shape, keys);
    }
    if (shape.framing == Framing::raw) {
        return std::make_unique<RawSealer>();
    }
    if (request.security == Security::none) {
        return std::make_unique<BareChunkSealer>(dispatch(), random, request.security, shape, keys);
    }
    return std::make_unique<AeadChunkSealer>(dispatch(), random, request.security, shape, keys);
}

bool has_cipher(const BodyForm& form) {
    return form.security == Security::aes128_gcm || form.security == Security::chacha20_poly1305;
}

bool has_cfb(const BodyForm& form) {
    return form.security == Security::aes128_cfb;
}

std::size_t tag_bytes_of(const BodyForm& form) {
    if (has_cipher(form)) {
        return crypto::kTagBytes;
    }
    const bool has_chunks = shape_of(request_of(form)).framing == Framing::chunks;
    return has_cfb(form) && has_chunks ? kChecksumBytes : 0;
}

Bytes under_cfb(const BodyKeys& keys, ByteView plain) {
    Bytes wire(plain.size());
    crypto::Cfb cfb(*dispatch().aes128, crypto::Cfb::Way::encrypt, keys.key, keys.iv);
    cfb.apply(plain, wire);
    return wire;
}

Bytes with_checksum(ByteView payload) {
    Bytes chunk(kChecksumBytes);
    crypto::store_be(chunk.data(), crypto::fnv1a(payload));
    append(chunk, payload);
    return chunk;
}

std::string name_of(const BodyForm& form) {
    std::ostringstream name;
    name << "command " << static_cast<int>(form.command) << ", security "
         << static_cast<int>(form.security) << ", options 0x" << std::hex << std::setw(2)
         << std::setfill('0') << static_cast<int>(form.options);
    return name.str();
}

std::vector<BodyForm> all_forms() {
    std::vector<BodyForm> forms;
    for (const Command command : {Command::tcp, Command::udp, Command::mux}) {
        for (const Security security : {Security::aes128_cfb, Security::aes128_gcm,
                                        Security::chacha20_poly1305, Security::none}) {
            // All bits of the byte that mean something, save padding without masking.
            for (const int options :
                 {0x00, 0x01, 0x04, 0x05, 0x0c, 0x0d, 0x10, 0x11, 0x14, 0x15, 0x1c, 0x1d}) {
                forms.push_back({command, security, static_cast<std::uint8_t>(options)});
            }
        }
    }
    return forms;
}

Request request_of(const BodyForm& form) {
    Request request;
    request.command = form.command;
    request.security = form.security;
    request.options = form.options;
    request.response_tag = 0x5a;
    for (std::size_t place = 0; place < kKeyBytes; ++place) {
        request.keys.key[place] = static_cast<std::uint8_t>(0x10 + place);
        request.keys.iv[place] = static_cast<std::uint8_t>(0xa0 + place);
    }
    if (form.command != Command::mux) {
        request.target = proto::ipv4({192, 0, 2, 1}, 443);
    }
    return request;
}

BodyCase::BodyCase(const Json& vector) : name(vector["name"].text()) {
    request.command = vector["kind"].text() == "packet" ? Command::udp : Command::tcp;
    request.security = static_cast<Security>(vector["security"].number());
    request.options = static_cast<std::uint8_t>(vector["option"].number());
    request.keys.key = array_of<16>(vector["request_key"].bytes());
    request.keys.iv = array_of<16>(vector["request_iv"].bytes());
    own.key = array_of<16>(vector["body_key"].bytes());
    own.iv = array_of<16>(vector["body_iv"].bytes());
}

}  // namespace ferry::test
