#include "core/block_outbound.h"

#include "proto/http_reply.h"

namespace ferry::core {

BlockOutbound::BlockOutbound(std::string its_tag, const config::BlackholeOutbound& settings)
    : Outbound(std::move(its_tag)), response_(settings.response) {}

io::Task<Step<End>> BlockOutbound::dial(Session& session) const {
    if (response_ == config::BlackholeOutbound::Response::http) {
        session.epilogue = proto::http_response(proto::HttpStatus::forbidden);
    }
    session.reason = "blocked by the outbound";
    co_return std::unexpected(Outcome::refused);
}

}  // namespace ferry::core
