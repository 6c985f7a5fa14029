#include "output.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "library.hpp"

namespace cli {
namespace {

std::string read_all(std::FILE* file, const std::string& name) {
    std::string text;
    std::array<char, 65536> buffer{};
    while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), file)) text.append(buffer.data(), got);
    if (std::ferror(file) != 0) throw Failure(name + ": " + std::strerror(errno));
    return text;
}

}  // namespace

void print(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            if (errno == EPIPE) throw Quiet{};
            throw Failure(std::string("standard output: ") + std::strerror(errno));
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

std::string read_input() { return read_all(stdin, "standard input"); }

std::string read_file(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
    if (!file) throw Failure(path + ": " + std::strerror(errno));
    return read_all(file.get(), path);
}

std::string bytes_text(std::uint64_t bytes) {
    constexpr std::array units = {"B", "kB", "MB", "GB", "TB", "PB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1000 && unit + 1 < units.size(); ++unit) value /= 1000;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text.data();
}

WholeFile::WholeFile(std::string path)
    : path_(std::move(path)), temporary_(path_ + "." + std::to_string(::getpid()) + ".part"), file_(std::fopen(temporary_.c_str(), "wb")) {
    if (!file_) fail("create");
}

WholeFile::~WholeFile() {
    if (!file_) return;
    std::fclose(static_cast<std::FILE*>(file_));
    std::remove(temporary_.c_str());
}

void WholeFile::write(const void* data, std::size_t size) {
    if (size != 0 && std::fwrite(data, 1, size, static_cast<std::FILE*>(file_)) != size) fail("write");
}

void WholeFile::commit() {
    auto* file = static_cast<std::FILE*>(file_);
    const bool flushed = std::fflush(file) == 0 && ::fsync(::fileno(file)) == 0;
    if (!flushed) fail("write");
    file_ = nullptr;
    if (std::fclose(file) != 0 || std::rename(temporary_.c_str(), path_.c_str()) != 0) {
        std::remove(temporary_.c_str());
        fail("write");
    }
}

void WholeFile::fail(const char* what) const { throw Failure(path_ + ": cannot " + what + ": " + std::strerror(errno)); }

}  // namespace cli
