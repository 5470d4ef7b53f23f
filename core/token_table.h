// TokenTable: whose time tokens are good now, for the older header.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_set>
#include <vector>

#include "core/cache_line.h"
#include "core/token_generation.h"
#include "proto/vmess/limits.h"

namespace ferry::core {

// Seconds that are made in advance, so that whoever does it may be late for so long.
inline constexpr std::int64_t kTokenSecondsAhead = 4;
inline constexpr std::size_t kTokenSeconds =
    2 * proto::vmess::kTimeWindowSeconds + 1 + kTokenSecondsAhead;

// The tokens of some users, for every second of the window that is made so far.
struct TokenGroup {
    std::shared_ptr<const TokenIds> ids;
    // By second, modulo their number.
    std::array<std::shared_ptr<const TokenGeneration>, kTokenSeconds> generations;
};
using TokenGroups = std::vector<std::shared_ptr<const TokenGroup>>;

// Whose token it is, and of when.
struct TokenMatch {
    proto::vmess::UserId user;
    std::int64_t time;
};

// What can be found at one moment.
//
//   lifetime  immutable, but for users who are removed, who are not found from then on
//   thread    any
//   memory    shared with the windows before and after
class TokenWindow {
public:
    explicit TokenWindow(TokenGroups groups) : groups_(std::move(groups)) {}

    // Whose token is it, at exactly kTimeWindowSeconds around `now`? The seconds are looked at from
    // now outward, as clocks are mostly right. What is public decides for how long: the token.
    //
    //   cost  one read of memory per second of the window and group
    std::optional<TokenMatch> find(const Token& token, std::int64_t now) const noexcept;

private:
    TokenGroups groups_;
};

// The time tokens of all users who may use the older header. One thread keeps it current; every
// core reads it through a TokenReader.
//
// Users who come later get a group of their own, which whoever adds them makes, and groups of like
// size are merged into one by whoever keeps the table current, so that a user more costs
// milliseconds and a search few groups. Tokens are made while no lock is held that add(), remove()
// or a reader takes: the first making of a large table takes seconds, and those are a core's.
//
//   thread  any; readers wait for no more than the exchange of a pointer, and those who add and
//           remove for each other and for a change of the list of groups
//   memory  five bytes per id and second, and kTokenSecondsAhead seconds more than the window has;
//           36 bytes per id. For 64 000 ids 78 MiB
//   cost    65 000 tokens a second are 0.7 % of a core, at 100 ns for each
class TokenTable {
public:
    // How much one call of advance() may do, beside merging small groups.
    struct Work {
        std::size_t generations = SIZE_MAX;
        unsigned threads = 1;
        // Asked before each generation, on any of the threads: false ends the call. Empty: true.
        std::function<bool()> may_go_on = {};
    };

    explicit TokenTable(std::span<const TokenUser> users);
    TokenTable(const TokenTable&) = delete;

    // A user more, who is found from now on; `now` is Unix time.
    //
    //   cost  25 us per id, on the caller's thread
    void add(const TokenUser& user, std::int64_t now);
    // Nobody with this id is found from now on, on any core.
    void remove(const proto::vmess::UserId& user);

    // Makes what is missing for `now`, nearest seconds first, drops what has passed, and merges
    // groups. Small ones are merged meanwhile, so that a search has few of them also while a large
    // table is being made.
    //
    //   gives  whether nothing is left to be done
    bool advance(std::int64_t now, const Work& work);
    bool advance(std::int64_t now) { return advance(now, Work{}); }

    // A token whose header has been tampered with is not good any more, on any core.
    void taint(const Token& token, std::int64_t now);
    bool is_tainted(const Token& token) const;

    // With those of users who are gone, as long as they take up room; for tests.
    std::size_t ids() const;

    std::shared_ptr<const TokenWindow> window() const;
    // Changes with the window.
    std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

private:
    struct Job {
        TokenGroup* group;
        std::int64_t second;
    };
    // A group that will take the place of some others, which are searched until it is complete.
    struct Merger {
        // Of whom one of its users is.
        struct Origin {
            std::shared_ptr<const TokenIds> ids;
            std::size_t index;
        };
        std::shared_ptr<TokenGroup> group;  // null if nobody is left
        std::vector<Origin> origins;        // in the order of its users
        std::size_t first;                  // whose places it takes
        std::size_t count;
    };
    struct TokenHash {
        std::size_t operator()(const Token& token) const noexcept {
            return crypto::load_le<std::size_t>(token.data());
        }
    };
    using Tokens = std::unordered_set<Token, TokenHash>;

    static void list_missing(TokenGroup& group, std::int64_t now, std::vector<Job>& jobs);
    static std::size_t build(std::vector<Job> jobs, std::int64_t now, const Work& work);
    static Merger merger_of(const TokenGroups& groups, std::size_t first, std::size_t count);
    TokenGroups groups() const;
    std::size_t make_missing(std::int64_t now, const Work& work);
    void plan_merger();
    std::size_t make_merger(std::int64_t now, const Work& work);
    void finish_merger();
    [[nodiscard]] std::shared_ptr<const TokenWindow> publish();

    // Held as long as it takes to make tokens; taken first, and by advance() alone.
    std::mutex making_;
    std::vector<Merger> mergers_;  // of places behind each other; the last one is made first

    // Held while the list changes, never while tokens are made; taken before reading_.
    mutable std::mutex writing_;
    // add() appends to it; only whoever has making_ changes the places before, so that they stay
    // what they were while that one looks away.
    TokenGroups groups_;
    // From here on what every core reads, apart from what the keeper writes all the time.
    alignas(kCacheLineBytes) mutable std::mutex reading_;
    std::shared_ptr<const TokenWindow> window_;
    std::atomic<std::uint64_t> version_{0};

    mutable std::mutex tainting_;
    Tokens young_;
    Tokens old_;
    std::int64_t turned_ = 0;
};

// One core's view of a table.
//
//   thread  its core's
class TokenReader {
public:
    explicit TokenReader(const TokenTable& table) noexcept : table_(table) {}

    // As TokenWindow::find(), in the newest window; a tainted token is nobody's.
    std::optional<TokenMatch> find(const Token& token, std::int64_t now);

private:
    const TokenTable& table_;
    std::shared_ptr<const TokenWindow> window_;
    std::uint64_t version_ = 0;
};

}  // namespace ferry::core
