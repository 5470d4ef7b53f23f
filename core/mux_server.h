// serve_mux: the server's side of a Mux.Cool connection.
#pragma once

#include "core/outcome.h"
#include "core/session.h"
#include "io/task.h"

namespace ferry::core {

// Runs the streams and associations inside a connection until it ends; each is a session inside
// this one. The client's end has the codecs of the connection.
io::Task<Outcome> serve_mux(Session& carrier);

}  // namespace ferry::core
