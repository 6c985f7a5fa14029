#include "families/pack_kv_b.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/decoded.hpp"
#include "quant/encode.hpp"

namespace rorqual::families {
namespace {

constexpr DType derived_format = DType::q8_0;
constexpr float most_value = 65504;  // what any block can hold; NaN is beyond it too

/// Values [rows, cols] quantised and packed.
WeightView pack_values(const std::vector<float>& values, std::int64_t rows, std::int64_t cols, weights::PackedStore& packed, cpu::Workers& workers) {
    WeightView stored{derived_format, nullptr, rows, cols};
    std::vector<std::byte> bytes(static_cast<std::size_t>(stored.bytes()));
    quant::encode(derived_format, values, bytes);
    stored.data = bytes.data();
    return packed.pack(stored, workers);
}

}  // namespace

std::uint64_t packed_kv_b_bytes(const LatentAttentionShape& shape, const layers::KvB& kv_b) {
    if (!layers::KvB::packable(shape)) return 0;
    const auto transposed = weights::packed_bytes(derived_format, shape.heads * shape.kv_lora_rank, shape.qk_nope_head_dim);
    return transposed + (kv_b.w.packed() ? 0 : weights::packed_bytes(derived_format, kv_b.w.rows, kv_b.w.cols));
}

void pack_kv_b(const LatentAttentionShape& shape, layers::KvB& kv_b, weights::PackedStore& packed, cpu::Workers& workers) {
    if (!layers::KvB::packable(shape)) return;
    const auto nope = shape.qk_nope_head_dim, latent = shape.kv_lora_rank, head = nope + shape.v_head_dim;
    std::vector<float> all(static_cast<std::size_t>(kv_b.w.rows * latent));
    ops::decode_rows(kv_b.w, 0, kv_b.w.rows, all.data());
    if (!std::ranges::all_of(all, [](float v) { return std::abs(v) <= most_value; })) return;
    std::vector<float> transposed(static_cast<std::size_t>(shape.heads * latent * nope));
    for (std::int64_t h = 0; h < shape.heads; ++h) {
        for (std::int64_t i = 0; i < nope; ++i) {
            const float* const row = all.data() + (h * head + i) * latent;
            for (std::int64_t k = 0; k < latent; ++k) transposed[static_cast<std::size_t>((h * latent + k) * nope + i)] = row[k];
        }
    }
    kv_b.uk_transposed = pack_values(transposed, shape.heads * latent, nope, packed, workers);
    kv_b.packed = kv_b.w.packed() ? kv_b.w : pack_values(all, kv_b.w.rows, latent, packed, workers);
}

}  // namespace rorqual::families
