#pragma once

#include <functional>
#include <string>

#include "layers/latent_attention.hpp"
#include "weights/tensor_table.hpp"

namespace rorqual::families {

/// Lists the packed forms of one layer's W_kv_b that fast mode uses, where heads are made of whole panels and `wanted()` says so. W_ukᵀ is
/// quantised anew, to q8_0: blocks run along the other dimension there. So is all of W_kv_b where it is stored in a format
/// without packed products. Values beyond what such blocks hold leave it as it is: computed exactly.
/// `name`: of W_kv_b in packed files, without a suffix. `kv_b` and what `wanted` refers to outlive the table.
void derive_kv_b(weights::TensorTable& table, const std::string& name, const LatentAttentionShape& shape, layers::KvB& kv_b,
                 const std::function<bool()>& wanted);

}  // namespace rorqual::families
