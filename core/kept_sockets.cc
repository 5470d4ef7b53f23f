#include "core/kept_sockets.h"

#include <algorithm>

namespace ferry::core {

std::optional<KeptSockets::Socket> KeptSockets::take(const Key& key, const Duplicate& duplicate) {
    std::lock_guard guard(lock_);
    const auto found = sockets_.find(key);
    if (found == sockets_.end()) {
        return std::nullopt;
    }
    Entry& entry = found->second;
    Socket socket = entry.socket;
    if (entry.claim) {
        // Its user closes its own descriptor only after it has asked here, so this one is open.
        const auto copy = duplicate(socket.fd);
        if (!copy) {
            return std::nullopt;
        }
        socket.fd = *copy;
        entry.claim->stop();
    } else {
        --waiting_;
    }
    sockets_.erase(found);
    ++returned_;
    return socket;
}

void KeptSockets::claim(const Key& key, const Socket& socket, std::shared_ptr<Claim> claim) {
    std::lock_guard guard(lock_);
    const auto [place, is_new] = sockets_.try_emplace(key);
    if (!is_new) {
        // Two came with one key at the same moment, on two cores, and the other one was first.
        return;
    }
    place->second = {socket, std::move(claim), io::kNever};
}

bool KeptSockets::leave(const Key& key, const std::shared_ptr<Claim>& claim, io::TimePoint now) {
    std::lock_guard guard(lock_);
    const auto found = sockets_.find(key);
    if (found == sockets_.end() || found->second.claim != claim) {
        return false;
    }
    if (waiting_ >= kWaitingMax) {
        ++refused_;
        sockets_.erase(found);
        return false;
    }
    found->second.claim.reset();
    found->second.until = now + kPatience;
    ++waiting_;
    return true;
}

void KeptSockets::forget(const Key& key, const std::shared_ptr<Claim>& claim) {
    std::lock_guard guard(lock_);
    const auto found = sockets_.find(key);
    if (found != sockets_.end() && found->second.claim == claim) {
        sockets_.erase(found);
    }
}

void KeptSockets::sweep(io::TimePoint now, const std::function<void(int fd)>& close) {
    std::lock_guard guard(lock_);
    std::erase_if(sockets_, [&](const auto& each) {
        const Entry& entry = each.second;
        if (entry.claim || entry.until > now) {
            return false;
        }
        close(entry.socket.fd);
        --waiting_;
        return true;
    });
}

io::TimePoint KeptSockets::next_sweep() const {
    std::lock_guard guard(lock_);
    io::TimePoint next = io::kNever;
    for (const auto& [key, entry] : sockets_) {
        if (!entry.claim) {
            next = std::min(next, entry.until);
        }
    }
    return next;
}

std::size_t KeptSockets::waiting() const {
    std::lock_guard guard(lock_);
    return waiting_;
}

}  // namespace ferry::core
