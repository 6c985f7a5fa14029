#pragma once

#include "cpu/isa.hpp"
#include "cpu/workers.hpp"

// What the machine can do at most, measured: the figures that benchmarks stand beside.

namespace rorqual::bench {

/// f32 operations a second (a fused multiply-add is two) of one thread from registers, with the vectors of `isa`.
[[nodiscard]] double peak_flops(cpu::Isa isa);

/// Cycles a second of processor time, as a chain of additions that each wait for the one before sees them.
[[nodiscard]] double clock_hz();

/// Bytes a second that `workers` read from memory together.
[[nodiscard]] double read_bandwidth(cpu::Workers& workers);

/// Runs `count` rounds of independent multiply-adds; each file of these has its instruction set. Returns operations done.
double spin_portable(long count);
double spin_avx2(long count);
double spin_avx512(long count);

}  // namespace rorqual::bench
