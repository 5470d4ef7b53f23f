// What does finding a user cost, by the number of users: of an auth id under all keys and at a
// known address, of a time token; and what do the tables cost that it takes?
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "core/token_table.h"
#include "core/users.h"
#include "crypto/dispatch.h"
#include "perf/micro/groups.h"
#include "proto/vmess/auth_id.h"

namespace ferry::perf {

namespace {

namespace vmess = proto::vmess;

constexpr std::int64_t kNow = 1'700'000'000;
constexpr std::int64_t kUserCounts[] = {1, 1000, 10'000, 100'000};
constexpr std::uint16_t kAlterId = 64;

const crypto::Dispatch& dispatch() {
    static const crypto::Dispatch chosen = crypto::choose(crypto::detect());
    return chosen;
}

vmess::UserId id_of(std::size_t number) {
    vmess::UserId id;
    crypto::store_be(id.bytes.data(), static_cast<std::uint64_t>(number));
    return id;
}

std::vector<core::User> users_of(const benchmark::State& state) {
    std::vector<core::User> users;
    for (std::int64_t number = 0; number < state.range(0); ++number) {
        users.push_back({.id = id_of(static_cast<std::size_t>(number)),
                         .email = "user" + std::to_string(number) + "@example.org"});
    }
    return users;
}

// The auth id of the user in the middle.
vmess::AuthId auth_id_of(const benchmark::State& state) {
    const auto number = static_cast<std::size_t>(state.range(0) / 2);
    const auto key = vmess::auth_id_key(*dispatch().sha256, vmess::CommandKey(id_of(number)));
    return vmess::make_auth_id(*dispatch().aes128, key.view(), kNow, std::array<std::uint8_t, 4>{});
}

void find_stranger(benchmark::State& state) {
    const core::UserTable table(dispatch(), users_of(state));
    const auto auth_id = auth_id_of(state);
    for (auto step : state) {
        benchmark::DoNotOptimize(table.find(auth_id).size());
    }
}

// As the server does it: the blocks of those who are known, then the time in the auth id.
void find_known(benchmark::State& state) {
    const core::UserTable table(dispatch(), users_of(state));
    const auto auth_id = auth_id_of(state);
    const auto place = static_cast<std::uint32_t>(state.range(0) / 2);
    for (auto step : state) {
        for (const core::UserRef& user : table.find_among(std::span(&place, 1), auth_id)) {
            benchmark::DoNotOptimize(
                vmess::open_auth_id(*dispatch().aes128, user.auth_key(), auth_id));
            benchmark::DoNotOptimize(user.command_key());
        }
    }
}

void build_table(benchmark::State& state) {
    const std::vector<core::User> users = users_of(state);
    for (auto step : state) {
        const core::UserTable table(dispatch(), users);
        benchmark::DoNotOptimize(table.blocks().data());
    }
}

// One user less, and the same one more.
void change_table(benchmark::State& state) {
    const std::vector<core::User> users = users_of(state);
    core::UserTable table(dispatch(), users);
    const core::User& one = users[users.size() / 2];
    for (auto step : state) {
        table = *table.without(one.email);
        table = *table.with(one);
    }
}

std::vector<core::TokenUser> token_users_of(const benchmark::State& state) {
    std::vector<core::TokenUser> users;
    for (std::int64_t number = 0; number < state.range(0) / kAlterId; ++number) {
        users.push_back({.id = id_of(static_cast<std::size_t>(number)), .alter_id = kAlterId});
    }
    return users;
}

void make_second(benchmark::State& state) {
    const core::TokenIds ids(token_users_of(state));
    std::int64_t second = kNow;
    for (auto step : state) {
        const core::TokenGeneration generation(ids, ++second);
        benchmark::DoNotOptimize(generation.second());
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

void make_window(benchmark::State& state) {
    const auto users = token_users_of(state);
    for (auto step : state) {
        core::TokenTable table(users);
        benchmark::DoNotOptimize(table.advance(kNow));
    }
}

// Of a clock that is thirty seconds late, as V2Ray's clients are at most.
void find_token(benchmark::State& state) {
    const auto users = token_users_of(state);
    core::TokenTable table(users);
    table.advance(kNow);
    core::TokenReader reader(table);
    const core::TokenIds ids(users);
    std::size_t place = 0;
    for (auto step : state) {
        state.PauseTiming();
        place = (place + 7919) % ids.size();
        const core::Token token = ids.token(place, kNow - 30);
        state.ResumeTiming();
        benchmark::DoNotOptimize(reader.find(token, kNow));
    }
}

void find_no_token(benchmark::State& state) {
    core::TokenTable table(token_users_of(state));
    table.advance(kNow);
    core::TokenReader reader(table);
    core::Token token{};
    for (auto step : state) {
        crypto::store_be(token.data(), crypto::load_be<std::uint64_t>(token.data()) * 5 + 77);
        benchmark::DoNotOptimize(reader.find(token, kNow));
    }
}

}  // namespace

void add_users() {
    for (const std::int64_t count : kUserCounts) {
        benchmark::RegisterBenchmark("users/stranger", find_stranger)->Arg(count);
        benchmark::RegisterBenchmark("users/known", find_known)->Arg(count);
        benchmark::RegisterBenchmark("users/build", build_table)->Arg(count);
        benchmark::RegisterBenchmark("users/change", change_table)->Arg(count);
    }
    // A thousand users with 64 ids each; whole windows of an eighth of it, so that the test suite
    // does not take seconds for them.
    constexpr std::int64_t kIds = 64'000;
    benchmark::RegisterBenchmark("tokens/second", make_second)->Arg(kIds);
    benchmark::RegisterBenchmark("tokens/window", make_window)->Arg(kIds / 8);
    benchmark::RegisterBenchmark("tokens/find", find_token)->Arg(kIds / 8);
    benchmark::RegisterBenchmark("tokens/stranger", find_no_token)->Arg(kIds / 8);
}

}  // namespace ferry::perf
