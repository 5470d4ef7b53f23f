// Addresses as the protocols write them, and as the kernel reads them.
#pragma once

#include "io/endpoint.h"
#include "proto/address.h"

namespace ferry::core {

// Nowhere for a name, which somebody has to resolve first.
io::Endpoint endpoint_of(const proto::Address& address) noexcept;

// None for nowhere; an IPv4 address in the clothes of an IPv6 one is taken for what it is.
proto::Address address_of(const io::Endpoint& endpoint);

}  // namespace ferry::core
