#include "tests/sim/configs.h"

#include "tests/sim/node.h"

namespace ferry::sim {

core::config::Level patient_level() {
    core::config::Level patient;
    patient.idle = patient.uplink_only = patient.downlink_only = core::config::Seconds(3600);
    return patient;
}

core::config::Inbound vmess_inbound(std::uint16_t alter_id) {
    core::config::VmessInbound settings;
    core::config::VmessClient client;
    client.id = user();
    client.alter_id = alter_id;
    settings.clients.push_back(client);
    core::config::Inbound inbound;
    inbound.listen = proto::ipv4({10, 0, 0, 2}, 0);
    inbound.ports = {kVmessPort, kVmessPort};
    inbound.settings = settings;
    return inbound;
}

core::config::Inbound socks_inbound(const core::config::SocksInbound& settings) {
    core::config::Inbound socks;
    socks.listen = proto::ipv4({10, 0, 0, 1}, 0);
    socks.ports = {kSocksPort, kSocksPort};
    socks.settings = settings;
    return socks;
}

core::config::Inbound door_inbound(std::uint16_t port, std::uint16_t target_port) {
    core::config::DokodemoInbound to_target;
    to_target.target = proto::ipv4({10, 0, 0, 3}, target_port);
    core::config::Inbound door;
    door.listen = proto::ipv4({10, 0, 0, 1}, 0);
    door.ports = {port, port};
    door.settings = to_target;
    return door;
}

core::config::Outbound freedom_outbound() {
    core::config::Outbound outbound;
    outbound.settings = core::config::FreedomOutbound{};
    return outbound;
}

core::config::VmessAccount user_account(std::uint16_t alter_id) {
    core::config::VmessAccount account;
    account.id = user();
    account.alter_id = alter_id;
    return account;
}

core::config::VmessOutbound through_server(const core::config::VmessAccount& account,
                                           std::uint16_t port) {
    core::config::VmessServer server;
    server.address = proto::ipv4({10, 0, 0, 2}, port);
    server.users.push_back(account);
    core::config::VmessOutbound vmess;
    vmess.servers.push_back(server);
    return vmess;
}

}  // namespace ferry::sim
