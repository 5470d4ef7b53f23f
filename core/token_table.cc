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
// Groups of so many ids are merged in a tenth of a second: at once. Larger ones wait until nothing
// else is missing.
constexpr std::size_t kSmallIds = 4096;

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

std::shared_ptr<TokenGroup> group_of(std::span<const TokenUser> users) {
    return std::make_shared<TokenGroup>(TokenGroup{std::make_shared<const TokenIds>(users), {}});
}

// As many groups as it takes for so many ids.
TokenGroups groups_of(std::span<const TokenUser> users) {
    TokenGroups groups;
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
        for (const auto& group : groups_) {
            auto match = find_in(*group, token, now - away);
            if (!match && away != 0) {
                match = find_in(*group, token, now + away);
            }
            if (match) {
                return match;
            }
        }
    }
    return std::nullopt;
}

TokenTable::TokenTable(std::span<const TokenUser> users) : groups_(groups_of(users)) {
    (void)publish();
}

// Gives the window that was there. It is freed, which takes a while, once no lock is held, or goes
// with its last reader.
std::shared_ptr<const TokenWindow> TokenTable::publish() {
    auto made = std::make_shared<const TokenWindow>(groups_);
    std::lock_guard guard(reading_);
    std::shared_ptr<const TokenWindow> replaced = std::exchange(window_, std::move(made));
    version_.fetch_add(1, std::memory_order_release);
    return replaced;
}

std::shared_ptr<const TokenWindow> TokenTable::window() const {
    std::lock_guard guard(reading_);
    return window_;
}

TokenGroups TokenTable::groups() const {
    std::lock_guard guard(writing_);
    return groups_;
}

void TokenTable::add(const TokenUser& user, std::int64_t now) {
    if (TokenIds::ids_of(user) == 0) {
        return;
    }
    std::shared_ptr<TokenGroup> made = group_of(std::span(&user, 1));
    std::vector<Job> jobs;
    list_missing(*made, now, jobs);
    build(std::move(jobs), now, Work{});
    std::shared_ptr<const TokenWindow> replaced;
    std::lock_guard guard(writing_);
    groups_.push_back(std::move(made));
    replaced = publish();
}

std::size_t TokenTable::ids() const {
    std::size_t sum = 0;
    for (const auto& group : groups()) {
        sum += group->ids->size();
    }
    return sum;
}

void TokenTable::remove(const proto::vmess::UserId& user) {
    std::lock_guard guard(writing_);
    for (const auto& group : groups_) {
        for (std::size_t index = 0; index < group->ids->users().size(); ++index) {
            if (group->ids->users()[index].id == user) {
                group->ids->mark_gone(index);
            }
        }
    }
}

// What there should be and is not.
void TokenTable::list_missing(TokenGroup& group, std::int64_t now, std::vector<Job>& jobs) {
    const std::int64_t last = now + kWindow + kTokenSecondsAhead;
    for (std::int64_t second = std::max<std::int64_t>(now - kWindow, 0); second <= last; ++second) {
        if (!has(group, second)) {
            jobs.push_back({&group, second});
        }
    }
}

// Makes as many as it may, nearest to now first.
//
//   gives  how many it was to make
std::size_t TokenTable::build(std::vector<Job> jobs, std::int64_t now, const Work& work) {
    std::ranges::sort(jobs, {}, [now](const Job& job) { return std::abs(job.second - now); });
    jobs.resize(std::min(jobs.size(), work.generations));
    std::atomic<std::size_t> next{0};
    const auto make = [&jobs, &next, &work] {
        for (std::size_t index = next++; index < jobs.size(); index = next++) {
            if (work.may_go_on && !work.may_go_on()) {
                return;
            }
            const auto [group, second] = jobs[index];
            group->generations[index_of(second)] =
                std::make_shared<const TokenGeneration>(*group->ids, second);
        }
    };
    std::vector<std::thread> others;
    const std::size_t helpers = std::min<std::size_t>(std::max(work.threads, 1U), jobs.size());
    for (std::size_t index = 1; index < helpers; ++index) {
        others.emplace_back(make);
    }
    make();
    for (std::thread& other : others) {
        other.join();
    }
    return jobs.size();
}

bool TokenTable::advance(std::int64_t now, const Work& work) {
    std::lock_guard guard(making_);
    Work left = work;
    for (;;) {
        plan_merger();
        const bool is_small =
            !mergers_.empty() &&
            (!mergers_.back().group || mergers_.back().group->ids->size() <= kSmallIds);
        if (is_small) {
            (void)make_merger(now, left);  // beside the rest, so that neither waits for the other
        }
        std::size_t made = make_missing(now, left);
        if (made == 0 && !is_small) {
            if (mergers_.empty()) {
                return true;
            }
            made = make_merger(now, left);
        }
        left.generations -= made;
        if (left.generations == 0 || (work.may_go_on && !work.may_go_on())) {
            return false;
        }
    }
}

// Makes copies of those groups that miss something, and puts them in their places.
//
//   gives  0 if nothing is missing
std::size_t TokenTable::make_missing(std::int64_t now, const Work& work) {
    std::vector<std::shared_ptr<TokenGroup>> copies;
    std::vector<Job> jobs;
    for (const auto& group : groups()) {
        const auto& copy = copies.emplace_back(std::make_shared<TokenGroup>(*group));
        list_missing(*copy, now, jobs);
    }
    if (jobs.empty()) {
        return 0;
    }
    const std::size_t made = build(std::move(jobs), now, work);
    std::shared_ptr<const TokenWindow> replaced;
    std::lock_guard guard(writing_);
    std::ranges::copy(copies, groups_.begin());
    replaced = publish();
    return made;
}

// Whatever has lost half of its users is made anew, and the last groups are joined until each is at
// least twice as large as the next. Places that have a merger already are left alone, and so are
// those before them.
void TokenTable::plan_merger() {
    const TokenGroups groups = this->groups();
    const std::size_t from = mergers_.empty() ? 0 : mergers_.back().first + mergers_.back().count;
    for (std::size_t index = from; index < groups.size(); ++index) {
        const TokenIds& ids = *groups[index]->ids;
        if (2 * ids.live() < ids.size()) {
            mergers_.push_back(merger_of(groups, index, 1));
            return;
        }
    }
    std::size_t first = groups.size();
    std::size_t live = 0;
    while (first > from) {
        const std::size_t more = groups[first - 1]->ids->live();
        if (live > 0 && (more >= 2 * live || more + live > TokenIds::kMost)) {
            break;
        }
        live += more;
        --first;
    }
    if (groups.size() - first >= 2) {
        mergers_.push_back(merger_of(groups, first, groups.size() - first));
    }
}

TokenTable::Merger TokenTable::merger_of(const TokenGroups& groups, std::size_t first,
                                         std::size_t count) {
    Merger merger{.group = {}, .origins = {}, .first = first, .count = count};
    std::vector<TokenUser> users;
    for (const auto& group : std::span(groups).subspan(first, count)) {
        for (std::size_t index = 0; index < group->ids->users().size(); ++index) {
            if (!group->ids->is_gone(index)) {
                users.push_back(group->ids->users()[index]);
                merger.origins.push_back({group->ids, index});
            }
        }
    }
    if (!users.empty()) {
        merger.group = group_of(users);
    }
    return merger;
}

// Goes on with the last one.
std::size_t TokenTable::make_merger(std::int64_t now, const Work& work) {
    const std::shared_ptr<TokenGroup> group = mergers_.back().group;
    std::vector<Job> jobs;
    std::size_t made = 0;
    if (group) {
        list_missing(*group, now, jobs);
        made = build(std::move(jobs), now, work);
        jobs.clear();
        list_missing(*group, now, jobs);
    }
    if (jobs.empty()) {
        finish_merger();
    }
    return made;
}

// The last one is complete: it takes the places of those that it is made of.
void TokenTable::finish_merger() {
    const Merger merger = std::move(mergers_.back());
    mergers_.pop_back();
    std::shared_ptr<const TokenWindow> replaced;
    std::lock_guard guard(writing_);
    // Some of its users may have been removed since it was begun.
    for (std::size_t index = 0; index < merger.origins.size(); ++index) {
        if (merger.origins[index].ids->is_gone(merger.origins[index].index)) {
            merger.group->ids->mark_gone(index);
        }
    }
    const auto first = groups_.begin() + static_cast<std::ptrdiff_t>(merger.first);
    const auto rest = groups_.erase(first, first + static_cast<std::ptrdiff_t>(merger.count));
    if (merger.group) {
        groups_.insert(rest, merger.group);
    }
    replaced = publish();
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
