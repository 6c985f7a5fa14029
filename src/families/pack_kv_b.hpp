#pragma once

#include "layers/latent_attention.hpp"
#include "weights/packed_store.hpp"

namespace rorqual::families {

/// Adds the packed forms of one layer's W_kv_b (already loaded, packed where its format is) that fast mode uses: nothing where heads
/// are not made of whole panels. W_ukᵀ is quantised anew, to q8_0: blocks run along the other dimension there. So is all of W_kv_b
/// where it is stored in a format without packed products. Values beyond what such blocks hold leave it as it is: computed exactly.
void pack_kv_b(const LatentAttentionShape& shape, layers::KvB& kv_b, weights::PackedStore& packed, cpu::Workers& workers);

/// Bytes that takes, at most; `kv_b.w` tells its format and whether it is packed itself.
[[nodiscard]] std::uint64_t packed_kv_b_bytes(const LatentAttentionShape& shape, const layers::KvB& kv_b);

}  // namespace rorqual::families
