#include "io/memory_file.hpp"

#include <cstring>
#include <utility>

namespace rorqual::io {
namespace {

class MemoryFile : public File {
 public:
    MemoryFile(std::span<const std::byte> bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {}

    const std::string& name() const noexcept override { return name_; }
    std::uint64_t size() const noexcept override { return bytes_.size(); }
    std::span<const std::byte> mapped() const noexcept override { return bytes_; }

    void read(std::uint64_t offset, std::span<std::byte> out) const override {
        check_range(*this, offset, out.size());
        if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
    }

 private:
    std::span<const std::byte> bytes_;
    std::string name_;
};

}  // namespace

std::shared_ptr<const File> open_memory_file(std::span<const std::byte> bytes, std::string name) {
    return std::make_shared<MemoryFile>(bytes, std::move(name));
}

}  // namespace rorqual::io
