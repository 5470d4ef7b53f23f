// A body of datagrams: command 2, where one chunk is one datagram in both directions.
#pragma once

#include <cstddef>
#include <optional>

#include "crypto/bytes.h"
#include "proto/codec.h"
#include "proto/vmess/request.h"

namespace ferry::proto::vmess {

// The codecs of such a body are those of body.h. What is different is how they are used:
//
//   opening  every `data` of Opener::open() that is not empty is one datagram, whole; an empty one
//            is framing. A `maybe_end` is nothing here: idle associations end by policy. `need`
//            asks for up to 65 535 bytes behind a length field that is finished with
//   sealing  through seal_datagram(), once per datagram, and never twice into one chunk. A datagram
//            that it does not take is dropped and counted, and the next one goes on
//   ending   no end mark has to be written: peers close, and Sealer::end() works as well
//   sizes    payload_max() is what the format holds. Peers take less: from about 1950 bytes on some
//            cut a datagram in two, or drop it (vmess.md 12). Nothing here does

// Does each datagram of this session have a chunk of its own? If not (AES-128-CFB and `none`
// without S), where one ends and the next begins is lost: a session that peers do not serve either.
bool keeps_datagrams(const Request& request) noexcept;

// Seals one datagram as exactly one unit, with the header before it if that is still due; or
// nothing. The sizes are judged first: where it gives nothing, no padding and no mask has been
// drawn and no nonce counted, without which the rest of the session could not be read (vmess.md 19,
// "UDP datagram too large").
//
//   sealer    of a session with keeps_datagrams()
//   to        kSealedDatagramBytesMax suffice for all; datagram.size() + sealer.added_max() for one
//   gives     bytes written; nothing if the datagram is empty, which would be the end of the
//             session, if it is over sealer.payload_max(), or if `to` might be too small
std::optional<std::size_t> seal_datagram(Sealer& sealer, ByteView datagram, ByteSpan to);

}  // namespace ferry::proto::vmess
