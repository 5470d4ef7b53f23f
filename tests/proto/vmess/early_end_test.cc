// An end chunk in front of all data: some clients send one while they wait for the target to speak,
// and go on later (vmess.md 18, "The early end chunk"). A server doubts it; nobody doubts any other
// end.
#include <gtest/gtest.h>

#include <optional>

#include "proto/vmess/chunk.h"
#include "tests/proto/vmess/support.h"

namespace ferry::test {
namespace {

using namespace proto::vmess;
using proto::Fault;

class EarlyEndTest : public testing::Test {
protected:
    // An empty chunk, so many chunks of data, and so many empty chunks.
    static Bytes wire_of(const BodyForm& form, int data, int ends) {
        const Request request = request_of(form);
        const ChunkKeys keys{.own = request.keys, .request = request.keys};
        const BodyShape shape = shape_of(request);
        ChunkLengths lengths(dispatch(), request.security, shape, keys);
        std::optional<AeadPayload> cipher;
        if (has_cipher(form)) {
            cipher.emplace(dispatch(), request.security, request.keys);
        }
        Bytes wire;
        const auto add = [&](const Bytes& payload) {
            const std::size_t tag_bytes = tag_bytes_of(form);
            Bytes field(lengths.field_bytes());
            const ChunkSize size = lengths.seal(payload.size() + tag_bytes, field);
            Bytes body = has_cfb(form) ? with_checksum(payload) : payload;
            body.resize(size.bytes);
            if (cipher) {
                cipher->seal(payload, ByteSpan(body).first(payload.size() + tag_bytes));
            }
            append(wire, field);
            append(wire, body);
        };
        add({});
        for (int chunk = 0; chunk < data; ++chunk) {
            add(payload_of(0, 10));
        }
        for (int chunk = 0; chunk < ends; ++chunk) {
            add({});
        }
        return has_cfb(form) ? under_cfb(request.keys, wire) : wire;
    }

    static Heard heard_by_server(const BodyForm& form, const Bytes& wire) {
        const Request request = request_of(form);
        return listen(*body_opener(request, request.keys, EarlyEnd::is_doubtful), wire);
    }

    static Heard heard_by_client(const BodyForm& form, const Bytes& wire) {
        const Request request = request_of(form);
        return listen(*body_opener(request, request.keys, EarlyEnd::is_end), wire);
    }

    const std::vector<BodyForm> forms_ = {
        {Command::tcp, Security::aes128_gcm, 0x0d},
        {Command::tcp, Security::chacha20_poly1305, 0x1d},
        {Command::tcp, Security::none, 0x05},
        {Command::tcp, Security::aes128_cfb, 0x01},
        {Command::tcp, Security::aes128_cfb, 0x0d},
    };
};

TEST_F(EarlyEndTest, DataBehindItTakesItBack) {
    for (const BodyForm& form : forms_) {
        SCOPED_TRACE(name_of(form));
        const Heard alone = heard_by_server(form, wire_of(form, 0, 0));
        EXPECT_EQ(alone.doubtful_ends, 1);
        EXPECT_FALSE(alone.ended);
        EXPECT_FALSE(alone.fault);

        const Heard taken_back = heard_by_server(form, wire_of(form, 2, 0));
        EXPECT_EQ(taken_back.doubtful_ends, 1);
        EXPECT_EQ(taken_back.plaintext.size(), 20u);
        EXPECT_FALSE(taken_back.ended);
        EXPECT_FALSE(taken_back.fault);
    }
}

TEST_F(EarlyEndTest, TheNextEndIsFinal) {
    for (const BodyForm& form : forms_) {
        SCOPED_TRACE(name_of(form));
        for (const int data : {0, 1, 2}) {
            const Heard heard = heard_by_server(form, wire_of(form, data, 1));
            EXPECT_EQ(heard.doubtful_ends, 1);
            EXPECT_TRUE(heard.ended);
            EXPECT_FALSE(heard.fault);

            const Heard more = heard_by_server(form, wire_of(form, data, 2));
            ASSERT_TRUE(more.fault);
            EXPECT_EQ(*more.fault, Fault::after_end);
        }
    }
}

TEST_F(EarlyEndTest, AClientHasNoDoubts) {
    for (const BodyForm& form : forms_) {
        SCOPED_TRACE(name_of(form));
        const Heard heard = heard_by_client(form, wire_of(form, 0, 0));
        EXPECT_TRUE(heard.ended);
        EXPECT_EQ(heard.doubtful_ends, 0);
        const Heard more = heard_by_client(form, wire_of(form, 1, 0));
        ASSERT_TRUE(more.fault);
        EXPECT_EQ(*more.fault, Fault::after_end);
    }
}

TEST_F(EarlyEndTest, AnEndBehindDataIsFinalForAServerToo) {
    for (const BodyForm& form : forms_) {
        SCOPED_TRACE(name_of(form));
        const Request request = request_of(form);
        const auto random = fixed_random(3);
        const auto sealer = body_sealer(request, request.keys, *random);
        Bytes wire = sealed(*sealer, payload_of(0, 5));
        append(wire, sealed_end(*sealer));
        const Heard heard = heard_by_server(form, wire);
        EXPECT_TRUE(heard.ended);
        EXPECT_EQ(heard.doubtful_ends, 0);
    }
}

}  // namespace
}  // namespace ferry::test
