// NameServer: a DNS server for one test, on the test's own loop.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/descriptor.h"
#include "io/endpoint.h"
#include "io/loop.h"
#include "io/scope.h"
#include "io/task.h"

namespace ferry::test {

// One line of an answer.
struct Record {
    enum class Type : std::uint16_t { a = 1, cname = 5, aaaa = 28 };
    std::string name;
    Type type;
    std::uint32_t ttl;
    std::vector<std::uint8_t> data;
};

Record a(std::string_view name, std::string_view ip, std::uint32_t ttl = 60);
Record aaaa(std::string_view name, std::string_view ip, std::uint32_t ttl = 60);
Record cname(std::string_view name, std::string_view target, std::uint32_t ttl = 60);

// What the server says to one question.
struct Reply {
    enum class Code : std::uint8_t { good = 0, failed = 2, no_name = 3, refused = 5 };
    enum class Length : std::uint8_t { fits, truncated };  // truncated: "ask me over TCP"
    Code code = Code::good;
    std::vector<Record> records = {};
    Length over_udp = Length::fits;
};

// Answers questions on 127.0.0.1, over UDP and TCP, on a port that was free. A name that was not
// set up does not exist.
//
//   lifetime  its scope is stopped before it goes, and it goes before the loop
class NameServer {
public:
    explicit NameServer(io::Scope& scope);
    NameServer(const NameServer&) = delete;

    io::Endpoint at() const { return at_; }

    // Sets up a name; of a type that is not set up, there is no data.
    void set(const std::string& name, Record::Type type, Reply reply);
    void set(const std::string& name, std::vector<Record> records);

    void ignore_next(std::size_t questions) { ignored_ += questions; }
    void ignore_all() { ignored_ = ~std::size_t{0}; }
    // The next datagrams are these bytes instead of an answer; the first two become the question's
    // id.
    void corrupt_next(std::vector<std::uint8_t> datagram) {
        corrupt_.push_back(std::move(datagram));
    }

    // "name/A", "name/AAAA", with "/tcp" if so asked; in the order of arrival.
    const std::vector<std::string>& questions() const { return questions_; }

private:
    enum class Transport : std::uint8_t { udp, tcp };

    io::Task<void> serve_udp();
    io::Task<void> serve_tcp();
    io::Task<void> serve_stream(io::Descriptor& stream);
    std::vector<std::uint8_t> answer(std::span<const std::uint8_t> question, Transport transport);

    io::Scope& scope_;
    io::Descriptor udp_;
    io::Descriptor tcp_;
    io::Endpoint at_;
    std::map<std::string, Reply> replies_;
    std::map<std::string, bool> names_;
    std::vector<std::string> questions_;
    std::vector<std::vector<std::uint8_t>> corrupt_;
    std::size_t ignored_ = 0;
};

}  // namespace ferry::test
