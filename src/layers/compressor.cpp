#include "layers/compressor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace rorqual::layers {
namespace {

// One token's part in an entry: d values and d gates.
struct Slot {
    const float* values;
    const float* gates;
};

// entry[c] = Σ_s softmax_s(gates_s[c])·values_s[c], slots in ascending order. `slot(s)` is one of `slots`.
template <class SlotAt>
void average(std::int64_t slots, const SlotAt& slot, std::span<float> entry) {
    constexpr std::size_t at_once = 64;
    for (std::size_t first = 0; first < entry.size(); first += at_once) {
        const auto count = std::min(at_once, entry.size() - first);
        float peak[at_once], total[at_once], sum[at_once];
        std::fill_n(peak, count, -std::numeric_limits<float>::infinity());
        std::fill_n(total, count, 0.0f);
        std::fill_n(sum, count, 0.0f);
        for (std::int64_t s = 0; s < slots; ++s) {
            const float* const g = slot(s).gates + first;
            for (std::size_t c = 0; c < count; ++c) peak[c] = g[c] > peak[c] ? g[c] : peak[c];
        }
        for (std::int64_t s = 0; s < slots; ++s) {
            const Slot of = slot(s);
            for (std::size_t c = 0; c < count; ++c) {
                const float weight = std::exp(of.gates[first + c] - peak[c]);
                total[c] += weight;
                sum[c] += weight * of.values[first + c];
            }
        }
        for (std::size_t c = 0; c < count; ++c) entry[first + c] = sum[c] / total[c];
    }
}

}  // namespace

Compressor::Scratch Compressor::Scratch::cut(cpu::Arena& arena, const Config& config, std::size_t workers) {
    const auto w = static_cast<std::int64_t>(workers);
    return {.cos = arena.take_rows(w, config.rope / 2), .sin = arena.take_rows(w, config.rope / 2)};
}

std::array<ops::Product, 2> Compressor::projections(const ops::Input& x, Rows waiting) const noexcept {
    const auto channels = config.channels();
    return {{{wkv, x, waiting.slice_cols(0, channels)}, {wgate, x, waiting.slice_cols(channels, channels)}}};
}

void Compressor::add_bias(std::int64_t position, Rows waiting) const noexcept {
    const auto channels = config.channels();
    const auto gates = waiting.slice_cols(channels, channels);
    for (std::int64_t t = 0; t < waiting.rows; ++t) {
        const float* const bias = ape.data() + (position + t) % config.ratio * channels;
        const auto g = gates.row(t);
        for (std::size_t c = 0; c < g.size(); ++c) g[c] += bias[c];
    }
}

void Compressor::mix(const ops::Worker& worker, std::size_t index, std::int64_t w, ConstRows waiting, const Rope& rope, std::span<float> entry,
                     const Scratch& scratch) const {
    const auto ratio = config.ratio, channels = config.channels();
    const bool mixes_previous = config.overlaps && w > 0;
    // Slots in the order of their tokens: those of window w−1, if any, then those of w.
    const auto first_token = mixes_previous ? -ratio : 0;
    average(
        ratio - first_token,
        [&](std::int64_t s) -> Slot {
            const auto token = first_token + s;
            const auto half = config.overlaps && token >= 0 ? config.width : 0;
            const float* const row = waiting.data + token * waiting.stride;
            return {row + half, row + channels + half};
        },
        entry);
    const Rows row(entry.data(), 1, config.width);
    worker.kernels.rms_norm(row, norm.data(), config.norm_eps, row);
    const auto at = static_cast<std::int64_t>(index);
    const auto cos = scratch.cos.slice_rows(at, 1), sin = scratch.sin.slice_rows(at, 1);
    rope.angles(w * ratio, cos, sin);
    ops::rope(cos, sin, RopePairs::adjacent, 1, config.width, config.width - config.rope, row);
}

}  // namespace rorqual::layers
