// Runs every row of this build that this machine can run over files of Project Wycheproof:
//
//   wycheproof FILE...
//
// AES-GCM (keys of 128 bits, nonces of 96, tags of 128), CHACHA20-POLY1305 (nonces of 96, tags of
// 128) and HMACSHA256 (tags of up to 256 bits). Groups of other sizes are skipped and counted.
//
//   exit  0 if the rows agree with every case of the files; 1 if one does not; 2 if a file cannot
//         be read, is ill-formed, or is about another algorithm
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "crypto/cpu.h"
#include "tests/crypto/wycheproof_run.h"

namespace ferry::test {

namespace {

enum class Exit : std::uint8_t { agree = 0, disagree = 1, unreadable = 2 };

constexpr std::size_t kDisagreementsShown = 1000;

std::vector<RowResult> run(const WycheproofFile& file, const crypto::Cpu& cpu) {
    switch (file.primitive) {
        case Primitive::aes128_gcm:
            return run_aead(file, crypto::aes128_gcm_rows(), cpu);
        case Primitive::chacha20_poly1305:
            return run_aead(file, crypto::chacha20_poly1305_rows(), cpu);
        case Primitive::hmac_sha256:
            return run_hmac(file, crypto::sha256_rows(), cpu);
    }
    return {};
}

void print_summary(const char* path, const WycheproofFile& file) {
    const std::size_t total = file.cases.size() + file.cases_skipped();
    std::printf("%s: %s, %zu cases: %zu valid, %zu invalid, %zu acceptable, %zu skipped\n", path,
                file.algorithm.c_str(), total, file.count(Verdict::valid),
                file.count(Verdict::invalid), file.count(Verdict::acceptable),
                file.cases_skipped());
    for (const auto& [reason, count] : file.skipped) {
        std::printf("  skipped %zu: no row takes %s\n", count, reason.c_str());
    }
    if (file.cases_promised >= 0 && file.cases_promised != static_cast<std::int64_t>(total)) {
        std::printf("  note: numberOfTests says %lld\n",
                    static_cast<long long>(file.cases_promised));
    }
    if (file.cases.empty()) {
        std::printf("  nothing was run: the file has no case that a row takes\n");
    }
}

// Gives how many disagreements there are.
std::size_t print_results(const char* path, const std::vector<RowResult>& results) {
    std::size_t sum = 0;
    for (const RowResult& result : results) {
        if (!result.usable) {
            std::printf("  %s: cannot run on this machine\n", result.row.c_str());
            continue;
        }
        std::printf("  %s: %zu accepted, %zu refused, %zu disagreements\n", result.row.c_str(),
                    result.opened, result.refused, result.disagreements.size());
        for (const Disagreement& disagreement : result.disagreements) {
            ++sum;
            if (sum <= kDisagreementsShown) {
                std::printf("  DISAGREES %s tcId %lld %s: %s\n", path,
                            static_cast<long long>(disagreement.case_id), disagreement.row.c_str(),
                            disagreement.what.c_str());
            }
        }
    }
    if (sum > kDisagreementsShown) {
        std::printf("  and %zu more\n", sum - kDisagreementsShown);
    }
    return sum;
}

Exit check(const char* path, const crypto::Cpu& cpu) {
    // A folder can be opened, and throws when it is read.
    std::error_code error;
    std::ifstream stream;
    if (!std::filesystem::is_directory(path, error)) {
        stream.open(path, std::ios::binary);
    }
    if (!stream.is_open()) {
        std::fprintf(stderr, "wycheproof: %s: cannot be read\n", path);
        return Exit::unreadable;
    }
    const std::string text{std::istreambuf_iterator<char>(stream),
                           std::istreambuf_iterator<char>()};
    const std::expected<WycheproofFile, std::string> file = read_wycheproof(text);
    if (!file) {
        std::fprintf(stderr, "wycheproof: %s: %s\n", path, file.error().c_str());
        return Exit::unreadable;
    }
    print_summary(path, *file);
    if (file->cases.empty()) {
        return Exit::agree;
    }
    return print_results(path, run(*file, cpu)) == 0 ? Exit::agree : Exit::disagree;
}

int check_all(std::span<char*> paths) {
    if (paths.empty() || paths.front()[0] == '-') {
        std::fprintf(stderr, "usage: wycheproof FILE...\n");
        return static_cast<int>(Exit::unreadable);
    }
    const crypto::Cpu cpu = crypto::detect();
    std::size_t files[3] = {};
    Exit worst = Exit::agree;
    for (const char* path : paths) {
        const Exit here = check(path, cpu);
        ++files[static_cast<std::size_t>(here)];
        worst = std::max(worst, here);
    }
    std::printf("%zu files agree, %zu disagree, %zu could not be read\n", files[0], files[1],
                files[2]);
    return static_cast<int>(worst);
}

}  // namespace

}  // namespace ferry::test

int main(int count, char** arguments) {
    return ferry::test::check_all(std::span(arguments, static_cast<std::size_t>(count)).subspan(1));
}
