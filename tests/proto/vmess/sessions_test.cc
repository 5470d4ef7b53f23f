// Whole connections, as recorded in the vectors: opened from both ends, byte by byte and at once.
#include <gtest/gtest.h>

#include <optional>

#include "proto/vmess/body.h"
#include "proto/vmess/legacy_request.h"
#include "tests/proto/vmess/support.h"

namespace ferry::test {
namespace {

using namespace proto::vmess;

Bytes joined(const Json& payloads) {
    Bytes all;
    for (const Json& payload : payloads.items()) {
        append(all, payload.bytes());
    }
    return all;
}

std::vector<std::vector<std::size_t>> ways_to_cut(std::size_t bytes, std::mt19937_64& random) {
    return {{}, single_bytes(bytes), random_pieces(bytes, random), random_pieces(bytes, random)};
}

void expect_stream(const Heard& heard, const Json& payloads) {
    EXPECT_FALSE(heard.fault);
    EXPECT_EQ(heard.plaintext, joined(payloads));
    EXPECT_TRUE(heard.may_end);
}

template <class Check>
void for_each_session(Check check) {
    const Json vectors = read_vectors("sessions.json");
    for (const Json& vector : vectors["cases"].items()) {
        SCOPED_TRACE(vector["name"].text());
        check(vector);
    }
    EXPECT_EQ(vectors["cases"].items().size(), 15u);
}

bool is_legacy(const Json& vector) {
    return vector["authentication"].text() == "legacy";
}

UserId user_of(const Json& vector) {
    UserId id;
    id.bytes = array_of<16>(vector["user_id"].bytes());
    return id;
}

// The time of the id that has signed a request of the older form, found as a server finds it.
std::optional<std::int64_t> signed_time(const Json& vector) {
    const Bytes wire = vector["request_wire"].bytes();
    const std::string token = to_hex(ByteView(wire).first<kAuthIdBytes>());
    std::vector<UserId> ids{user_of(vector)};
    AlternativeIds alternatives(ids.front());
    for (std::int64_t id = 0; id < vector["alternative_ids"].number(); ++id) {
        ids.push_back(alternatives.next());
    }
    const std::int64_t now = vector["clock"].number();
    for (std::int64_t time = now - kTimeWindowSeconds; time <= now + kTimeWindowSeconds; ++time) {
        for (const UserId& id : ids) {
            if (to_hex(time_token(id, time)) == token) {
                return time;
            }
        }
    }
    return std::nullopt;
}

Request sealed_request_of(const Json& vector) {
    const CommandKey key(user_of(vector));
    const Bytes wire = vector["request_wire"].bytes();
    const auto bytes = request_bytes(dispatch(), key, ByteView(wire).first(kPrefixBytes));
    EXPECT_TRUE(bytes);
    EXPECT_EQ(static_cast<std::int64_t>(*bytes), vector["header_size"].number());
    Bytes header(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(*bytes));
    auto request = open_request(dispatch(), key, header);
    EXPECT_TRUE(request);
    return std::move(*request);
}

Request request_of_session(const Json& vector) {
    if (!is_legacy(vector)) {
        return sealed_request_of(vector);
    }
    const auto time = signed_time(vector);
    EXPECT_TRUE(time);
    const CommandKey key(user_of(vector));
    const Bytes wire = vector["request_wire"].bytes();
    auto opened = open_legacy_request(dispatch(), key, *time, wire);
    EXPECT_TRUE(opened);
    EXPECT_EQ(opened->kind, LegacyOpened::Kind::header);
    EXPECT_EQ(static_cast<std::int64_t>(opened->bytes), vector["header_size"].number());
    return std::move(opened->request);
}

TEST(Sessions, TheAuthIdIsOfTheUserAndTheTime) {
    for_each_session([](const Json& vector) {
        if (is_legacy(vector)) {
            EXPECT_TRUE(signed_time(vector));
            return;
        }
        const Key16 id_key = auth_id_key(*dispatch().sha256, CommandKey(user_of(vector)));
        const Bytes wire = vector["request_wire"].bytes();
        const auto time =
            open_auth_id(*dispatch().aes128, id_key.view(), ByteView(wire).first<kAuthIdBytes>());
        ASSERT_TRUE(time);
        EXPECT_TRUE(in_time_window(*time, vector["clock"].number()));
    });
}

TEST(Sessions, TheRequestIsUnderstood) {
    for_each_session([](const Json& vector) {
        const Request request = request_of_session(vector);
        EXPECT_EQ(request.form == HeaderForm::legacy, is_legacy(vector));
        EXPECT_EQ(static_cast<int>(request.command), vector["command"].number());
        EXPECT_EQ(static_cast<int>(request.security), vector["security"].number());
        EXPECT_EQ(request.options, vector["option"].number());
        EXPECT_EQ(request.response_tag, vector["response_v"].number());
        EXPECT_EQ(to_hex(request.keys.key), vector["body_key"].text());
        EXPECT_EQ(to_hex(request.keys.iv), vector["body_iv"].text());
    });
}

TEST(Sessions, TheServerHearsTheClient) {
    std::mt19937_64 random(21);
    for_each_session([&](const Json& vector) {
        const Request request = request_of_session(vector);
        const Bytes wire = vector["request_wire"].bytes();
        const ByteView body =
            ByteView(wire).subspan(static_cast<std::size_t>(vector["header_size"].number()));
        for (const auto& pieces : ways_to_cut(body.size(), random)) {
            const auto opener = make_request_opener(dispatch(), request);
            ASSERT_TRUE(opener);
            expect_stream(listen(**opener, body, pieces), vector["request_payloads"]);
        }
    });
}

TEST(Sessions, TheClientHearsTheServer) {
    std::mt19937_64 random(22);
    for_each_session([&](const Json& vector) {
        const Request request = request_of_session(vector);
        const Bytes wire = vector["response_wire"].bytes();
        for (const auto& pieces : ways_to_cut(wire.size(), random)) {
            const auto opener = make_response_opener(dispatch(), request);
            ASSERT_TRUE(opener);
            const Heard heard = listen(**opener, wire, pieces);
            expect_stream(heard, vector["response_payloads"]);
            EXPECT_EQ(static_cast<std::int64_t>(heard.edges.front()),
                      vector["response_header_size"].number());
        }
    });
}

TEST(Sessions, TheServersHeaderIsTheRecordedOne) {
    for_each_session([](const Json& vector) {
        const Request request = request_of_session(vector);
        const auto random = fixed_random(1);
        const auto sealer = make_response_sealer(dispatch(), *random, request);
        ASSERT_TRUE(sealer);
        const Bytes wire = vector["response_wire"].bytes();
        const auto bytes = vector["response_header_size"].number();
        const Bytes recorded(wire.begin(), wire.begin() + bytes);
        EXPECT_EQ(to_hex(sealed_header(**sealer)), to_hex(recorded));
    });
}

}  // namespace
}  // namespace ferry::test
