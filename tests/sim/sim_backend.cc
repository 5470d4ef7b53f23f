#include "tests/sim/sim_backend.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>

#include "io/buffer.h"
#include "io/kernel.h"

namespace ferry::sim {

using io::Op;

SimBackend::SimBackend(World& world, const io::Endpoint& host) : world_(world), host_(host) {
    world_.join(*this);
}

SimBackend::~SimBackend() {
    assert(pending_.empty());
    assert(descriptors_.empty());
    world_.leave(*this);
}

SimBackend::Descriptor& SimBackend::at(int fd) {
    // An unknown one was closed: descriptors are never used twice in here.
    const auto found = descriptors_.find(fd);
    assert(found != descriptors_.end());
    return found->second;
}

const SimBackend::Descriptor& SimBackend::at(int fd) const {
    const auto found = descriptors_.find(fd);
    assert(found != descriptors_.end());
    return found->second;
}

void SimBackend::submit(Op& op) {
    world_.happened(static_cast<std::uint64_t>(op.kind));
    Pending pending{.op = &op, .not_before = world_.now()};
    pending.fault = world_.fault_of(op.kind);
    pending_.push_back(pending);
}

void SimBackend::cancel(Op& op) noexcept {
    world_.happened(100);
    const auto found = std::ranges::find(pending_, &op, &Pending::op);
    assert(found != pending_.end());
    found->cancelled = true;
}

void SimBackend::wake() noexcept {
    world_.happened(101);
}

// Looks at every operation, in an order of the seed's choice. Time does not pass in here: run()
// turns a loop when something may have changed.
void SimBackend::wait(io::TimePoint, std::vector<Op*>& done) {
    for (std::size_t left = pending_.size(); left > 1; --left) {
        std::swap(pending_[left - 1], pending_[world_.random().below(left)]);
    }
    for (Pending& pending : pending_) {
        if (answered(pending)) {
            world_.happened(static_cast<std::uint64_t>(pending.op->result) << 4);
            done.push_back(pending.op);
            pending.op = nullptr;
        }
    }
    std::erase_if(pending_, [](const Pending& pending) { return pending.op == nullptr; });
}

bool SimBackend::answered(Pending& pending) {
    if (pending.cancelled) {
        return answered_cancel(pending);
    }
    if (pending.fault != 0) {
        pending.op->result = -pending.fault;
        return true;
    }
    if (!ready(*pending.op) || held_back(pending)) {
        return false;
    }
    const bool is_answered = perform(pending);
    pending.held = false;
    return is_answered;
}

// The race of an answer with its cancellation: where it could be answered, either may win.
bool SimBackend::answered_cancel(Pending& pending) {
    Op& op = *pending.op;
    const bool wins = pending.fault == 0 && ready(op) &&
                      world_.random().chance(world_.weather().win_cancel) && perform(pending);
    if (!wins) {
        op.result = -ECANCELED;
    }
    return true;
}

// Is an answer that is ready to come later? Decided once per answer.
bool SimBackend::held_back(Pending& pending) {
    if (!pending.held) {
        pending.held = true;
        const Weather& weather = world_.weather();
        const bool short_of_slots =
            pending.op->kind == Op::Kind::recv_slot && world_.random().chance(weather.shortage);
        if (short_of_slots || world_.random().chance(weather.hold)) {
            pending.not_before = world_.now() + world_.some_delay();
            world_.at(pending.not_before, [] {});
        }
    }
    return pending.not_before > world_.now();
}

bool SimBackend::ready(const Op& op) const {
    const Descriptor& on = at(op.fd);
    switch (op.kind) {
        case Op::Kind::accept:
            return !on.queue.empty();
        case Op::Kind::connect:
            return on.dial == nullptr || on.dial->answered;
        case Op::Kind::recv:
        case Op::Kind::recv_slot:
            return on.connection == nullptr || on.connection->readable(on.side);
        case Op::Kind::send:
        case Op::Kind::sendv:
            return on.connection == nullptr || on.connection->writable(on.side);
        case Op::Kind::shutdown:
            return true;
        case Op::Kind::poll:
            return (events(on) & op.extra) != 0;
        case Op::Kind::local:
            break;
    }
    assert(false);
    return false;
}

// What a poll would tell.
std::uint32_t SimBackend::events(const Descriptor& on) noexcept {
    bool readable = false;
    bool writable = false;
    if (on.connection != nullptr) {
        readable = on.connection->readable(on.side);
        writable = on.connection->writable(on.side);
    } else if (on.port != nullptr) {
        readable = on.port->readable();
        writable = on.port->writable();
    }
    return (readable ? std::uint32_t{POLLIN} : 0) | (writable ? std::uint32_t{POLLOUT} : 0);
}

// False: only a part of a send, or no slot; the rest is for later.
bool SimBackend::perform(Pending& pending) {
    Op& op = *pending.op;
    const Descriptor& on = at(op.fd);
    switch (op.kind) {
        case Op::Kind::accept:
            return accept(op);
        case Op::Kind::connect:
            return connect(op);
        case Op::Kind::recv:
            return receive(op);
        case Op::Kind::recv_slot:
            return receive_slot(pending);
        case Op::Kind::send:
        case Op::Kind::sendv:
            return send(op);
        case Op::Kind::shutdown:
            op.result = on.connection == nullptr ? -ENOTCONN : on.connection->shutdown(on.side);
            return true;
        case Op::Kind::poll:
            op.result = static_cast<std::int32_t>(events(on) & op.extra);
            return true;
        case Op::Kind::local:
            break;
    }
    assert(false);
    return true;
}

bool SimBackend::accept(Op& op) {
    if (full()) {
        op.result = -EMFILE;
        return true;
    }
    auto& queue = at(op.fd).queue;
    auto connection = std::move(queue.front());
    queue.pop_front();
    *op.target.peer = connection->endpoint(Side::dialer);
    op.result = world_.new_descriptor();
    Descriptor& made = descriptors_[op.result];
    made.local = connection->endpoint(Side::listener);
    made.connection = std::move(connection);
    made.side = Side::listener;
    return true;
}

bool SimBackend::receive(Op& op) {
    const Descriptor& on = at(op.fd);
    if (on.connection == nullptr) {
        op.result = -ENOTCONN;
        return true;
    }
    const auto room = op.target.buffer->room().first(op.count);
    const auto answer = on.connection->receive(on.side, room);
    op.result = answer.value_or(0);
    return answer.has_value();
}

bool SimBackend::receive_slot(Pending& pending) {
    Op& op = *pending.op;
    const Descriptor& on = at(op.fd);
    if (on.connection == nullptr) {
        op.result = -ENOTCONN;
        return true;
    }
    pending.starving = on.connection->has_bytes(on.side) && slots_.empty();
    if (pending.starving) {
        return false;
    }
    // Like the kernel, it uses up no slot where there are no bytes.
    std::span<std::uint8_t> memory;
    if (on.connection->has_bytes(on.side)) {
        op.slot = slots_.front().number;
        memory = slots_.front().memory;
        slots_.erase(slots_.begin());
    }
    op.result = on.connection->receive(on.side, memory).value_or(0);
    return true;
}

bool SimBackend::send(Op& op) {
    const Descriptor& on = at(op.fd);
    if (on.connection == nullptr) {
        op.result = -EPIPE;
        return true;
    }
    for (;;) {
        const io::Rest rest = io::rest_of(op);
        std::span<const std::uint8_t> part(rest.bytes, rest.count);
        if (rest.pieces != nullptr) {
            part = {static_cast<const std::uint8_t*>(rest.pieces->iov_base), rest.pieces->iov_len};
        }
        const auto answer = on.connection->send(on.side, part);
        if (!answer) {
            return false;
        }
        world_.happened(static_cast<std::uint64_t>(*answer));
        if (io::send_progress(op, *answer)) {
            return true;
        }
    }
}

void SimBackend::expect_slots(std::uint32_t count) {
    slots_.reserve(count);
}

void SimBackend::provide(std::uint16_t slot, std::span<std::uint8_t> memory) {
    slots_.push_back({slot, memory});
    if (starving() > 0) {
        world_.happened(slot);
    }
}

std::uint32_t SimBackend::starving() const noexcept {
    return static_cast<std::uint32_t>(std::ranges::count(pending_, true, &Pending::starving));
}

std::string SimBackend::describe() const {
    static constexpr std::array kNames = {"accept", "connect",  "recv", "recv_slot", "send",
                                          "sendv",  "shutdown", "poll", "local"};
    std::string text = host_.ip_text() + ":";
    for (const Pending& pending : pending_) {
        text += std::string(" ") + kNames[static_cast<std::size_t>(pending.op->kind)] + "(" +
                std::to_string(pending.op->fd) + (pending.starving ? ", starving)" : ")");
    }
    return text + "\n";
}

}  // namespace ferry::sim
