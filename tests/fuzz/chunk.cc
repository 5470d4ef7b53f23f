// Bodies, as a peer that holds the keys could make them: good chunks, empty ones, lengths that are
// wrong, and bytes without any sense, in any order and cut anywhere.
//
//   input   command, security, options, early end: a byte each; four sizes of pieces; records
//   record  a byte that says what follows, a u16, and for some so many bytes
#include <cassert>
#include <optional>

#include "crypto/cpu.h"
#include "crypto/dispatch.h"
#include "crypto/hash.h"
#include "proto/vmess/cfb.h"
#include "proto/vmess/chunk.h"
#include "proto/vmess/raw.h"
#include "tests/fuzz/input.h"

namespace {

using namespace ferry;
using namespace ferry::proto::vmess;

// A body under construction, and what an opener has to make of it.
class Draft {
public:
    Draft(const crypto::Dispatch& dispatch, const Request& request)
        : shape_(shape_of(request)),
          lengths_(dispatch, request.security, shape_, {request.keys, request.keys}) {
        switch (request.security) {
            case Security::aes128_gcm:
            case Security::chacha20_poly1305:
                tag_bytes_ = crypto::kTagBytes;
                cipher_.emplace(dispatch, request.security, request.keys);
                return;
            case Security::aes128_cfb:
                tag_bytes_ = kChecksumBytes;
                stream_.emplace(dispatch, CfbStream::Way::encrypt, request.keys);
                return;
            case Security::none:
                return;
        }
    }

    void add_chunk(ByteView payload) {
        const ChunkSize size = add_length(payload.size() + tag_bytes_);
        fuzz::Bytes body;
        if (stream_) {
            body.resize(kChecksumBytes);
            crypto::store_be(body.data(), crypto::fnv1a(payload));
        }
        fuzz::append(body, payload);
        body.resize(size.bytes);
        if (cipher_) {
            cipher_->seal(payload, ByteSpan(body).first(payload.size() + tag_bytes_));
        }
        add(body);
        if (is_good_) {
            fuzz::append(plaintext_, payload);
            is_good_ = !payload.empty();  // behind an end nothing is promised
        }
    }

    // A length field of this value, with nothing behind it that would fit. Padding is not ours to
    // choose.
    void add_wrong_length(std::size_t bytes) {
        add_length(std::clamp(bytes, tag_bytes_, kChunkBytesMax - kPaddingBytesMax));
        is_good_ = false;
    }

    void add_bytes(ByteView bytes) {
        add(bytes);
        is_good_ = is_good_ && bytes.empty();
    }

    const fuzz::Bytes& wire() const { return wire_; }
    const fuzz::Bytes& plaintext() const { return plaintext_; }  // of the good chunks in front
    bool is_good() const { return is_good_; }

private:
    ChunkSize add_length(std::size_t sealed_payload_bytes) {
        fuzz::Bytes field(lengths_.field_bytes());
        const ChunkSize size = lengths_.seal(sealed_payload_bytes, field);
        add(field);
        return size;
    }

    void add(ByteView bytes) {
        const std::size_t at = wire_.size();
        fuzz::append(wire_, bytes);
        if (stream_) {
            stream_->apply(ByteSpan(wire_).subspan(at));
        }
    }

    BodyShape shape_;
    ChunkLengths lengths_;
    std::size_t tag_bytes_ = 0;
    std::optional<AeadPayload> cipher_;
    std::optional<CfbStream> stream_;
    fuzz::Bytes wire_;
    fuzz::Bytes plaintext_;
    bool is_good_ = true;
};

void fill(Draft& draft, fuzz::Input& input) {
    while (!input.empty() && draft.wire().size() < 200'000) {
        const std::uint8_t kind = input.u8() % 8;
        const std::uint16_t number = input.u16();
        if (kind == 0) {
            draft.add_chunk({});
        } else if (kind == 1) {
            draft.add_wrong_length(number);
        } else if (kind == 2) {
            draft.add_bytes(input.bytes(number));
        } else if (kind == 3) {
            draft.add_chunk(fuzz::Bytes(number % 40'000, 0x55));
        } else {
            draft.add_chunk(input.bytes(number % 4'096));
        }
    }
}

fuzz::Heard heard(const crypto::Dispatch& dispatch, const Request& request, EarlyEnd early_end,
                  ByteView wire, ByteView pieces) {
    const BodyShape shape = shape_of(request);
    const ChunkKeys keys{.own = request.keys, .request = request.keys};
    if (request.security == Security::none) {
        BareChunkOpener opener(dispatch, request.security, shape, keys, early_end);
        return fuzz::listen(opener, wire, pieces);
    }
    if (request.security == Security::aes128_cfb) {
        CfbChunkOpener opener(dispatch, request.security, shape, keys, early_end);
        return fuzz::listen(opener, wire, pieces);
    }
    AeadChunkOpener opener(dispatch, request.security, shape, keys, early_end);
    return fuzz::listen(opener, wire, pieces);
}

Request read_request(fuzz::Input& input) {
    Request request;
    constexpr std::array kCommands{Command::tcp, Command::udp, Command::mux};
    constexpr std::array kSecurities{Security::aes128_gcm, Security::chacha20_poly1305,
                                     Security::none, Security::aes128_cfb};
    request.command = kCommands[input.u8() % kCommands.size()];
    request.security = kSecurities[input.u8() % kSecurities.size()];
    request.options = input.u8();
    if (request.security == Security::none || request.security == Security::aes128_cfb) {
        request.options |= kOptionChunks;  // otherwise there is nothing to open
    }
    return request;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    static const crypto::Dispatch dispatch = crypto::choose(crypto::detect());
    fuzz::Input input(data, bytes);
    const Request request = read_request(input);
    const EarlyEnd early_end = input.u8() % 2 == 0 ? EarlyEnd::is_end : EarlyEnd::is_doubtful;
    const ByteView pieces = input.bytes(4);
    Draft draft(dispatch, request);
    fill(draft, input);

    const fuzz::Heard whole = heard(dispatch, request, early_end, draft.wire(), {});
    const fuzz::Heard cut = heard(dispatch, request, early_end, draft.wire(), pieces);
    assert(whole.fault == cut.fault);
    assert(whole.plaintext == cut.plaintext);
    assert(whole.doubtful_ends == cut.doubtful_ends);
    // The good chunks in front always arrive.
    assert(whole.plaintext.size() >= draft.plaintext().size());
    assert(std::equal(draft.plaintext().begin(), draft.plaintext().end(), whole.plaintext.begin()));
    if (draft.is_good()) {
        assert(!whole.fault);
        assert(whole.counted == draft.wire().size());
        assert(whole.plaintext == draft.plaintext());
    }
    return 0;
}
