#include "core/block_outbound.h"

#include "proto/http_reply.h"

namespace ferry::core {
namespace {

// Takes everything and gives nothing, until the association has been idle for too long.
class NoPackets final : public PacketEnd {
public:
    explicit NoPackets(Session& session) noexcept : session_(session) {}

    io::Task<Step<void>> receive(Packets& into) override {
        into.clear();
        auto never = co_await something_.wait(session_.scope);
        const std::errc error = never ? std::errc::operation_canceled : never.error();
        co_return std::unexpected(ended_by(session_, error, Outcome::target_lost));
    }
    io::Task<Step<void>> send(std::span<const Packet> all) override {
        session_.core.stats.datagrams_unsent.add(all.size());
        co_return {};
    }
    io::Task<void> end() override { co_return; }
    void rest() noexcept override {}
    bool addressed() const noexcept override { return true; }

private:
    Session& session_;
    io::Condition something_;
};

}  // namespace

BlockOutbound::BlockOutbound(std::string its_tag, const config::BlackholeOutbound& settings)
    : Outbound(std::move(its_tag)), response_(settings.response) {}

io::Task<Step<End>> BlockOutbound::dial(Session& session) const {
    if (response_ == config::BlackholeOutbound::Response::http) {
        session.epilogue = proto::http_response(proto::HttpStatus::forbidden);
    }
    session.reason = "blocked by the outbound";
    co_return std::unexpected(Outcome::refused);
}

io::Task<Step<std::unique_ptr<PacketEnd>>> BlockOutbound::dial_packets(Session& session) const {
    co_return std::make_unique<NoPackets>(session);
}

}  // namespace ferry::core
