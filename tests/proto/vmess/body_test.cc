// The four codecs of a session, as server and client use them: headers first, then bodies.
#include "proto/vmess/body.h"

#include <gtest/gtest.h>

#include <optional>

#include "proto/vmess/legacy_request.h"
#include "tests/proto/vmess/support.h"

namespace ferry::test {
namespace {

using namespace proto::vmess;
using proto::Fault;

const UserId& body_user() {
    static const UserId id = *parse_uuid("b831381d-6324-4d53-ad4f-8cda48b30811");
    return id;
}

const CommandKey& user_key() {
    static const CommandKey key(body_user());
    return key;
}

// Both sides of one connection.
struct Ends {
    Ends(const BodyForm& body, HeaderForm header,
         const std::optional<SwitchAccount>& account = std::nullopt)
        : request(request_of(body)), random(fixed_random(9)) {
        request.form = header;
        if (header == HeaderForm::aead) {
            request_sealer = *make_request_sealer(dispatch(), *random, user_key(), kNow, request);
        } else {
            const LegacyStamp stamp{AlternativeIds(body_user()).next(), kNow};
            request_sealer = *make_request_sealer(dispatch(), *random, user_key(), stamp, request);
        }
        request_opener = *make_request_opener(dispatch(), request);
        response_sealer = *make_response_sealer(dispatch(), *random, request, account);
        response_opener = *make_response_opener(dispatch(), request);
    }

    // Of an answer without an account.
    std::size_t answer_bytes() const { return request.form == HeaderForm::aead ? 38 : 4; }

    Request request;
    std::unique_ptr<crypto::Random> random;
    std::unique_ptr<proto::Sealer> request_sealer;
    std::unique_ptr<proto::Opener> request_opener;
    std::unique_ptr<proto::Sealer> response_sealer;
    std::unique_ptr<proto::Opener> response_opener;
};

// Calls `check(body, header)` for every form of a body behind either form of a header.
template <class Check>
void for_each_connection(Check check) {
    for (const HeaderForm header : {HeaderForm::aead, HeaderForm::legacy}) {
        for (const BodyForm& body : all_forms()) {
            SCOPED_TRACE(name_of(body) + (header == HeaderForm::aead ? ", aead" : ", legacy"));
            check(body, header);
        }
    }
}

// What a server makes of the front of a connection: the request, and the size of its header.
std::size_t header_bytes(ByteView wire, HeaderForm form, Request& request) {
    if (form == HeaderForm::legacy) {
        auto opened = open_legacy_request(dispatch(), user_key(), kNow, wire);
        EXPECT_TRUE(opened);
        EXPECT_EQ(opened->kind, LegacyOpened::Kind::header);
        request = std::move(opened->request);
        return opened->bytes;
    }
    const auto bytes = request_bytes(dispatch(), user_key(), wire.first(kPrefixBytes));
    EXPECT_TRUE(bytes);
    Bytes header(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(*bytes));
    auto opened = open_request(dispatch(), user_key(), header);
    EXPECT_TRUE(opened);
    request = std::move(*opened);
    return *bytes;
}

TEST(Body, ARequestGoesFromClientToServer) {
    for_each_connection([&](const BodyForm& form, HeaderForm header) {
        Ends ends(form, header);
        Bytes wire = sealed(*ends.request_sealer, payload_of(0, 100));
        append(wire, sealed(*ends.request_sealer, payload_of(1, kPayloadBytesMax)));
        append(wire, sealed_end(*ends.request_sealer));

        Request request;
        const std::size_t bytes = header_bytes(wire, header, request);
        EXPECT_EQ(request.form, header);
        EXPECT_EQ(request.command, form.command);
        EXPECT_EQ(request.security, form.security);
        EXPECT_EQ(request.options, form.options);
        EXPECT_EQ(request.target, ends.request.target);
        const auto opener = make_request_opener(dispatch(), request);
        ASSERT_TRUE(opener);
        const Heard heard = listen(**opener, ByteView(wire).subspan(bytes));
        Bytes expected = payload_of(0, 100);
        append(expected, payload_of(1, kPayloadBytesMax));
        EXPECT_TRUE(heard.plaintext == expected);
        EXPECT_FALSE(heard.fault);
        EXPECT_TRUE(heard.may_end);
        EXPECT_EQ(heard.ended, (form.options & kOptionChunks) != 0);
    });
}

TEST(Body, AnAnswerGoesFromServerToClient) {
    std::mt19937_64 random(12);
    for_each_connection([&](const BodyForm& form, HeaderForm header) {
        Ends ends(form, header);
        Bytes wire = sealed(*ends.response_sealer, payload_of(0, 100));
        append(wire, sealed(*ends.response_sealer, payload_of(1, 2'000)));
        append(wire, sealed_end(*ends.response_sealer));
        for (int round = 0; round < 4; ++round) {
            const auto opener = make_response_opener(dispatch(), ends.request);
            ASSERT_TRUE(opener);
            const auto pieces = round == 0   ? std::vector<std::size_t>{}
                                : round == 1 ? single_bytes(wire.size())
                                             : random_pieces(wire.size(), random);
            const Heard heard = listen(**opener, wire, pieces);
            Bytes expected = payload_of(0, 100);
            append(expected, payload_of(1, 2'000));
            EXPECT_FALSE(heard.fault);
            EXPECT_EQ(heard.plaintext, expected);
            EXPECT_TRUE(heard.may_end);
            EXPECT_EQ(heard.ended, (form.options & kOptionChunks) != 0);
            EXPECT_EQ(heard.edges.front(),
                      ends.answer_bytes());  // the header is a unit without plaintext
        }
    });
}

TEST(Body, HeadersAreWrittenOnceAndOnlyBeforeData) {
    for_each_connection([&](const BodyForm& form, HeaderForm header) {
        Ends alone(form, header);
        EXPECT_EQ(sealed_header(*alone.response_sealer).size(), alone.answer_bytes());
        EXPECT_TRUE(sealed_header(*alone.response_sealer).empty());
        EXPECT_GE(sealed_header(*alone.request_sealer).size(),
                  kAuthIdBytes + kPlainRequestBytesMin);
        EXPECT_TRUE(sealed_header(*alone.request_sealer).empty());

        Ends with_data(form, header);
        const std::size_t longest = with_data.response_sealer->added_max();
        const Bytes first = sealed(*with_data.response_sealer, payload_of(0, 10));
        EXPECT_TRUE(sealed_header(*with_data.response_sealer).empty());
        EXPECT_EQ(with_data.response_sealer->added_max(), longest - with_data.answer_bytes());
        EXPECT_GE(first.size(), 10 + with_data.answer_bytes());
    });
}

// A target that says nothing: the answer is a header, and an end if the options promise one.
TEST(Body, AnEndBringsTheHeaderAlong) {
    for_each_connection([&](const BodyForm& form, HeaderForm header) {
        Ends ends(form, header);
        const Bytes wire = sealed_end(*ends.response_sealer);
        EXPECT_GE(wire.size(), ends.answer_bytes());
        EXPECT_TRUE(sealed_end(*ends.response_sealer).empty());
        const Heard heard = listen(*ends.response_opener, wire);
        EXPECT_FALSE(heard.fault);
        EXPECT_TRUE(heard.plaintext.empty());
        EXPECT_TRUE(heard.may_end);
        EXPECT_EQ(heard.ended, (form.options & kOptionChunks) != 0);
    });
}

TEST(Body, AnAnswerMayEndBehindItsHeaderButNotInIt) {
    for_each_connection([&](const BodyForm& form, HeaderForm header) {
        Ends ends(form, header);
        const Bytes wire = sealed_header(*ends.response_sealer);
        for (std::size_t bytes = 0; bytes <= wire.size(); ++bytes) {
            const auto opener = make_response_opener(dispatch(), ends.request);
            const Heard heard = listen(**opener, ByteView(wire).first(bytes));
            EXPECT_FALSE(heard.fault);
            EXPECT_EQ((*opener)->may_end(), bytes == wire.size()) << bytes;
        }
    });
}

TEST(Body, OnlyRawBodiesBecomePlainAndOnlyBehindTheirHeader) {
    for_each_connection([&](const BodyForm& form, HeaderForm header) {
        Ends ends(form, header);
        const bool is_raw = form.security == Security::none && (form.options & kOptionChunks) == 0;
        EXPECT_EQ(ends.request_opener->plain(), is_raw);
        EXPECT_FALSE(ends.response_opener->plain());
        EXPECT_FALSE(ends.request_sealer->plain());
        EXPECT_FALSE(ends.response_sealer->plain());
        listen(*ends.response_opener, sealed_header(*ends.response_sealer));
        sealed_header(*ends.request_sealer);
        EXPECT_EQ(ends.response_opener->plain(), is_raw);
        EXPECT_EQ(ends.request_sealer->plain(), is_raw);
        EXPECT_EQ(ends.response_sealer->plain(), is_raw);
    });
}

TEST(Body, AnAnswerToAnotherRequestIsRefused) {
    Ends ends({Command::tcp, Security::aes128_gcm, 0x0d}, HeaderForm::aead);
    Request other = ends.request;
    other.response_tag ^= 1;
    const auto mismatch = make_response_opener(dispatch(), other);
    const Bytes wire = sealed_header(*ends.response_sealer);
    const Heard heard = listen(**mismatch, wire);
    ASSERT_TRUE(heard.fault);
    EXPECT_EQ(*heard.fault, Fault::response_mismatch);

    other = ends.request;
    other.keys.key[0] ^= 1;
    const auto stranger = make_response_opener(dispatch(), other);
    const Heard nothing = listen(**stranger, wire);
    ASSERT_TRUE(nothing.fault);
    EXPECT_EQ(*nothing.fault, Fault::bad_tag);
}

TEST(Body, AnAnswerOfTheOlderFormToAnotherRequestIsRefusedToo) {
    Ends ends({Command::tcp, Security::aes128_cfb, 0x01}, HeaderForm::legacy);
    const Bytes wire = sealed_header(*ends.response_sealer);
    for (const int change : {1, 2, 0x80}) {
        Request other = ends.request;
        other.response_tag ^= static_cast<std::uint8_t>(change);
        const Heard heard = listen(**make_response_opener(dispatch(), other), wire);
        ASSERT_TRUE(heard.fault);
        EXPECT_EQ(*heard.fault, Fault::response_mismatch);
    }
    Request other = ends.request;
    other.keys.key[0] ^= 1;
    EXPECT_TRUE(listen(**make_response_opener(dispatch(), other), wire).fault);
}

// Counts what it hears, in a place that outlives it.
class Listener final : public AccountObserver {
public:
    struct Notes {
        std::vector<SwitchAccount> accounts;
        int gone = 0;
    };

    explicit Listener(Notes& notes) : notes_(notes) {}
    ~Listener() override { ++notes_.gone; }

    void switch_account(const SwitchAccount& account) override {
        notes_.accounts.push_back(account);
    }

private:
    Notes& notes_;
};

SwitchAccount some_account() {
    SwitchAccount account;
    account.host = "edge.example.net";
    account.port = 10'086;
    account.id = body_user();
    account.alter_ids = 64;
    account.level = 1;
    account.valid_minutes = 5;
    return account;
}

TEST(Body, AnAccountInTheHeaderIsHeardOnceAndTheBodyGoesOn) {
    std::mt19937_64 random(13);
    for_each_connection([&](const BodyForm& form, HeaderForm header) {
        Ends ends(form, header, some_account());
        Bytes wire = sealed(*ends.response_sealer, payload_of(0, 100));
        append(wire, sealed_end(*ends.response_sealer));
        for (int round = 0; round < 4; ++round) {
            Listener::Notes notes;
            const auto opener =
                make_response_opener(dispatch(), ends.request, std::make_unique<Listener>(notes));
            ASSERT_TRUE(opener);
            const auto pieces = round == 0   ? std::vector<std::size_t>{}
                                : round == 1 ? single_bytes(wire.size())
                                             : random_pieces(wire.size(), random);
            const Heard heard = listen(**opener, wire, pieces);
            EXPECT_FALSE(heard.fault);
            EXPECT_EQ(heard.plaintext, payload_of(0, 100));
            EXPECT_EQ(heard.edges.front(), ends.answer_bytes() + 27 + 16);
            EXPECT_EQ(notes.accounts, std::vector{some_account()});
            EXPECT_EQ(notes.gone, 1);  // it goes with the header
        }
    });
}

TEST(Body, NobodyHearsOfAnAccountBeforeTheHeaderIsWholeAndGood) {
    for (const HeaderForm header : {HeaderForm::aead, HeaderForm::legacy}) {
        Ends ends({Command::tcp, Security::aes128_cfb, 0x01}, header, some_account());
        const Bytes wire = sealed_header(*ends.response_sealer);
        for (std::size_t bytes = 0; bytes < wire.size(); ++bytes) {
            Listener::Notes notes;
            {
                const auto opener = make_response_opener(dispatch(), ends.request,
                                                         std::make_unique<Listener>(notes));
                listen(**opener, ByteView(wire).first(bytes));
                EXPECT_TRUE(notes.accounts.empty());
                EXPECT_EQ(notes.gone, 0);
            }
            EXPECT_EQ(notes.gone, 1);
        }
        for (std::size_t bit = 0; bit < 8 * wire.size(); ++bit) {
            Bytes damaged = wire;
            damaged[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
            append(damaged, Bytes(300));
            Listener::Notes notes;
            const auto opener =
                make_response_opener(dispatch(), ends.request, std::make_unique<Listener>(notes));
            listen(**opener, damaged);
            // In the older form nothing covers the first four bytes, but a change to their block
            // garbles the next one, which the instruction's own checksum covers.
            EXPECT_TRUE(notes.accounts.empty()) << bit;
        }
    }
}

TEST(Body, TheServerDoubtsAnEarlyEndAndTheClientDoesNot) {
    Ends ends({Command::tcp, Security::aes128_gcm, 0x0d}, HeaderForm::aead);
    sealed_header(*ends.request_sealer);
    const Heard by_server = listen(*ends.request_opener, sealed_end(*ends.request_sealer));
    EXPECT_EQ(by_server.doubtful_ends, 1);
    EXPECT_FALSE(by_server.ended);
    const Heard by_client = listen(*ends.response_opener, sealed_end(*ends.response_sealer));
    EXPECT_EQ(by_client.doubtful_ends, 0);
    EXPECT_TRUE(by_client.ended);
}

// A unit, its paddings and the longest header fit a slot of 16 KiB.
TEST(Body, TheFirstUnitFitsASlot) {
    Request request = request_of({Command::tcp, Security::aes128_gcm, 0x1d});
    request.target = *proto::address_from(std::string(255, 'n'), 1);
    const auto random = fixed_random(1);
    const auto sealer = make_request_sealer(dispatch(), *random, user_key(), kNow, request);
    ASSERT_TRUE(sealer);
    EXPECT_LE((*sealer)->payload_max() + (*sealer)->added_max(), 16'384u);
}

}  // namespace
}  // namespace ferry::test
