#include "core/caching_resolver.h"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <utility>

namespace ferry::core {

namespace {

constexpr std::size_t kNameBytesMax = 255;  // with a dot at the end

std::optional<io::Endpoint> literal_from(std::string_view name, std::uint16_t port);
bool is_wanted(const io::Endpoint& endpoint, Families families);
bool is_name(std::string_view name);
std::string lowered(std::string name);
std::string key_of(std::string_view name, Families families);
io::Result<Endpoints> with_port(const io::Result<Endpoints>& answer, std::uint16_t port);

}  // namespace

// One coroutine that waits for an answer.
class CachingResolver::Presence {
public:
    Presence(CachingResolver& resolver, Question& question) noexcept
        : resolver_(resolver), question_(question) {
        ++question_.waiters;
    }
    Presence(const Presence&) = delete;
    ~Presence() { resolver_.left(question_); }

private:
    CachingResolver& resolver_;
    Question& question_;
};

CachingResolver::CachingResolver(io::Loop& loop, std::unique_ptr<NameSource> source,
                                 ResolverLimits limits)
    : loop_(loop), limits_(limits), cache_(limits.answers), source_(std::move(source)) {
    assert(limits.asking > 0);
    assert(limits.lifetime_min <= limits.lifetime_max);
}

CachingResolver::~CachingResolver() {
    assert(questions_.empty());
}

io::Task<io::Result<Endpoints>> CachingResolver::resolve(io::Scope& scope, std::string name,
                                                         std::uint16_t port, Families families) {
    counters_.lookups.add();
    const auto literal = literal_from(name, port);
    if (literal) {
        counters_.literals.add();
        if (!is_wanted(*literal, families)) {
            co_return std::unexpected(std::errc::no_such_device_or_address);
        }
        co_return Endpoints(1, *literal);
    }
    if (!is_name(name)) {
        co_return std::unexpected(std::errc::invalid_argument);
    }
    name = lowered(std::move(name));
    std::string key = key_of(name, families);
    if (const auto* known = cache_.find(key, loop_.now())) {
        counters_.cached.add();
        co_return with_port(*known, port);
    }

    const auto asked = question(std::move(key), std::move(name), families);
    const Presence here(*this, *asked);
    while (!asked->answer) {
        auto changed = co_await asked->answered.wait(scope);
        if (!changed) {
            co_return std::unexpected(changed.error());
        }
    }
    co_return with_port(*asked->answer, port);
}

void CachingResolver::refresh() {
    cache_.clear();
    source_->refresh();
}

// Joins the question that is being asked for this name, or makes a new one.
std::shared_ptr<CachingResolver::Question> CachingResolver::question(std::string key,
                                                                     std::string name,
                                                                     Families families) {
    const auto place = questions_.find(key);
    if (place != questions_.end()) {
        counters_.shared.add();
        return place->second;
    }
    auto made = std::make_shared<Question>();
    made->key = std::move(key);
    made->name = std::move(name);
    made->families = families;
    questions_.emplace(made->key, made);
    if (counters_.asking.read() < limits_.asking) {
        ask(made);
    } else {
        counters_.waits.add();
        counters_.queued.add();
        queue_.push_back(*made);
    }
    return made;
}

// A question that nobody waits for any more goes on if it has been asked, for those who want to
// know next; otherwise it is forgotten, so that the queue is never longer than the waiters are
// many.
void CachingResolver::left(Question& question) noexcept {
    --question.waiters;
    if (question.waiters > 0 || !question.linked()) {
        return;
    }
    question.unlink();
    counters_.queued.sub();
    questions_.erase(question.key);
}

void CachingResolver::ask(std::shared_ptr<Question> question) {
    counters_.asking.add();
    counters_.asked.add();
    Question& asked = *question;
    source_->ask(asked.name, asked.families,
                 [this, question = std::move(question)](NameSource::Answer answer) {
                     answered(*question, std::move(answer));
                     ask_next();
                 });
}

// A source may answer before ask() returns, a thousand names in a row; so this is a loop, and the
// calls from inside of it return at once.
void CachingResolver::ask_next() {
    if (std::exchange(asking_next_, true)) {
        return;
    }
    while (counters_.asking.read() < limits_.asking) {
        const Question* next = queue_.pop_front();
        if (next == nullptr) {
            break;
        }
        counters_.queued.sub();
        ask(questions_.at(next->key));
    }
    asking_next_ = false;
}

void CachingResolver::answered(Question& question, NameSource::Answer answer) {
    assert(!question.answer);
    counters_.asking.sub();
    if (answer.addresses) {
        assert(!answer.addresses->empty());
        answer.addresses = interleaved(std::move(*answer.addresses));
    } else {
        counters_.failed.add();
        if (answer.addresses.error() == std::errc::timed_out) {
            counters_.timeouts.add();
        }
    }
    question.answer = std::move(answer.addresses);
    remember(question, answer.lifetime);
    questions_.erase(question.key);
    question.answered.notify_all();
}

void CachingResolver::remember(const Question& question, std::chrono::seconds lifetime) {
    const io::Result<Endpoints>& answer = *question.answer;
    if (answer) {
        lifetime = std::clamp(lifetime, limits_.lifetime_min, limits_.lifetime_max);
    } else if (answer.error() == std::errc::no_such_device_or_address) {
        lifetime = limits_.lifetime_none;
    } else {
        return;
    }
    cache_.put(question.key, answer, loop_.now() + lifetime);
}

Endpoints interleaved(Endpoints sorted) {
    Endpoints same;  // as the best one
    Endpoints other;
    for (const io::Endpoint& endpoint : sorted) {
        const bool is_same = endpoint.family() == sorted.front().family();
        (is_same ? same : other).push_back(endpoint);
    }
    Endpoints result;
    for (std::size_t index = 0; index < sorted.size(); ++index) {
        if (index < same.size()) {
            result.push_back(same[index]);
        }
        if (index < other.size()) {
            result.push_back(other[index]);
        }
    }
    result.resize(std::min(result.size(), kAddressesMax));
    return result;
}

namespace {

std::optional<io::Endpoint> literal_from(std::string_view name, std::uint16_t port) {
    if (name.size() > 2 && name.front() == '[' && name.back() == ']') {
        name = name.substr(1, name.size() - 2);
    }
    return io::Endpoint::from_literal(name, port);
}

bool is_wanted(const io::Endpoint& endpoint, Families families) {
    switch (families) {
        case Families::any:
            return true;
        case Families::ipv4:
            return endpoint.family() == io::Endpoint::Family::ipv4;
        case Families::ipv6:
            return endpoint.family() == io::Endpoint::Family::ipv6;
    }
    std::unreachable();
}

// A name comes from a peer. Anything else than these characters has no business in a question: a
// zero byte would end it early, a backslash would be an escape.
bool is_name(std::string_view name) {
    const auto is_fit = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_';
    };
    return !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, is_fit);
}

std::string lowered(std::string name) {
    for (char& c : name) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        }
    }
    return name;
}

// The blank cannot be part of a name, so no two questions have the same key.
std::string key_of(std::string_view name, Families families) {
    std::string key(name);
    switch (families) {
        case Families::any:
            return key + " any";
        case Families::ipv4:
            return key + " ipv4";
        case Families::ipv6:
            return key + " ipv6";
    }
    std::unreachable();
}

io::Result<Endpoints> with_port(const io::Result<Endpoints>& answer, std::uint16_t port) {
    if (!answer) {
        return std::unexpected(answer.error());
    }
    Endpoints endpoints;
    endpoints.reserve(answer->size());
    for (const io::Endpoint& endpoint : *answer) {
        endpoints.push_back(endpoint.with_port(port));
    }
    return endpoints;
}

}  // namespace

}  // namespace ferry::core
