// FixedResolver: a table in place of name servers, for the simulator.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/resolver.h"
#include "io/loop.h"

namespace ferry::test {

// Knows the names that it was told, and how long each answer takes. Literals need not be told.
class FixedResolver final : public core::Resolver {
public:
    void set(const std::string& name, const std::vector<std::string>& ips,
             io::Duration after = io::Duration::zero()) {
        core::Endpoints endpoints;
        for (const std::string& ip : ips) {
            endpoints.push_back(io::Endpoint::from_literal(ip, 0).value());
        }
        table_[name] = {std::move(endpoints), after};
    }
    void fail(const std::string& name, std::errc error, io::Duration after = io::Duration::zero()) {
        table_[name] = {std::unexpected(error), after};
    }

    io::Task<io::Result<core::Endpoints>> resolve(io::Scope& scope, std::string name,
                                                  std::uint16_t port,
                                                  core::Families families) override {
        ++lookups;
        if (const auto literal = io::Endpoint::from_literal(name, port)) {
            co_return core::Endpoints(1, *literal);
        }
        const auto place = table_.find(name);
        if (place == table_.end()) {
            co_return std::unexpected(std::errc::no_such_device_or_address);
        }
        const Row row = place->second;
        if (row.after > io::Duration::zero()) {
            auto slept = co_await scope.loop().sleep_for(scope, row.after);
            if (!slept) {
                co_return std::unexpected(slept.error());
            }
        }
        if (!row.answer) {
            co_return std::unexpected(row.answer.error());
        }
        core::Endpoints wanted;
        for (const io::Endpoint& endpoint : *row.answer) {
            if (is_wanted(endpoint, families)) {
                wanted.push_back(endpoint.with_port(port));
            }
        }
        if (wanted.empty()) {
            co_return std::unexpected(std::errc::no_such_device_or_address);
        }
        co_return wanted;
    }

    std::uint64_t lookups = 0;

private:
    struct Row {
        io::Result<core::Endpoints> answer;
        io::Duration after;
    };

    static bool is_wanted(const io::Endpoint& endpoint, core::Families families) {
        switch (families) {
            case core::Families::any:
                return true;
            case core::Families::ipv4:
                return endpoint.family() == io::Endpoint::Family::ipv4;
            case core::Families::ipv6:
                return endpoint.family() == io::Endpoint::Family::ipv6;
        }
        std::unreachable();
    }

    std::map<std::string, Row> table_;
};

}  // namespace ferry::test
