#include "io/section.hpp"

#include <utility>

namespace rorqual::io {
namespace {

class Section : public File {
 public:
    Section(std::shared_ptr<const File> whole, std::uint64_t offset, std::uint64_t length, std::string name)
        : whole_(std::move(whole)), offset_(offset), length_(length), name_(std::move(name)) {}

    const std::string& name() const noexcept override { return name_; }
    std::uint64_t size() const noexcept override { return length_; }
    std::span<const std::byte> mapped() const noexcept override {
        const auto all = whole_->mapped();
        return all.empty() ? all : all.subspan(static_cast<std::size_t>(offset_), static_cast<std::size_t>(length_));
    }
    void release(std::uint64_t offset, std::uint64_t length) const noexcept override { whole_->release(offset_ + offset, length); }
    void read(std::uint64_t offset, std::span<std::byte> out) const override {
        check_range(*this, offset, out.size());
        whole_->read(offset_ + offset, out);
    }

 private:
    std::shared_ptr<const File> whole_;
    std::uint64_t offset_, length_;
    std::string name_;
};

}  // namespace

std::shared_ptr<const File> open_section(std::shared_ptr<const File> file, std::uint64_t offset, std::uint64_t length, std::string name) {
    return std::make_shared<Section>(std::move(file), offset, length, std::move(name));
}

}  // namespace rorqual::io
