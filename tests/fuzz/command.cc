// Instructions in response headers, as a server could give them: whatever stands there, the client
// hears of an account exactly if there is a whole one, and the body behind it is not touched.
//
//   input   a byte of choices; the instruction's id; four sizes of pieces; u8 and so many bytes of
//           content; the body
#include <cassert>
#include <optional>

#include "crypto/cpu.h"
#include "crypto/dispatch.h"
#include "crypto/hash.h"
#include "proto/vmess/body.h"
#include "proto/vmess/command.h"
#include "tests/fuzz/input.h"

namespace {

using namespace ferry;
using namespace ferry::proto::vmess;

constexpr std::uint8_t kOwnChecksum = 0x01;  // the content brings its checksum
constexpr std::uint8_t kLegacyForm = 0x02;
constexpr std::uint8_t kOlderCipher = 0x04;

// Writes down what it hears, where the target can see it.
class Listener final : public AccountObserver {
public:
    explicit Listener(std::optional<SwitchAccount>& heard) : heard_(heard) {}

    void switch_account(const SwitchAccount& account) override {
        assert(!heard_);
        heard_ = account;
    }

private:
    std::optional<SwitchAccount>& heard_;
};

Response read_response(fuzz::Input& input, std::uint8_t choices, std::uint8_t command) {
    const ByteView content = input.bytes(input.u8());
    fuzz::Bytes data;
    if ((choices & kOwnChecksum) == 0) {
        data.resize(kChecksumBytes);
        crypto::store_be(data.data(), crypto::fnv1a(content));
    }
    fuzz::append(data, content);
    data.resize(std::min(data.size(), kCommandBytesMax));
    Response response;
    response.command = command;
    response.data_bytes = static_cast<std::uint8_t>(data.size());
    std::ranges::copy(data, response.data_store.begin());
    return response;
}

// What was understood is written in our own way and understood again.
void write_again(const SwitchAccount& account, const Response& original) {
    Response again;
    put_switch_account(account, again);
    assert(again.data_bytes <= original.data_bytes);
    assert(switch_account_of(again) == account);
}

// Header and body on the wire. The body is without chunks.
fuzz::Bytes wire_of(const crypto::Dispatch& dispatch, const Request& request,
                    const Response& response, ByteView body) {
    fuzz::Bytes plain(kPlainResponseBytesMax);
    plain.resize(build_response(response, plain));
    const bool is_legacy = request.form == HeaderForm::legacy;
    const BodyKeys keys = is_legacy ? legacy_response_keys(request.keys)
                                    : response_keys(*dispatch.sha256, request.keys);
    fuzz::Bytes wire(kSealedResponseBytesMax);
    wire.resize(is_legacy ? seal_legacy_response(dispatch, keys, plain, wire)
                          : seal_response(dispatch, keys, plain, wire));
    if (request.security == Security::none) {
        fuzz::append(wire, body);
        return wire;
    }
    crypto::Cfb cfb(*dispatch.aes128, crypto::Cfb::Way::encrypt, keys.key, keys.iv);
    if (is_legacy) {
        cfb.apply(plain, plain);  // the same key stream
    }
    fuzz::Bytes sealed(body.size());
    cfb.apply(body, sealed);
    fuzz::append(wire, sealed);
    return wire;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    static const crypto::Dispatch dispatch = crypto::choose(crypto::detect());
    fuzz::Input input(data, bytes);
    const std::uint8_t choices = input.u8();
    const std::uint8_t command = input.u8();
    const ByteView pieces = input.bytes(4);
    const Response response = read_response(input, choices, command);
    const ByteView body = input.rest();

    const auto expected = switch_account_of(response);
    if (expected) {
        write_again(*expected, response);
    }

    Request request;
    request.form = (choices & kLegacyForm) != 0 ? HeaderForm::legacy : HeaderForm::aead;
    request.security = (choices & kOlderCipher) != 0 ? Security::aes128_cfb : Security::none;
    const fuzz::Bytes wire = wire_of(dispatch, request, response, body);
    std::optional<SwitchAccount> heard_account;
    const auto opener =
        make_response_opener(dispatch, request, std::make_unique<Listener>(heard_account));
    assert(opener);
    const fuzz::Heard heard = fuzz::listen(**opener, wire, pieces);
    assert(!heard.fault);
    assert(heard.counted == wire.size());
    assert(std::ranges::equal(heard.plaintext, body));
    assert(heard_account == expected);
    return 0;
}
