#include "cli/program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>

namespace rorqual::test {
namespace {

/// Both ends closed in programs that are started later, save where one is made a standard stream.
std::array<int, 2> new_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    return ends;
}

bool drain(int& end, std::string& into) {
    std::array<char, 4096> buffer{};
    const ssize_t got = ::read(end, buffer.data(), buffer.size());
    if (got > 0) {
        into.append(buffer.data(), static_cast<std::size_t>(got));
    } else if (got == 0 || errno != EINTR) {
        ::close(end);
        end = -1;
    }
    return end >= 0;
}

}  // namespace

Program::Program(const std::vector<std::string>& command, std::string_view input) {
    std::vector<char*> arguments;
    for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    const auto in = new_pipe(), out = new_pipe(), err = new_pipe();
    process_ = ::fork();
    if (process_ < 0) throw std::runtime_error("no process");
    if (process_ == 0) {
        ::dup2(in[0], STDIN_FILENO);
        ::dup2(out[1], STDOUT_FILENO);
        ::dup2(err[1], STDERR_FILENO);
        ::execv(arguments[0], arguments.data());
        ::_exit(127);
    }
    // Written while both ends are open: a program that ends without reading it breaks no pipe.
    const bool taken = ::write(in[1], input.data(), input.size()) == static_cast<ssize_t>(input.size());
    for (const int end : {in[0], in[1], out[1], err[1]}) ::close(end);
    if (!taken) throw std::runtime_error("input not taken");
    out_ = out[0];
    err_ = err[0];
}

Program::~Program() {
    for (const int end : {out_, err_}) {
        if (end >= 0) ::close(end);
    }
    if (process_ < 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
}

void Program::wait_for_output(std::size_t bytes) {
    while (ran_.out.size() < bytes && read_some()) {
    }
}

void Program::close_output() {
    ::close(out_);
    out_ = -1;
}

void Program::signal(int number) const { ::kill(process_, number); }

Ran Program::wait() {
    while (read_some()) {
    }
    int status = 0;
    ::waitpid(process_, &status, 0);
    process_ = -1;
    if (WIFEXITED(status)) ran_.status = WEXITSTATUS(status);
    return ran_;
}

bool Program::read_some() {
    std::array<pollfd, 2> waiting{{{out_, POLLIN, 0}, {err_, POLLIN, 0}}};  // poll passes over negative descriptors
    if (out_ < 0 && err_ < 0) return false;
    if (::poll(waiting.data(), waiting.size(), -1) < 0) return true;
    if (waiting[0].revents != 0) drain(out_, ran_.out);
    if (waiting[1].revents != 0) drain(err_, ran_.err);
    return out_ >= 0 || err_ >= 0;
}

Ran rorqual_program(std::vector<std::string> arguments, std::string_view input) {
    arguments.insert(arguments.begin(), RQ_PROGRAM);
    return Program(arguments, input).wait();
}

std::size_t lines_of(std::string_view text) { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); }

}  // namespace rorqual::test
