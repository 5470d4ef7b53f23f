#include "core/token_table.h"

#include <algorithm>
#include <cstdlib>
#include <thread>
#include <utility>

namespace ferry::core {
namespace {

constexpr std::int64_t kWindow = proto::vmess::kTimeWindowSeconds;
// Per generation: 3 MiB. To taint so many takes as many genuine connections of users within four
// minutes, each of which somebody records and repeats with changes.
constexpr std::size_t kTaintedMost = 65536;

std::size_t index_of(std::int64_t second) {
    return static_cast<std::size_t>(second) % kTokenSeconds;
}

bool has(const TokenGroup& group, std::int64_t second) {
    const auto& generation = group.generations[index_of(second)];
    return generation != nullptr && generation->second() == second;
}

std::optional<TokenMatch> find_in(const TokenGroup& group, const Token& token,
                                  std::int64_t second) {
    if (second < 0 || !has(group, second)) {
        return std::nullopt;
    }
    const TokenIds& ids = *group.ids;
    const auto place = group.generations[index_of(second)]->find(ids, token);
    if (!place || ids.is_gone(ids.owner(*place))) {
        return std::nullopt;
    }
    return TokenMatch{ids.users()[ids.owner(*place)].id, second};
}

std::vector<TokenUser> remaining(const TokenIds& ids) {
    std::vector<TokenUser> users;
    for (std::size_t index = 0; index < ids.users().size(); ++index) {
        if (!ids.is_gone(index)) {
            users.push_back(ids.users()[index]);
        }
    }
    return users;
}

TokenGroup group_of(std::span<const TokenUser> users) {
    return {std::make_shared<const TokenIds>(users), {}};
}

// As many groups as it takes for so many ids.
std::vector<TokenGroup> groups_of(std::span<const TokenUser> users) {
    std::vector<TokenGroup> groups;
    std::size_t first = 0;
    std::size_t ids = 0;
    for (std::size_t index = 0; index < users.size(); ++index) {
        const std::size_t more = TokenIds::ids_of(users[index]);
        if (ids + more > TokenIds::kMost) {
            groups.push_back(group_of(users.subspan(first, index - first)));
            first = index;
            ids = 0;
        }
        ids += more;
    }
    if (ids > 0) {
        groups.push_back(group_of(users.subspan(first)));
    }
    return groups;
}

}  // namespace

std::optional<TokenMatch> TokenWindow::find(const Token& token, std::int64_t now) const noexcept {
    for (std::int64_t away = 0; away <= kWindow; ++away) {
        for (const TokenGroup& group : groups_) {
            auto match = find_in(group, token, now - away);
            if (!match && away != 0) {
                match = find_in(group, token, now + away);
            }
            if (match) {
                return match;
            }
        }
    }
    return std::nullopt;
}

TokenTable::TokenTable(std::span<const TokenUser> users) : groups_(groups_of(users)) {
    publish();
}

void TokenTable::publish() {
    auto made = std::make_shared<const TokenWindow>(groups_);
    std::lock_guard guard(reading_);
    window_ = std::move(made);  // the one before goes with its last reader
    version_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const TokenWindow> TokenTable::window() const {
    std::lock_guard guard(reading_);
    return window_;
}

void TokenTable::add(const TokenUser& user, std::int64_t now) {
    if (TokenIds::ids_of(user) == 0) {
        return;
    }
    std::lock_guard guard(writing_);
    groups_.push_back(group_of(std::span(&user, 1)));
    std::vector<Job> jobs = missing(now);
    std::erase_if(jobs, [this](const Job& job) { return job.group != &groups_.back(); });
    build(jobs, 1);
    publish();
}

std::size_t TokenTable::ids() const {
    std::lock_guard guard(writing_);
    std::size_t sum = 0;
    for (const TokenGroup& group : groups_) {
        sum += group.ids->size();
    }
    return sum;
}

void TokenTable::remove(const proto::vmess::UserId& user) {
    std::lock_guard guard(writing_);
    for (const TokenGroup& group : groups_) {
        for (std::size_t index = 0; index < group.ids->users().size(); ++index) {
            if (group.ids->users()[index].id == user) {
                group.ids->mark_gone(index);
            }
        }
    }
}

// What there should be and is not, nearest to now first.
std::vector<TokenTable::Job> TokenTable::missing(std::int64_t now) {
    std::vector<Job> jobs;
    for (TokenGroup& group : groups_) {
        const std::int64_t last = now + kWindow + kTokenSecondsAhead;
        for (std::int64_t second = std::max<std::int64_t>(now - kWindow, 0); second <= last;
             ++second) {
            if (!has(group, second)) {
                jobs.push_back({&group, second});
            }
        }
    }
    std::ranges::sort(jobs, {}, [now](const Job& job) { return std::abs(job.second - now); });
    return jobs;
}

void TokenTable::build(std::span<const Job> jobs, unsigned threads) {
    std::atomic<std::size_t> next{0};
    const auto work = [&jobs, &next] {
        for (std::size_t index = next++; index < jobs.size(); index = next++) {
            const auto [group, second] = jobs[index];
            group->generations[index_of(second)] =
                std::make_shared<const TokenGeneration>(*group->ids, second);
        }
    };
    std::vector<std::thread> others;
    const std::size_t helpers = std::min<std::size_t>(std::max(threads, 1U), jobs.size());
    for (std::size_t index = 1; index < helpers; ++index) {
        others.emplace_back(work);
    }
    work();
    for (std::thread& other : others) {
        other.join();
    }
}

bool TokenTable::advance(std::int64_t now, const Work& work) {
    std::lock_guard guard(writing_);
    std::vector<Job> jobs = missing(now);
    const bool is_complete = jobs.size() <= work.generations;
    if (!jobs.empty()) {
        build(std::span(jobs).first(std::min(jobs.size(), work.generations)), work.threads);
        publish();
    }
    if (is_complete) {
        tidy_up(now, work.threads);
    }
    return is_complete;
}

// Drops the ids of users who are gone once they are half of a group, and joins the last group with
// the one before until each is at least twice as large as the next. Readers keep the groups as they
// were until the new one is complete.
void TokenTable::tidy_up(std::int64_t now, unsigned threads) {
    bool has_changed =
        std::erase_if(groups_, [](const TokenGroup& group) { return group.ids->live() == 0; }) > 0;
    for (TokenGroup& group : groups_) {
        if (2 * group.ids->live() < group.ids->size()) {
            group = group_of(remaining(*group.ids));
            has_changed = true;
        }
    }
    while (groups_.size() >= 2) {
        const TokenIds& last = *groups_.back().ids;
        const TokenIds& before = *groups_[groups_.size() - 2].ids;
        if (before.live() >= 2 * last.live() || before.live() + last.live() > TokenIds::kMost) {
            break;
        }
        std::vector<TokenUser> users = remaining(before);
        std::ranges::copy(remaining(last), std::back_inserter(users));
        groups_.pop_back();
        groups_.back() = group_of(users);
        has_changed = true;
    }
    if (has_changed) {
        build(missing(now), threads);
        publish();
    }
}

void TokenTable::taint(const Token& token, std::int64_t now) {
    std::lock_guard guard(tainting_);
    // A token is good for at most twice the window, so it is not missed when it goes.
    if (now - turned_ >= 2 * kWindow) {
        old_ = now - turned_ >= 4 * kWindow ? Tokens() : std::move(young_);
        young_ = Tokens();
        turned_ = now;
    }
    if (young_.size() < kTaintedMost) {
        young_.insert(token);
    }
}

bool TokenTable::is_tainted(const Token& token) const {
    std::lock_guard guard(tainting_);
    return young_.contains(token) || old_.contains(token);
}

std::optional<TokenMatch> TokenReader::find(const Token& token, std::int64_t now) {
    if (const std::uint64_t version = table_.version(); version != version_) {
        window_ = table_.window();
        version_ = version;
    }
    const auto match = window_ == nullptr ? std::nullopt : window_->find(token, now);
    if (match && table_.is_tainted(token)) {
        return std::nullopt;
    }
    return match;
}

}  // namespace ferry::core
