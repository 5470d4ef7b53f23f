#include "perf/load/users.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "crypto/hash.h"
#include "proto/text.h"

namespace ferry::load {

namespace vmess = proto::vmess;

namespace {

using Ids = std::vector<vmess::UserId>;

std::expected<Ids, std::string> ids_from(const std::string& path) {
    std::ifstream file(path);
    if (!file) {
        return std::unexpected(fmt::format("{}: cannot be read", path));
    }
    Ids ids;
    std::string line;
    while (std::getline(file, line)) {
        const auto id = vmess::parse_uuid(line);
        if (!id) {
            return std::unexpected(fmt::format("{}: line {} is not a UUID", path, ids.size() + 1));
        }
        ids.push_back(*id);
    }
    if (ids.empty()) {
        return std::unexpected(fmt::format("{}: is empty", path));
    }
    return ids;
}

}  // namespace

vmess::UserId seed_user(const crypto::Dispatch& dispatch, std::uint32_t seed,
                        std::uint32_t number) {
    const std::string name = fmt::format("{}/{}", seed, number);
    crypto::Sha256 hash(*dispatch.sha256);
    hash.update(proto::bytes_of(name));
    const auto digest = hash.finish();
    vmess::UserId id;
    std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
    return id;
}

std::expected<Ids, std::string> ids_of(const Users& users, const crypto::Dispatch& dispatch) {
    if (!users.path.empty()) {
        return ids_from(users.path);
    }
    Ids ids;
    if (users.id) {
        ids.push_back(*users.id);
    }
    for (std::uint32_t number = 0; number < users.count; ++number) {
        ids.push_back(seed_user(dispatch, users.seed, number));
    }
    return ids;
}

}  // namespace ferry::load
