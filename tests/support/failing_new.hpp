#pragma once

namespace rorqual::test {

/// While it lives, this thread gets `left` more allocations from operator new, and then none: memory has run out and stays
/// so. A program that uses it lists support/failing_new.cpp, which replaces operator new, among its sources.
class FailingNew {
 public:
    explicit FailingNew(long left) noexcept;
    FailingNew(const FailingNew&) = delete;
    FailingNew& operator=(const FailingNew&) = delete;
    ~FailingNew();

    /// Whether an allocation of this thread failed since the last one was made.
    [[nodiscard]] static bool happened() noexcept;
};

}  // namespace rorqual::test
