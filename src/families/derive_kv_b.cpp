#include "families/derive_kv_b.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "ops/decoded.hpp"
#include "quant/encode.hpp"
#include "weights/packed_store.hpp"

namespace rorqual::families {
namespace {

constexpr DType derived_format = DType::q8_0;
constexpr float most_value = 65504;  // what any block can hold; NaN is beyond it too

// All values of W_kv_b, or none where blocks cannot hold them.
std::vector<float> values_of(const WeightView& w) {
    std::vector<float> values(static_cast<std::size_t>(w.rows * w.cols));
    ops::decode_rows(w, 0, w.rows, values.data());
    if (!std::ranges::all_of(values, [](float v) { return std::abs(v) <= most_value; })) values.clear();
    return values;
}

// Values [rows, cols] quantised into `room`.
WeightView quantised(const std::vector<float>& values, std::int64_t rows, std::int64_t cols, std::vector<std::byte>& room) {
    WeightView stored{derived_format, nullptr, rows, cols};
    if (values.empty()) return stored;
    room.resize(static_cast<std::size_t>(stored.bytes()));
    quant::encode(derived_format, values, room);
    stored.data = room.data();
    return stored;
}

// Per head W_ukᵀ.
std::vector<float> transposed_uk(const LatentAttentionShape& shape, const std::vector<float>& kv_b) {
    if (kv_b.empty()) return {};
    const auto nope = shape.qk_nope_head_dim, latent = shape.kv_lora_rank, head = nope + shape.v_head_dim;
    std::vector<float> transposed(static_cast<std::size_t>(shape.heads * latent * nope));
    for (std::int64_t h = 0; h < shape.heads; ++h) {
        for (std::int64_t i = 0; i < nope; ++i) {
            const float* const row = kv_b.data() + (h * head + i) * latent;
            for (std::int64_t k = 0; k < latent; ++k) transposed[static_cast<std::size_t>((h * latent + k) * nope + i)] = row[k];
        }
    }
    return transposed;
}

}  // namespace

void derive_kv_b(weights::TensorTable& table, const std::string& name, const LatentAttentionShape& shape, layers::KvB& kv_b,
                 const std::function<bool()>& wanted) {
    if (!layers::KvB::packable(shape)) return;
    const auto rows = shape.heads * (shape.qk_nope_head_dim + shape.v_head_dim), latent = shape.kv_lora_rank;
    const auto transposed_rows = shape.heads * latent, nope = shape.qk_nope_head_dim;
    table.derive({.name = name + ".uk_transposed",
                  .rows = transposed_rows,
                  .cols = nope,
                  .from = &kv_b.w,
                  .to = &kv_b.uk_transposed,
                  .format = [wanted] { return wanted() ? std::optional(derived_format) : std::nullopt; },
                  .make = [&kv_b, shape, transposed_rows, nope](std::vector<std::byte>& room) { return quantised(transposed_uk(shape, values_of(kv_b.w)), transposed_rows, nope, room); }});
    table.derive({.name = name + ".packed",
                  .rows = rows,
                  .cols = latent,
                  .from = &kv_b.w,
                  .to = &kv_b.packed,
                  .format = [wanted, &kv_b] { return wanted() && !kv_b.w.packed() && !weights::packs_copy(kv_b.w.dtype, kv_b.w.cols) ? std::optional(derived_format) : std::nullopt; },
                  .make = [&kv_b, rows, latent](std::vector<std::byte>& room) { return quantised(values_of(kv_b.w), rows, latent, room); }});
}

}  // namespace rorqual::families
