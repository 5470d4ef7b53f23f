// The key derivation is that of the vectors, and a label leads to the same bytes as its text.
#include "proto/vmess/kdf.h"

#include <gtest/gtest.h>

#include "tests/proto/vmess/support.h"

namespace ferry::test {
namespace {

using namespace proto::vmess;

ByteView bytes_of(std::string_view text, Bytes& store) {
    store.assign(text.begin(), text.end());
    return store;
}

Key32 derive(const Bytes& key, const std::vector<Bytes>& path) {
    const crypto::HashRow& hash = *dispatch().sha256;
    switch (path.size()) {
        case 0:
            return kdf(hash, key, {});
        case 1:
            return kdf(hash, key, {path[0]});
        case 2:
            return kdf(hash, key, {path[0], path[1]});
        default:
            return kdf(hash, key, {path[0], path[1], path[2]});
    }
}

TEST(Kdf, FollowsTheVectors) {
    const Json vectors = read_vectors("kdf.json");
    for (const Json& vector : vectors["cases"].items()) {
        std::vector<Bytes> path;
        for (const Json& element : vector["path"].items()) {
            path.push_back(element.bytes());
        }
        ASSERT_LE(path.size(), kPathMax);
        EXPECT_EQ(to_hex(derive(vector["key"].bytes(), path).view()), vector["output"].text())
            << vector["name"].text();
    }
}

// The states behind labels are constants in the source: this computes each of them again.
TEST(Kdf, ALabelIsAsGoodAsItsText) {
    const crypto::HashRow& hash = *dispatch().sha256;
    const Bytes key = payload_of(1, 16);
    const Bytes id = payload_of(2, 16);
    const Bytes nonce = payload_of(3, 8);
    for (std::size_t index = 0; index < kLabelCount; ++index) {
        const auto label = static_cast<Label>(index);
        Bytes store;
        const ByteView text = bytes_of(text_of(label), store);
        EXPECT_EQ(to_hex(kdf(hash, key, label).view()), to_hex(kdf(hash, key, {text}).view()))
            << text_of(label);
        EXPECT_EQ(to_hex(kdf(hash, key, label, {id, nonce}).view()),
                  to_hex(kdf(hash, key, {text, id, nonce}).view()))
            << text_of(label);
    }
}

TEST(Kdf, ShorterResultsAreItsFront) {
    const crypto::HashRow& hash = *dispatch().sha256;
    const Bytes key = payload_of(1, 16);
    const std::string whole = to_hex(kdf(hash, key, Label::response_key).view());
    EXPECT_EQ(to_hex(kdf16(hash, key, Label::response_key).view()), whole.substr(0, 32));
}

// Every way through the blocks: the padding fits behind the key or not, the key has whole blocks,
// an element of the path is longer than a block.
TEST(Kdf, APairIsAsGoodAsTwo) {
    const crypto::HashRow& hash = *dispatch().sha256;
    constexpr auto kKeyLabel = Label::response_key;
    constexpr auto kNonceLabel = Label::response_nonce;
    for (const std::size_t bytes : {0, 16, 55, 56, 63, 64, 65, 119, 120, 128, 200}) {
        const Bytes first = payload_of(1, bytes);
        const Bytes second = payload_of(2, bytes);
        for (const std::size_t element_bytes : {0, 8, 64, 65, 130}) {
            const Bytes element = payload_of(3, element_bytes);
            const SealKeys pair =
                seal_keys(hash, {kKeyLabel, kNonceLabel}, {first, second}, {element});
            const auto key = kdf(hash, first, kKeyLabel, {element});
            const auto nonce = kdf(hash, second, kNonceLabel, {element});
            EXPECT_EQ(to_hex(pair.key.view()), to_hex(key.view()).substr(0, 32)) << bytes;
            EXPECT_EQ(to_hex(pair.nonce), to_hex(nonce.view()).substr(0, 24)) << bytes;
        }
    }
}

// The labels as the protocol spells them, in its own irregular way.
TEST(Kdf, LabelsAreSpelledAsOnTheWire) {
    EXPECT_EQ(text_of(Label::auth_id_key), "AES Auth ID Encryption");
    EXPECT_EQ(text_of(Label::request_length_key), "VMess Header AEAD Key_Length");
    EXPECT_EQ(text_of(Label::request_length_nonce), "VMess Header AEAD Nonce_Length");
    EXPECT_EQ(text_of(Label::request_key), "VMess Header AEAD Key");
    EXPECT_EQ(text_of(Label::request_nonce), "VMess Header AEAD Nonce");
    EXPECT_EQ(text_of(Label::response_length_key), "AEAD Resp Header Len Key");
    EXPECT_EQ(text_of(Label::response_length_nonce), "AEAD Resp Header Len IV");
    EXPECT_EQ(text_of(Label::response_key), "AEAD Resp Header Key");
    EXPECT_EQ(text_of(Label::response_nonce), "AEAD Resp Header IV");
    EXPECT_EQ(text_of(Label::chunk_length_key), "auth_len");
}

}  // namespace
}  // namespace ferry::test
