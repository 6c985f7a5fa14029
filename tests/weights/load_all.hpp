#pragma once

#include <memory_resource>

#include "weights/weight_store.hpp"

namespace rorqual::test {

/// WeightStore::load for tables without anything to pack.
inline void load_all(weights::WeightStore& store, const weights::TensorTable& table, std::pmr::memory_resource& memory) {
    weights::PackedStore packed;
    store.load(table, memory, packed, *cpu::Workers::caller());
}

}  // namespace rorqual::test
