#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "layers/page.hpp"
#include "layers/state.hpp"

namespace rorqual::layers {

/// The rows of the page of a timeline that is being written, and so many before it as somebody looks back at: rolling memory of fixed size,
/// for what a layer needs of its last tokens alone (a window, values that wait to be compressed). Several kinds of rows may roll together.
///
/// Within the page any position can be gone back to. When the page is full, roll() makes the next one: the last `before` rows of each
/// kind move to the front, and are what a Page of snapshot_bytes() holds: save() and restore() bring a page's beginning back.
class PageFrame {
 public:
    /// One kind of rows.
    struct Plane {
        std::int64_t before = 0;     ///< rows before the page that are looked back at
        std::int64_t row_bytes = 0;  ///< a multiple of 2
    };

    /// Empty, at position 0. `memory` is borrowed for the life of this frame and of all copies.
    PageFrame(std::vector<Plane> planes, std::pmr::memory_resource& memory);
    /// A copy shares the memory until one of the two writes to it.
    PageFrame(const PageFrame&) = default;
    PageFrame& operator=(const PageFrame&) = delete;

    /// Memory of its own, if it has none yet, with all that is remembered. Throws std::bad_alloc; the frame then is as it was.
    void reserve();

    /// Position of the page's first token.
    [[nodiscard]] std::int64_t start() const noexcept { return start_; }
    /// The row of the token at `position`, start() − before ≤ position < start() + 128, in reserved memory. Rows before position 0 mean nothing.
    [[nodiscard]] std::byte* row(std::size_t plane, std::int64_t position) const noexcept;

    /// Begins the page behind this one.
    void roll() noexcept;
    /// What was before the page.
    void save(Page& to) const noexcept;
    /// Begins the page at `start` with what save() kept of it, which the next reserve() brings back.
    void restore(std::int64_t start, const Page& from) noexcept;
    /// Writes all that is remembered up to `position`, in this page; and takes it over in a fresh frame whose page begins at `start`. Throws
    /// std::bad_alloc and what `to` and `from` throw.
    void write(std::int64_t position, const SaveBytes& to) const;
    void read(std::int64_t start, std::int64_t position, const LoadBytes& from);
    /// Makes a fresh frame of it, without memory.
    void clear() noexcept;

    [[nodiscard]] std::size_t bytes() const noexcept { return (held_ ? frame_bytes() : 0) + (restores_ ? snapshot_bytes() : 0); }
    [[nodiscard]] std::size_t frame_bytes() const noexcept;
    [[nodiscard]] std::size_t snapshot_bytes() const noexcept;

 private:
    std::vector<Plane> planes_;
    std::pmr::memory_resource* memory_;
    Page page_, snapshot_;
    bool held_ = false;      // page_ is there
    bool restores_ = false;  // snapshot_ waits to be brought back
    std::int64_t start_ = 0;
};

}  // namespace rorqual::layers
