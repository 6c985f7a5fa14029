#include "layers/page_frame.hpp"

#include <cstring>
#include <utility>

namespace rorqual::layers {
namespace {

std::size_t before_bytes(const PageFrame::Plane& plane) noexcept { return static_cast<std::size_t>(plane.before * plane.row_bytes); }
std::size_t page_bytes(const PageFrame::Plane& plane) noexcept { return static_cast<std::size_t>(page_tokens * plane.row_bytes); }

}  // namespace

PageFrame::PageFrame(std::vector<Plane> planes, std::pmr::memory_resource& memory) : planes_(std::move(planes)), memory_(&memory) {}

std::size_t PageFrame::snapshot_bytes() const noexcept {
    std::size_t bytes = 0;
    for (const auto& plane : planes_) bytes += before_bytes(plane);
    return bytes;
}

std::size_t PageFrame::frame_bytes() const noexcept {
    std::size_t bytes = snapshot_bytes();
    for (const auto& plane : planes_) bytes += page_bytes(plane);
    return bytes;
}

void PageFrame::reserve() {
    if (!held_ || page_.shared()) {
        Page own(frame_bytes(), *memory_);
        if (held_) {
            std::memcpy(own.data(), page_.data(), frame_bytes());
        } else {
            std::memset(own.data(), 0, frame_bytes());
        }
        page_ = std::move(own);
        held_ = true;
    }
    if (!restores_) return;
    const std::byte* from = snapshot_.data();
    for (std::size_t i = 0; i < planes_.size(); from += before_bytes(planes_[i]), ++i) {
        std::memcpy(row(i, start_ - planes_[i].before), from, before_bytes(planes_[i]));
    }
    snapshot_ = Page();
    restores_ = false;
}

std::byte* PageFrame::row(std::size_t plane, std::int64_t position) const noexcept {
    std::byte* at = page_.data();
    for (std::size_t i = 0; i < plane; ++i) at += before_bytes(planes_[i]) + page_bytes(planes_[i]);
    return at + (planes_[plane].before + position - start_) * planes_[plane].row_bytes;
}

void PageFrame::roll() noexcept {
    for (std::size_t i = 0; i < planes_.size(); ++i) {
        std::memmove(row(i, start_ - planes_[i].before), row(i, start_ + page_tokens - planes_[i].before), before_bytes(planes_[i]));
    }
    start_ += page_tokens;
}

void PageFrame::save(Page& to) const noexcept {
    std::byte* at = to.data();
    for (std::size_t i = 0; i < planes_.size(); at += before_bytes(planes_[i]), ++i) {
        std::memcpy(at, row(i, start_ - planes_[i].before), before_bytes(planes_[i]));
    }
}

void PageFrame::restore(std::int64_t start, const Page& from) noexcept {
    start_ = start;
    snapshot_ = from;
    restores_ = true;
}

void PageFrame::write(std::int64_t position, const SaveBytes& to) const {
    if (restores_) return to({snapshot_.data(), snapshot_bytes()});  // position is start()
    for (std::size_t i = 0; start_ > 0 && i < planes_.size(); ++i) to({row(i, start_ - planes_[i].before), before_bytes(planes_[i])});
    for (std::size_t i = 0; position > start_ && i < planes_.size(); ++i) to({row(i, start_), static_cast<std::size_t>((position - start_) * planes_[i].row_bytes)});
}

void PageFrame::read(std::int64_t start, std::int64_t position, const LoadBytes& from) {
    if (start > 0) {
        const Page before(snapshot_bytes(), *memory_);
        from({before.data(), snapshot_bytes()});
        restore(start, before);
    }
    reserve();
    for (std::size_t i = 0; position > start && i < planes_.size(); ++i) from({row(i, start), static_cast<std::size_t>((position - start) * planes_[i].row_bytes)});
}

void PageFrame::clear() noexcept {
    page_ = snapshot_ = Page();
    held_ = restores_ = false;
    start_ = 0;
}

}  // namespace rorqual::layers
