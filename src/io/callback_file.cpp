#include "io/callback_file.hpp"

#include <new>
#include <utility>

#include "rorqual/error.hpp"

namespace rorqual::io {
namespace {

class CallbackFile : public File {
 public:
    CallbackFile(Source::ReadAt read, std::uint64_t length, std::string name)
        : read_(std::move(read)), length_(length), name_(std::move(name)) {}

    const std::string& name() const noexcept override { return name_; }
    std::uint64_t size() const noexcept override { return length_; }
    std::span<const std::byte> mapped() const noexcept override { return {}; }

    void read(std::uint64_t offset, std::span<std::byte> out) const override {
        check_range(*this, offset, out.size());
        if (out.empty()) return;
        if (!ask(offset, out)) {
            throw Error(Status::callback, name_ + ": the caller's callback could not read " + std::to_string(out.size()) +
                                              " bytes at byte " + std::to_string(offset));
        }
    }

 private:
    // The library promises to throw nothing but Error and bad_alloc, whatever a callback throws.
    bool ask(std::uint64_t offset, std::span<std::byte> out) const {
        try {
            return read_(offset, out);
        } catch (const std::bad_alloc&) {
            throw;
        } catch (...) {
            return false;
        }
    }

    Source::ReadAt read_;
    std::uint64_t length_;
    std::string name_;
};

}  // namespace

std::shared_ptr<const File> open_callback_file(Source::ReadAt read, std::uint64_t length, std::string name) {
    if (!read) throw Error(Status::invalid_argument, name + ": the read callback is empty");
    return std::make_shared<CallbackFile>(std::move(read), length, std::move(name));
}

}  // namespace rorqual::io
