#include "tests/crypto/wycheproof_file.h"

#include <algorithm>
#include <array>
#include <optional>

namespace ferry::test {

namespace {

using Kind = Json::Kind;

struct Algorithm {
    std::string_view name;
    Primitive primitive;
    std::int64_t key_bits;    // 0: any
    std::int64_t nonce_bits;  // 0: there is none
};

constexpr auto kAlgorithms = std::to_array<Algorithm>({
    {"AES-GCM", Primitive::aes128_gcm, 128, 96},
    {"CHACHA20-POLY1305", Primitive::chacha20_poly1305, 256, 96},
    {"HMACSHA256", Primitive::hmac_sha256, 0, 0},
});
constexpr std::int64_t kTagBitsMax = 256;
constexpr std::int64_t kAeadTagBits = 128;

// Reads one file; the first mistake is kept, and nothing is read after it.
class Reader {
public:
    std::expected<WycheproofFile, std::string> whole(const Json& json) {
        at_ = "the file";
        read(json);
        if (!mistake_.empty()) {
            return std::unexpected(mistake_);
        }
        return std::move(file_);
    }

private:
    void read(const Json& json) {
        if (json.kind() != Kind::object) {
            fail("is not a JSON object");
            return;
        }
        file_.algorithm = text(json, "algorithm");
        if (failed()) {
            return;
        }
        const auto known = std::ranges::find(kAlgorithms, file_.algorithm, &Algorithm::name);
        if (known == kAlgorithms.end()) {
            fail("is about the algorithm \"" + file_.algorithm +
                 "\"; known are AES-GCM, CHACHA20-POLY1305 and HMACSHA256");
            return;
        }
        algorithm_ = *known;
        file_.primitive = algorithm_.primitive;
        if (json.has("numberOfTests")) {
            file_.cases_promised = number(json, "numberOfTests");
        }
        const std::vector<Json>& groups = list(json, "testGroups");
        for (std::size_t index = 0; index < groups.size() && !failed(); ++index) {
            at_ = "testGroups[" + std::to_string(index) + "]";
            read_group(groups[index]);
        }
    }

    void read_group(const Json& group) {
        if (group.kind() != Kind::object) {
            fail("is not an object");
            return;
        }
        const std::string here = at_;
        const std::vector<Json>& cases = list(group, "tests");
        const std::string reason = reason_to_skip(group);
        const auto tag_bytes = static_cast<std::size_t>(number(group, "tagSize")) / 8;
        if (failed()) {
            return;
        }
        if (!reason.empty()) {
            file_.skipped[reason] += cases.size();
            return;
        }
        for (std::size_t index = 0; index < cases.size() && !failed(); ++index) {
            at_ = here + ".tests[" + std::to_string(index) + "]";
            read_case(cases[index], tag_bytes);
        }
    }

    // Empty if the rows take keys, nonces and tags of these sizes.
    std::string reason_to_skip(const Json& group) {
        const bool is_mac = algorithm_.primitive == Primitive::hmac_sha256;
        const std::int64_t tag_bits = number(group, "tagSize");
        if (!is_mac) {
            const std::int64_t key_bits = number(group, "keySize");
            const std::int64_t nonce_bits = number(group, "ivSize");
            if (key_bits != algorithm_.key_bits) {
                return "keySize " + std::to_string(key_bits);
            }
            if (nonce_bits != algorithm_.nonce_bits) {
                return "ivSize " + std::to_string(nonce_bits);
            }
        }
        const bool is_tag_fine = is_mac
                                     ? tag_bits >= 8 && tag_bits <= kTagBitsMax && tag_bits % 8 == 0
                                     : tag_bits == kAeadTagBits;
        return is_tag_fine ? "" : "tagSize " + std::to_string(tag_bits);
    }

    void read_case(const Json& from, std::size_t tag_bytes) {
        if (from.kind() != Kind::object) {
            fail("is not an object");
            return;
        }
        WycheproofCase to;
        to.id = number(from, "tcId");
        at_ += " (tcId " + std::to_string(to.id) + ")";
        to.verdict = verdict(from);
        to.key = bytes(from, "key");
        to.text = bytes(from, "msg");
        to.tag = bytes(from, "tag");
        to.tag_bytes = tag_bytes;
        if (algorithm_.primitive != Primitive::hmac_sha256) {
            to.nonce = bytes(from, "iv");
            to.aad = bytes(from, "aad");
            to.sealed = bytes(from, "ct");
        }
        file_.cases.push_back(std::move(to));
    }

    Verdict verdict(const Json& from) {
        const std::string& word = text(from, "result");
        if (word == "valid") {
            return Verdict::valid;
        }
        if (word == "acceptable") {
            return Verdict::acceptable;
        }
        if (word != "invalid") {
            fail("result is \"" + word + "\", neither valid nor invalid nor acceptable");
        }
        return Verdict::invalid;
    }

    // The value of a key that must be there, and of one kind.
    const Json* member(const Json& object, std::string_view key, Kind kind, const char* name) {
        const Json* value = object.find(key);
        if (value == nullptr) {
            fail("has no \"" + std::string(key) + "\"");
            return nullptr;
        }
        if (value->kind() != kind) {
            fail(std::string(key) + " is not " + name);
            return nullptr;
        }
        return value;
    }

    const std::string& text(const Json& object, std::string_view key) {
        const Json* value = member(object, key, Kind::string, "a string");
        return value == nullptr ? nothing_ : value->text();
    }

    std::int64_t number(const Json& object, std::string_view key) {
        const Json* value = member(object, key, Kind::number, "a number");
        if (value != nullptr && (!value->is_whole() || value->number() < 0)) {
            fail(std::string(key) + " is not a whole number");
            return 0;
        }
        return value == nullptr ? 0 : value->number();
    }

    const std::vector<Json>& list(const Json& object, std::string_view key) {
        const Json* value = member(object, key, Kind::array, "a list");
        return value == nullptr ? no_items_ : value->items();
    }

    Bytes bytes(const Json& object, std::string_view key) {
        const std::optional<Bytes> bytes = bytes_of_hex(text(object, key));
        if (!bytes) {
            fail(std::string(key) + " is not hex");
        }
        return bytes.value_or(Bytes());
    }

    void fail(const std::string& what) {
        if (!failed()) {
            mistake_ = at_ + (at_ == "the file" ? " " : ": ") + what;
        }
    }

    bool failed() const { return !mistake_.empty(); }

    const std::string nothing_;
    const std::vector<Json> no_items_;
    WycheproofFile file_;
    Algorithm algorithm_{};
    std::string at_;
    std::string mistake_;
};

}  // namespace

std::expected<WycheproofFile, std::string> read_wycheproof(std::string_view text) {
    const std::expected<Json, std::string> json = Json::read(text);
    if (!json) {
        return std::unexpected("the file is not JSON: " + json.error());
    }
    return Reader().whole(*json);
}

std::size_t WycheproofFile::cases_skipped() const {
    std::size_t sum = 0;
    for (const auto& [reason, count] : skipped) {
        sum += count;
    }
    return sum;
}

std::size_t WycheproofFile::count(Verdict verdict) const {
    return static_cast<std::size_t>(std::ranges::count(cases, verdict, &WycheproofCase::verdict));
}

}  // namespace ferry::test
