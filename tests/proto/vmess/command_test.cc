// The instruction to switch accounts is that of the vectors; whatever is not exactly one is ignored
// and does no harm.
#include "proto/vmess/command.h"

#include <gtest/gtest.h>

#include "crypto/hash.h"
#include "tests/proto/vmess/support.h"

namespace ferry::test {
namespace {

using namespace proto::vmess;

SwitchAccount account_of(const Json& vector) {
    SwitchAccount account;
    account.host = vector["host"].text();
    account.port = static_cast<std::uint16_t>(vector["port"].number());
    account.id.bytes = array_of<16>(vector["user_id"].bytes());
    account.alter_ids = static_cast<std::uint16_t>(vector["alter_ids"].number());
    account.level = static_cast<std::uint8_t>(vector["level"].number());
    account.valid_minutes = static_cast<std::uint8_t>(vector["valid_minutes"].number());
    return account;
}

// A response with these bytes from its instruction on: id, length, data.
Response response_with(const Bytes& encoded) {
    Response response;
    response.command = encoded[0];
    response.data_bytes = encoded[1];
    EXPECT_EQ(encoded.size(), 2u + encoded[1]);
    std::copy(encoded.begin() + 2, encoded.end(), response.data_store.begin());
    // Nothing behind the data may be looked at: it would look right.
    std::fill(response.data_store.begin() + response.data_bytes, response.data_store.end(), 0x01);
    return response;
}

// Likewise with a right checksum in front of a content.
Response response_of_content(const Bytes& content) {
    Bytes encoded{1, static_cast<std::uint8_t>(4 + content.size()), 0, 0, 0, 0};
    crypto::store_be(encoded.data() + 2, crypto::fnv1a(content));
    append(encoded, content);
    return response_with(encoded);
}

TEST(SwitchAccount, FollowsTheVectorsInBothDirections) {
    const Json vectors = read_vectors("switch_account.json");
    EXPECT_EQ(vectors["cases"].items().size(), 3u);
    for (const Json& vector : vectors["cases"].items()) {
        SCOPED_TRACE(vector["name"].text());
        const SwitchAccount account = account_of(vector);
        Response sent;
        put_switch_account(account, sent);
        Bytes encoded{sent.command, sent.data_bytes};
        append(encoded, sent.data());
        EXPECT_EQ(to_hex(encoded), vector["encoded"].text());

        const auto got = switch_account_of(response_with(vector["encoded"].bytes()));
        ASSERT_TRUE(got);
        EXPECT_EQ(*got, account);
    }
}

TEST(SwitchAccount, OthersAreIgnored) {
    const Json vectors = read_vectors("switch_account.json");
    EXPECT_EQ(vectors["ignored"].items().size(), 5u);
    for (const Json& vector : vectors["ignored"].items()) {
        EXPECT_FALSE(switch_account_of(response_with(vector["encoded"].bytes())))
            << vector["name"].text();
    }
    EXPECT_FALSE(switch_account_of(Response{}));
}

// Programs have crashed on these (CVE-2021-4070).
TEST(SwitchAccount, EveryCutOfItsContentIsIgnored) {
    const Json vectors = read_vectors("switch_account.json");
    for (const Json& vector : vectors["cases"].items()) {
        const Bytes whole = vector["content"].bytes();
        for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
            Bytes content = whole;
            content.resize(bytes);
            EXPECT_FALSE(switch_account_of(response_of_content(content))) << bytes;
        }
        EXPECT_TRUE(switch_account_of(response_of_content(whole)));
        Bytes longer = whole;
        append(longer, payload_of(1, 9));
        EXPECT_EQ(switch_account_of(response_of_content(longer)), account_of(vector));
    }
    // Shorter than its own checksum.
    for (const std::string_view encoded : {"0100", "010181", "0102811c", "0103811c9d"}) {
        EXPECT_FALSE(switch_account_of(response_with(from_hex(encoded)))) << encoded;
    }
}

TEST(SwitchAccount, EveryFlippedBitIsIgnored) {
    const Json vectors = read_vectors("switch_account.json");
    for (const Json& vector : vectors["cases"].items()) {
        const Bytes encoded = vector["encoded"].bytes();
        for (std::size_t bit = 0; bit < 8 * encoded.size(); ++bit) {
            if (bit / 8 == 1) {
                continue;  // the length, which the header is cut by
            }
            Bytes damaged = encoded;
            damaged[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
            EXPECT_FALSE(switch_account_of(response_with(damaged))) << bit;
        }
    }
}

TEST(SwitchAccount, TheLongestHostFitsExactly) {
    SwitchAccount account;
    account.host = std::string(kSwitchHostBytesMax, 'x');
    Response response;
    put_switch_account(account, response);
    EXPECT_EQ(response.data_bytes, kCommandBytesMax);
    EXPECT_EQ(switch_account_of(response), account);
}

TEST(SwitchAccount, AHostThatNobodyCanDialIsIgnored) {
    for (const std::string_view host : {"a b", "a\nb", "ex*mple", "a/b", "\xc3\xa4.example"}) {
        SwitchAccount account;
        account.host = host;
        Response response;
        put_switch_account(account, response);
        EXPECT_FALSE(switch_account_of(response)) << host;
    }
    for (const std::string_view host : {"", "192.0.2.7", "2001:db8::1", "[2001:db8::1]", "a.b_c"}) {
        SwitchAccount account;
        account.host = host;
        Response response;
        put_switch_account(account, response);
        EXPECT_EQ(switch_account_of(response), account) << host;
    }
}

}  // namespace
}  // namespace ferry::test
