#include "weights/packed_store.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <string>
#include <utility>

#include "base/ceil_div.hpp"
#include "cpu/pages.hpp"
#include "panels/layout.hpp"
#include "quant/block_scaled.hpp"
#include "quant/encode.hpp"
#include "quant/finite.hpp"
#include "rorqual/error.hpp"

namespace rorqual::weights {
namespace {

// Regions as large as that waste little at their ends, and are made of huge pages where the system has them.
constexpr std::uint64_t most_region = std::uint64_t{64} << 20;
constexpr std::int64_t panels_at_once = 4;  // in one task
constexpr std::int64_t no_block = INT64_MAX;

void lower(std::atomic<std::int64_t>& least, std::int64_t value) noexcept {
    for (auto known = least.load(); value < known && !least.compare_exchange_weak(known, value);) {
    }
}

}  // namespace

bool can_pack(DType dtype, std::int64_t cols) noexcept { return panels::packable(dtype) && cols > 0 && cols % block_length(dtype) == 0; }

std::uint64_t packed_bytes(DType dtype, std::int64_t rows, std::int64_t cols) noexcept {
    return static_cast<std::uint64_t>(ceil_div(rows, panels::panel_rows)) * static_cast<std::uint64_t>(panels::panel_bytes(dtype, cols));
}

void throw_not_finite(std::int64_t index, std::int64_t cols) {
    throw Error(Status::corrupt, "row " + std::to_string(index / cols) + ", column " + std::to_string(index % cols) + " stands for a weight that is not finite");
}

PackedStore::Region::Region(std::size_t bytes, std::pmr::memory_resource& from)
    : memory(&from), size(bytes), data(static_cast<std::byte*>(from.allocate(bytes, cpu::huge_page_bytes))) {
    cpu::prefer_huge_pages({data, size});
}
PackedStore::Region::Region(Region&& other) noexcept
    : memory(other.memory), size(other.size), data(std::exchange(other.data, nullptr)), used(other.used) {}
PackedStore::Region& PackedStore::Region::operator=(Region&& other) noexcept {
    std::swap(memory, other.memory);
    std::swap(size, other.size);
    std::swap(data, other.data);
    std::swap(used, other.used);
    return *this;
}
PackedStore::Region::~Region() {
    if (data) memory->deallocate(data, size, cpu::huge_page_bytes);
}

PackedStore::PackedStore(std::uint64_t expected, std::pmr::memory_resource& memory) : memory_(&memory), expected_(expected) {}

std::byte* PackedStore::take(std::size_t bytes) {
    if (regions_.empty() || regions_.back().size - regions_.back().used < bytes) {
        const std::uint64_t left = expected_ > bytes_ ? expected_ - bytes_ : 0;
        regions_.emplace_back(std::max(static_cast<std::size_t>(std::min(left, most_region)), bytes), *memory_);
    }
    auto& region = regions_.back();
    return region.data + std::exchange(region.used, region.used + bytes);
}

WeightView PackedStore::pack(const WeightView& stored, cpu::Workers& workers) {
    const auto bytes = packed_bytes(stored.dtype, stored.rows, stored.cols);
    const auto panel = panels::panel_bytes(stored.dtype, stored.cols);
    auto* const to = take(bytes);
    const auto count = ceil_div(stored.rows, panels::panel_rows);
    std::atomic<std::int64_t> odd_block = no_block;
    workers.parallel_for(ceil_div(count, panels_at_once), nullptr, [&](std::int64_t task, std::size_t) {
        const auto first = task * panels_at_once;
        const auto panels = std::min(panels_at_once, count - first);
        const auto row = first * panels::panel_rows, rows = std::min(panels * panels::panel_rows, stored.rows - row);
        const auto block = quant::first_not_finite(stored.dtype, {stored.data + row * stored.row_bytes(), static_cast<std::size_t>(rows * stored.row_bytes())});
        if (block) lower(odd_block, row * (stored.cols / block_length(stored.dtype)) + *block);
        panels::pack(stored.dtype, stored.data, stored.rows, stored.cols, first, panels, to + first * panel);
    });
    if (odd_block != no_block) throw Error(Status::corrupt, "block " + std::to_string(odd_block) + " stands for weights that are not finite");
    bytes_ += bytes;
    return {stored.dtype, to, stored.rows, stored.cols, panel};
}

WeightView PackedStore::pack_scaled(const WeightView& stored, cpu::Workers& workers) {
    constexpr float most_value = 65504;  // of a half-precision scale's block
    const auto rows_at_once = panels::panel_rows, cols = stored.cols;
    const auto bytes = packed_bytes(requantised_format, stored.rows, cols);
    const auto panel = panels::panel_bytes(requantised_format, cols);
    const auto blocks = rows_at_once * cols / block_length(requantised_format), block = block_bytes(requantised_format);
    std::vector<float> values(workers.count() * static_cast<std::size_t>(rows_at_once * cols));
    std::vector<std::byte> encoded(workers.count() * static_cast<std::size_t>(blocks * block));
    auto* const to = take(bytes);
    std::atomic<std::int64_t> odd_value = no_block;
    std::atomic<bool> fits = true;
    workers.parallel_for(ceil_div(stored.rows, rows_at_once), nullptr, [&](std::int64_t task, std::size_t worker) {
        const auto row = task * rows_at_once, rows = std::min(rows_at_once, stored.rows - row);
        const auto room = static_cast<std::int64_t>(worker);
        float* const value = values.data() + room * rows_at_once * cols;
        std::byte* const code = encoded.data() + room * blocks * block;
        quant::decode_scaled(stored.slice_rows(row, rows), value);
        for (std::int64_t i = 0; i < rows * cols; ++i) {
            if (std::abs(value[i]) <= most_value) continue;
            fits = false;
            if (std::isfinite(value[i])) continue;
            lower(odd_value, row * cols + i);
            return;
        }
        for (std::int64_t b = 0; b * block_length(requantised_format) < rows * cols; ++b) quant::encode_q8_0(value + b * block_length(requantised_format), code + b * block);
        panels::pack(requantised_format, code, rows, cols, 0, 1, to + task * panel);
    });
    if (odd_value != no_block) throw_not_finite(odd_value, cols);
    bytes_ += bytes;
    return fits ? WeightView{requantised_format, to, stored.rows, cols, panel} : WeightView{};
}

}  // namespace rorqual::weights
