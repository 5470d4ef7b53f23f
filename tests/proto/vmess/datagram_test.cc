// Bodies of datagrams: one chunk each, of any size that fits, and nothing drawn for one that does
// not.
#include "proto/vmess/datagram.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "proto/vmess/body.h"
#include "proto/vmess/shape.h"
#include "tests/proto/vmess/support.h"

namespace ferry::test {
namespace {

using namespace proto::vmess;

std::vector<Bytes> datagrams_of(const Json& vector) {
    std::vector<Bytes> datagrams;
    for (const Json& chunk : vector["chunks"].items()) {
        datagrams.push_back(payload_of(static_cast<std::size_t>(chunk["payload_index"].number()),
                                       static_cast<std::size_t>(chunk["payload_size"].number())));
    }
    return datagrams;
}

// In a buffer of exactly the size that is promised to be enough; empty if it is not taken.
Bytes sealed_datagram(proto::Sealer& sealer, ByteView datagram) {
    Bytes wire(datagram.size() + sealer.added_max());
    const auto bytes = seal_datagram(sealer, datagram, wire);
    wire.resize(bytes.value_or(0));
    return wire;
}

// Every datagram session that may be asked for, with chunks.
std::vector<BodyForm> datagram_forms() {
    std::vector<BodyForm> forms = all_forms();
    for (BodyForm& form : forms) {
        form.command = Command::udp;
    }
    std::erase_if(forms, [](const BodyForm& form) { return !keeps_datagrams(request_of(form)); });
    EXPECT_GT(forms.size(), 10u);
    return forms;
}

TEST(Datagram, VectorsAreOpenedOneByOne) {
    std::mt19937_64 random(1);
    const Json vectors = read_vectors("body_packet.json");
    EXPECT_EQ(vectors["cases"].items().size(), 36u);
    for (const Json& vector : vectors["cases"].items()) {
        const BodyCase body(vector);
        SCOPED_TRACE(body.name);
        EXPECT_TRUE(keeps_datagrams(body.request));
        Bytes wire;
        for (const Json& chunk : vector["chunks"].items()) {
            append(wire, chunk["wire"].bytes());
        }
        append(wire, vector["end_of_stream"].bytes());
        for (int round = 0; round < 10; ++round) {
            const auto pieces = round == 0   ? std::vector<std::size_t>{}
                                : round == 1 ? single_bytes(wire.size())
                                             : random_pieces(wire.size(), random);
            const auto opener = body_opener(body.request, body.own);
            const Heard heard = listen(*opener, wire, pieces);
            EXPECT_FALSE(heard.fault);
            EXPECT_TRUE(heard.ended);
            ASSERT_EQ(heard.units, datagrams_of(vector));
        }
    }
}

TEST(Datagram, VectorsAreSealedOneByOne) {
    const Json vectors = read_vectors("body_packet.json");
    for (const Json& vector : vectors["cases"].items()) {
        const BodyCase body(vector);
        SCOPED_TRACE(body.name);
        const BodyShape shape = shape_of(body.request);
        const std::size_t around =
            (shape.lengths == Lengths::sealed ? 18 : 2) +
            tag_bytes_of({body.request.command, body.request.security, body.request.options});
        // What follows a padding under this cipher depends on it, and paddings are random.
        const bool is_chained =
            body.request.security == Security::aes128_cfb && shape.padding == Padding::on;

        const auto random = fixed_random(1);
        const auto sealer = body_sealer(body.request, body.own, *random);
        const std::vector<Bytes> datagrams = datagrams_of(vector);
        Bytes all;
        for (std::size_t index = 0; index < datagrams.size(); ++index) {
            const Bytes wire = sealed_datagram(*sealer, datagrams[index]);
            const Bytes expected = vector["chunks"][index]["wire"].bytes();
            ASSERT_EQ(wire.size(), expected.size());
            if (index == 0 || !is_chained) {
                const auto fixed = static_cast<std::ptrdiff_t>(around + datagrams[index].size());
                EXPECT_TRUE(std::equal(wire.begin(), wire.begin() + fixed, expected.begin()));
            }
            append(all, wire);
        }
        EXPECT_EQ(listen(*body_opener(body.request, body.own), all).units, datagrams);
    }
}

struct LargestRow {
    Security security;
    std::uint8_t options;
    std::size_t bytes;
};

// 65 535 bytes less the tag or checksum, and less 63 under padding.
TEST(Datagram, TheLargestByTheFormat) {
    constexpr std::array kLargest{
        LargestRow{Security::aes128_gcm, 0x00, 65'519},
        LargestRow{Security::aes128_gcm, 0x05, 65'519},
        LargestRow{Security::aes128_gcm, 0x0d, 65'456},
        LargestRow{Security::aes128_gcm, 0x1d, 65'456},
        LargestRow{Security::chacha20_poly1305, 0x0d, 65'456},
        LargestRow{Security::chacha20_poly1305, 0x11, 65'519},
        LargestRow{Security::aes128_cfb, 0x01, 65'531},
        LargestRow{Security::aes128_cfb, 0x0d, 65'468},
        LargestRow{Security::none, 0x01, 65'535},
        LargestRow{Security::none, 0x05, 65'535},
        LargestRow{Security::none, 0x0d, 65'472},
    };
    for (const LargestRow& row : kLargest) {
        const Request request = request_of({Command::udp, row.security, row.options});
        const auto random = fixed_random(1);
        const auto sealer = body_sealer(request, request.keys, *random);
        EXPECT_EQ(sealer->payload_max(), row.bytes)
            << name_of({Command::udp, row.security, row.options});
    }
}

TEST(Datagram, TheLargestPassesWhateverPaddingIsDrawn) {
    for (const BodyForm& form : datagram_forms()) {
        SCOPED_TRACE(name_of(form));
        const Request request = request_of(form);
        const auto random = fixed_random(3);
        const auto sealer = body_sealer(request, request.keys, *random);
        const auto opener = body_opener(request, request.keys);
        const Bytes largest = payload_of(0, sealer->payload_max());
        for (int round = 0; round < 12; ++round) {
            const Heard heard = listen(*opener, sealed_datagram(*sealer, largest), {2, 5, 30'000});
            ASSERT_FALSE(heard.fault);
            ASSERT_EQ(heard.units, std::vector<Bytes>{largest});
        }
    }
}

// A sealer that had drawn a word or counted a nonce for one that it does not take could not be
// followed any more.
TEST(Datagram, OneThatDoesNotFitLeavesNoTrace) {
    for (const BodyForm& form : datagram_forms()) {
        SCOPED_TRACE(name_of(form));
        const Request request = request_of(form);
        const auto random = fixed_random(3);
        const auto sealer = body_sealer(request, request.keys, *random);
        const auto opener = body_opener(request, request.keys);
        for (std::size_t round = 0; round < 20; ++round) {
            const Bytes datagram = payload_of(round, 100 + round);
            Bytes room(datagram.size() + sealer->added_max() - 1);
            EXPECT_FALSE(seal_datagram(*sealer, datagram, room));
            EXPECT_FALSE(seal_datagram(*sealer, datagram, {}));
            EXPECT_TRUE(sealed_datagram(*sealer, {}).empty());
            EXPECT_TRUE(sealed_datagram(*sealer, Bytes(sealer->payload_max() + 1)).empty());
            EXPECT_TRUE(sealed_datagram(*sealer, Bytes(70'000)).empty());
            const Heard heard = listen(*opener, sealed_datagram(*sealer, datagram));
            ASSERT_EQ(heard.units, std::vector<Bytes>{datagram});
        }
    }
}

// Behind a header too, which then waits for the first one that fits.
TEST(Datagram, TheFirstOneTakesTheHeaderWithIt) {
    for (const BodyForm& form : datagram_forms()) {
        SCOPED_TRACE(name_of(form));
        const Request request = request_of(form);
        const auto random = fixed_random(3);
        const auto sealer = *make_response_sealer(dispatch(), *random, request, std::nullopt);
        const auto opener = *make_response_opener(dispatch(), request);
        EXPECT_LE(sealer->payload_max() + sealer->added_max(), kSealedDatagramBytesMax);
        EXPECT_TRUE(sealed_datagram(*sealer, Bytes(70'000)).empty());
        const Bytes first = payload_of(0, 512);
        const Bytes second = payload_of(1, 1350);
        Bytes wire = sealed_datagram(*sealer, first);
        append(wire, sealed_datagram(*sealer, second));
        const Heard heard = listen(*opener, wire, single_bytes(40));
        EXPECT_FALSE(heard.fault);
        EXPECT_EQ(heard.units, (std::vector<Bytes>{first, second}));
        EXPECT_TRUE(heard.may_end);
    }
}

TEST(Datagram, HasAChunkOfItsOwnWhereThereAreAny) {
    const auto keeps = [](Command command, Security security, unsigned options) {
        return keeps_datagrams(request_of({command, security, static_cast<std::uint8_t>(options)}));
    };
    EXPECT_TRUE(keeps(Command::udp, Security::aes128_gcm, 0x00));
    EXPECT_TRUE(keeps(Command::udp, Security::chacha20_poly1305, 0x0d));
    EXPECT_TRUE(keeps(Command::udp, Security::none, 0x01));
    EXPECT_TRUE(keeps(Command::udp, Security::aes128_cfb, 0x05));
    EXPECT_FALSE(keeps(Command::udp, Security::none, 0x00));
    EXPECT_FALSE(keeps(Command::udp, Security::aes128_cfb, 0x04));
    EXPECT_FALSE(keeps(Command::tcp, Security::aes128_gcm, 0x0d));
    EXPECT_FALSE(keeps(Command::mux, Security::aes128_gcm, 0x0d));
}

}  // namespace
}  // namespace ferry::test
