#pragma once

/// The program's operator new, which can be told to fail: for tests that try every allocation of a call. Counts on all threads.
/// Linked into a program, it serves the shared library, too.
namespace rorqual::test {

/// From now on allocations are counted; all succeed.
void count_allocations() noexcept;
/// From now on allocations are counted, and number `index` fails; with `always`, all after it as well.
void fail_allocation(long index, bool always) noexcept;
/// Allocations succeed again. Returns how many were counted.
long stop_counting() noexcept;

}  // namespace rorqual::test
