#include "tests/crypto/wycheproof_run.h"

#include <algorithm>
#include <array>
#include <optional>

#include "crypto/bytes.h"

namespace ferry::test {

namespace {

using crypto::Aead;
using crypto::AeadRow;
using crypto::HashRow;
using crypto::kNonceBytes;
using crypto::kTagBytes;
using Nonce = std::span<const std::uint8_t, kNonceBytes>;
using TagView = std::span<const std::uint8_t, kTagBytes>;
using TagSpan = std::span<std::uint8_t, kTagBytes>;

// What was in the room for a plaintext before.
constexpr std::uint8_t kStale = 0xa5;

// What one row did with one case.
struct Answer {
    bool opens = false;
    Bytes text;                        // what came out, if it opens
    std::vector<std::string> quarrel;  // what the row got wrong, whatever the file says

    bool operator==(const Answer& other) const {
        return opens == other.opens && text == other.text;
    }
};

// Sizes that no caller of Aead can hand over are refused before there is a row.
bool has_size(const AeadRow& row, const WycheproofCase& test) {
    return test.key.size() == row.key_bytes && test.nonce.size() == kNonceBytes &&
           test.tag.size() == kTagBytes;
}

// A row that says no must not hand out what it would have said.
void check_nothing_is_left(const WycheproofCase& test, const Bytes& room, Answer& answer) {
    const auto is_plain = [](const Bytes& text) {
        return std::ranges::all_of(text, [](std::uint8_t b) { return b == 0 || b == kStale; });
    };
    if (!test.text.empty() && room == test.text && !is_plain(test.text)) {
        answer.quarrel.emplace_back("refuses, but leaves the plaintext behind");
    }
}

Answer open_case(const AeadRow& row, const WycheproofCase& test) {
    Answer answer;
    if (!has_size(row, test)) {
        return answer;
    }
    const Aead aead(row, test.key);
    const Nonce nonce(test.nonce);
    const TagView tag(test.tag);
    Bytes apart(test.sealed.size(), kStale);
    answer.opens = aead.open(nonce, test.aad, test.sealed, apart, tag);
    Bytes in_place = test.sealed;
    const bool opens_in_place = aead.open(nonce, test.aad, in_place, in_place, tag);
    if (opens_in_place != answer.opens) {
        answer.quarrel.emplace_back(opens_in_place ? "opens only in place" : "opens only apart");
    }
    if (!answer.opens) {
        check_nothing_is_left(test, apart, answer);
        return answer;
    }
    if (opens_in_place && in_place != apart) {
        answer.quarrel.emplace_back("opens to another text in place than apart");
    }
    answer.text = std::move(apart);
    return answer;
}

// Appends what is wrong with sealing the plaintext of a valid case.
void check_seal(const AeadRow& row, const WycheproofCase& test, Answer& answer) {
    const Aead aead(row, test.key);
    const Nonce nonce(test.nonce);
    Bytes apart(test.text.size(), kStale);
    Bytes tag(kTagBytes);
    aead.seal(nonce, test.aad, test.text, apart, TagSpan(tag));
    Bytes in_place = test.text;
    Bytes tag_in_place(kTagBytes);
    aead.seal(nonce, test.aad, in_place, in_place, TagSpan(tag_in_place));
    if (apart != test.sealed) {
        answer.quarrel.emplace_back("is valid, but seals to another ciphertext");
    }
    if (tag != test.tag) {
        answer.quarrel.emplace_back("is valid, but seals to another tag: " + to_hex(tag));
    }
    if (in_place != apart || tag_in_place != tag) {
        answer.quarrel.emplace_back("seals to something else in place than apart");
    }
}

// Compares as many bytes as the tag of the case has.
Answer mac_case(const HashRow& row, const WycheproofCase& test) {
    Answer answer;
    const crypto::Sha256Digest mac = crypto::hmac_sha256(row, test.key, test.text);
    const bool has_size = test.tag.size() == test.tag_bytes && test.tag.size() <= mac.size();
    answer.opens = has_size && crypto::equal(mac.data(), test.tag.data(), test.tag.size());
    return answer;
}

// Holds an answer against what the file says; `first` is what the first row said.
void judge(const WycheproofCase& test, const Answer& first, Answer& answer) {
    switch (test.verdict) {
        case Verdict::valid:
            if (!answer.opens) {
                answer.quarrel.emplace_back("is valid, but is refused");
            }
            break;
        case Verdict::invalid:
            if (answer.opens) {
                answer.quarrel.emplace_back("is invalid, but is accepted");
            }
            break;
        case Verdict::acceptable:
            if (!(answer == first)) {
                answer.quarrel.emplace_back(answer.opens == first.opens
                                                ? "opens to another text than the first row"
                                                : "is answered otherwise than by the first row");
            }
            break;
    }
}

Answer answer_of(const AeadRow& row, const WycheproofCase& test) {
    Answer answer = open_case(row, test);
    if (test.verdict != Verdict::valid) {
        return answer;
    }
    if (answer.opens && answer.text != test.text) {
        answer.quarrel.emplace_back("is valid, but opens to another text");
    }
    if (has_size(row, test)) {
        check_seal(row, test, answer);
    } else {
        answer.quarrel.emplace_back("is valid, but has a key, iv or tag of another size");
    }
    return answer;
}

Answer answer_of(const HashRow& row, const WycheproofCase& test) {
    return mac_case(row, test);
}

template <class Row>
std::vector<RowResult> run(const WycheproofFile& file, std::span<const Row* const> rows,
                           const crypto::Cpu& cpu) {
    std::vector<RowResult> results;
    std::vector<Answer> first;
    for (const Row* row : rows) {
        RowResult& result = results.emplace_back(row->name, row->usable(cpu), 0, 0);
        if (!result.usable) {
            continue;
        }
        const bool is_first = first.empty();
        for (std::size_t index = 0; index < file.cases.size(); ++index) {
            const WycheproofCase& test = file.cases[index];
            Answer answer = answer_of(*row, test);
            ++(answer.opens ? result.opened : result.refused);
            if (is_first) {
                first.push_back(answer);
            }
            judge(test, first[index], answer);
            for (std::string& what : answer.quarrel) {
                result.disagreements.emplace_back(test.id, row->name, std::move(what));
            }
        }
    }
    return results;
}

}  // namespace

std::vector<RowResult> run_aead(const WycheproofFile& file, std::span<const AeadRow* const> rows,
                                const crypto::Cpu& cpu) {
    return run(file, rows, cpu);
}

std::vector<RowResult> run_hmac(const WycheproofFile& file, std::span<const HashRow* const> rows,
                                const crypto::Cpu& cpu) {
    return run(file, rows, cpu);
}

}  // namespace ferry::test
