// CachingResolver: asks for each name once, however many want to know, and remembers the answer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/resolver.h"
#include "core/resolver_cache.h"
#include "core/stats.h"
#include "io/condition.h"
#include "io/list.h"
#include "io/loop.h"

namespace ferry::core {

struct ResolverLimits {
    std::size_t asking = 1024;   // names being asked for at the same time; further ones wait
    std::size_t answers = 4096;  // remembered
    std::chrono::seconds lifetime_min{1};  // of an answer with addresses, whatever its server says
    std::chrono::seconds lifetime_max{3600};  // likewise
    // Of "no such name". Other failures are not remembered: the next one who wants to know asks
    // again.
    std::chrono::seconds lifetime_none{5};
};

// A resolver in front of a source.
//
//   lifetime  nobody waits in resolve() and the source asks for nothing when it is destroyed
//   thread    one core's; counters may be read from any
class CachingResolver final : public Resolver {
public:
    struct Counters {
        Counter lookups;   // calls of resolve()
        Counter literals;  // answered by reading the name
        Counter cached;    // answered from memory
        Counter shared;    // joined a question that was there already
        Counter asked;     // questions given to the source
        Counter failed;    // questions that ended without addresses
        Counter timeouts;  // of those, the ones that nobody answered
        Counter asking;    // now: questions that the source has
        Counter queued;    // now: questions that wait for others to end
        Counter waits;     // questions that had to wait so
    };

    CachingResolver(io::Loop& loop, std::unique_ptr<NameSource> source, ResolverLimits limits = {});
    ~CachingResolver() override;

    io::Task<io::Result<Endpoints>> resolve(io::Scope& scope, std::string name, std::uint16_t port,
                                            Families families) override;

    // Forgets every answer and has the source look at its configuration again; for a reload.
    void refresh();

    const Counters& counters() const noexcept { return counters_; }

private:
    struct InQueue;

    // One name that somebody wants to know.
    struct Question : io::Hook<InQueue> {
        std::string key;
        std::string name;
        Families families = Families::any;
        std::size_t waiters = 0;
        std::optional<io::Result<Endpoints>> answer;
        io::Condition answered;
    };
    class Presence;

    std::shared_ptr<Question> question(std::string key, std::string name, Families families);
    void left(Question& question) noexcept;
    void ask(std::shared_ptr<Question> question);
    void ask_next();
    void answered(Question& question, NameSource::Answer answer);
    void remember(const Question& question, std::chrono::seconds lifetime);

    io::Loop& loop_;
    const ResolverLimits limits_;
    ResolverCache cache_;
    std::unordered_map<std::string, std::shared_ptr<Question>> questions_;  // by key; not answered
    io::List<Question, InQueue> queue_;  // of those, the ones that are not being asked yet
    bool asking_next_ = false;
    Counters counters_;
    std::unique_ptr<NameSource> source_;  // last: its end may answer questions
};

// Reorders addresses, best first, so that the two families take turns; within each the order stays.
Endpoints interleaved(Endpoints sorted);

}  // namespace ferry::core
