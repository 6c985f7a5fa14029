#pragma once

#include <cstdint>
#include <string>

namespace cli {

/// What a machine can do at most, measured: the figures that speeds stand beside. With as many threads as a model uses; the best of
/// many short tries, so that a busy neighbour shows as little as it can.
struct Machine {
    std::string processor;         ///< as the system calls it
    double read_bytes = 0;         ///< read from memory, a second
    double int8_macs = 0;          ///< multiply-adds of 8-bit integers from registers, a second
    std::string int8_instruction;  ///< that does them: "vpmaddubsw"
    double f32_flops = 0;          ///< operations of f32 multiply-adds from registers, two each, a second
};

[[nodiscard]] Machine measure_machine(unsigned threads);

/// How many tasks have been running of late: how busy the machine is. −1 where the system does not tell.
[[nodiscard]] double load_average();

/// Memory of this process that is resident now, or was at most.
[[nodiscard]] std::uint64_t resident_bytes();
[[nodiscard]] std::uint64_t peak_resident_bytes();

}  // namespace cli
