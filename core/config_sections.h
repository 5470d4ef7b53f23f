// The readers of the sections: each turns values into one part of the Config.
//
// All of them report what is wrong and go on, so that one run shows every mistake. What they give
// back is complete only if the report has no mistakes.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/config_check.h"
#include "core/config_merge.h"

namespace ferry::core::config {

Log read_log(Report& report, std::optional<Value> section);

Policy read_policy(Report& report, std::optional<Value> section);

Engine read_engine(Report& report, std::optional<Value> section);

// ---- inbounds

//   port         where the first inbound listens if it does not say so itself
//   environment  asked for ports written as "env:NAME"
std::vector<Inbound> read_inbounds(Report& report, std::span<const Value> entries,
                                   std::optional<Value> port, const Environment& environment);

Allocate read_allocate(Section& inbound, const PortRange& ports);

// Warns of detours that lead nowhere, or where V2Ray's clients cannot go.
void check_detours(Report& report, std::span<const Inbound> inbounds,
                   std::span<const Value> entries);

VmessInbound read_vmess_inbound(Section& inbound);
SocksInbound read_socks_inbound(Section& inbound);
HttpInbound read_http_inbound(Section& inbound);
DokodemoInbound read_dokodemo_inbound(Section& inbound);

// ---- outbounds

std::vector<Outbound> read_outbounds(Report& report, std::span<const Value> entries);

VmessOutbound read_vmess_outbound(Section& outbound);
FreedomOutbound read_freedom_outbound(Section& outbound);
BlackholeOutbound read_blackhole_outbound(Section& outbound);

// ---- transport: only TCP as it is, so all of this refuses or warns

void check_stream(Section& owner);  // "streamSettings"
void check_transport(Report& report, std::optional<Value> section);

// ---- routing

// To be called when the inbounds and outbounds of `config` are there.
Routing read_routing(Report& report, std::optional<Value> section, const Config& config);

// ---- sections that do little or nothing here

// Adds a black hole that stands for the control API, if one is asked for.
void read_api(Report& report, std::optional<Value> section, std::vector<Outbound>& outbounds);
bool read_stats(Report& report, std::optional<Value> section);
void check_dns(Report& report, std::optional<Value> section, std::span<const Outbound> outbounds);
void check_reverse(Report& report, std::optional<Value> section);

// ---- for several sections

// The address of a host as people write it: blanks and brackets around it do not matter.
//
//   gives  nothing, with a mistake, if it is empty or too long; a name that cannot be looked up
//          brings a warning
std::optional<proto::Address> host_of(Report& report, Text host, std::uint16_t port);

// "outbound" or "inbound" protocols that exist elsewhere.
void unknown_protocol(Report& report, Value value, std::span<const std::string_view> ours);

}  // namespace ferry::core::config
