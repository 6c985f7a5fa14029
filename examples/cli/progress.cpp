#include "progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>

#include "output.hpp"

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;

std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler sets it

std::string duration_text(double seconds) {
    const auto whole = static_cast<long>(seconds + 0.5);
    return whole < 60 ? std::to_string(whole) + " s" : std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
}

}  // namespace

Progress::Progress() : begin_(Clock::now()), terminal_(::isatty(STDERR_FILENO) == 1) {
    stop = false;
    std::signal(SIGINT, [](int) {
        stop = true;
        std::signal(SIGINT, SIG_DFL);
    });
}

Progress::~Progress() {
    std::signal(SIGINT, SIG_DFL);
    clear();
}

bool Progress::interrupted() noexcept { return stop; }

double Progress::seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

std::int32_t Progress::report(std::uint64_t done_bytes, std::uint64_t all_bytes, const char* tensor, std::size_t tensor_len, void* user) {
    static_cast<Progress*>(user)->show(done_bytes, all_bytes, {tensor, tensor_len});
    return stop ? 1 : 0;
}

void Progress::show(std::uint64_t done, std::uint64_t all, std::string_view tensor) {
    const auto now = Clock::now();
    if (!terminal_ || now - shown_ < std::chrono::milliseconds(100)) return;
    shown_ = now;
    constexpr int width = 30;
    const double part = all == 0 ? 1 : static_cast<double>(done) / static_cast<double>(all);
    const auto full = static_cast<std::size_t>(part * width);
    const std::string bar = std::string(full, '#') + std::string(width - full, '.');
    const double left = part > 0 ? seconds() * (1 - part) / part : 0;
    std::fprintf(stderr, "\r[%s] %3.0f %%, %s of %s, %s left, %.*s\033[K", bar.c_str(), part * 100, bytes_text(done).c_str(), bytes_text(all).c_str(),
                 duration_text(left).c_str(), static_cast<int>(std::min<std::size_t>(tensor.size(), 40)), tensor.data());
    std::fflush(stderr);
}

void Progress::clear() const {
    if (terminal_) std::fputs("\r\033[K", stderr);
}

}  // namespace cli
