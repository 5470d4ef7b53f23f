// The codecs of a request: made once per session from the request, for either side of it.
#pragma once

#include <cstdint>
#include <memory>

#include "crypto/dispatch.h"
#include "crypto/random.h"
#include "proto/codec.h"
#include "proto/fault.h"
#include "proto/vmess/keys.h"
#include "proto/vmess/request.h"
#include "proto/vmess/response.h"

namespace ferry::proto::vmess {

// All four:
//
//   dispatch, random  outlive what is made; `random` is the core's
//   request           is not kept
//   faults            bad_security: AES-128-CFB is not spoken yet
//   cost              one allocation; one more while a header is due, one more for sealed lengths

// Server: opens the body of a request, from behind the header. An end chunk in front of all data is
// a maybe_end.
Parsed<std::unique_ptr<Opener>> make_request_opener(const crypto::Dispatch& dispatch,
                                                    const Request& request);

// Server: seals the answer, with the response header in front of the first unit.
Parsed<std::unique_ptr<Sealer>> make_response_sealer(const crypto::Dispatch& dispatch,
                                                     crypto::Random& random,
                                                     const Request& request);

// Client: seals a request, header first. `unix_time` is the exact clock, in seconds.
Parsed<std::unique_ptr<Sealer>> make_request_sealer(const crypto::Dispatch& dispatch,
                                                    crypto::Random& random, const CommandKey& key,
                                                    std::int64_t unix_time, const Request& request);

// Client: opens the answer: the response header, which has no plaintext, and then the body.
Parsed<std::unique_ptr<Opener>> make_response_opener(const crypto::Dispatch& dispatch,
                                                     const Request& request);

}  // namespace ferry::proto::vmess
