// The codecs of a request: made once per session from the request, for either side of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "crypto/dispatch.h"
#include "crypto/random.h"
#include "proto/codec.h"
#include "proto/fault.h"
#include "proto/vmess/command.h"
#include "proto/vmess/keys.h"
#include "proto/vmess/legacy_auth.h"
#include "proto/vmess/request.h"
#include "proto/vmess/response.h"

namespace ferry::proto::vmess {

// All of them:
//
//   dispatch, random  outlive what is made; `random` is the core's
//   request           is not kept; its form is that of both headers
//   faults            none by now; a security that this program does not speak would be one
//   cost              one allocation; one more for each key, one more while a header is due

// Server: opens the body of a request, from behind the header. An end chunk in front of all data is
// a maybe_end.
Parsed<std::unique_ptr<Opener>> make_request_opener(const crypto::Dispatch& dispatch,
                                                    const Request& request);

// Server: seals the answer, with the response header in front of the first unit; it names `account`
// to the client if there is one.
Parsed<std::unique_ptr<Sealer>> make_response_sealer(
    const crypto::Dispatch& dispatch, crypto::Random& random, const Request& request,
    const std::optional<SwitchAccount>& account = std::nullopt);

// Client: seals a request of the newer form, header first. `unix_time` is the exact clock, in
// seconds.
Parsed<std::unique_ptr<Sealer>> make_request_sealer(const crypto::Dispatch& dispatch,
                                                    crypto::Random& random, const CommandKey& key,
                                                    std::int64_t unix_time, const Request& request);

// Client: likewise of the older form. `key` is that of the main id, whoever has signed.
Parsed<std::unique_ptr<Sealer>> make_request_sealer(const crypto::Dispatch& dispatch,
                                                    crypto::Random& random, const CommandKey& key,
                                                    const LegacyStamp& stamp,
                                                    const Request& request);

// Client: opens the answer: the response header, which has no plaintext, and then the body.
// `observer` hears of an account in the header; it goes with the header, or with the opener.
Parsed<std::unique_ptr<Opener>> make_response_opener(
    const crypto::Dispatch& dispatch, const Request& request,
    std::unique_ptr<AccountObserver> observer = nullptr);

}  // namespace ferry::proto::vmess
