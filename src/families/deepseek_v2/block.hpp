#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "families/network.hpp"
#include "layers/dense_ffn.hpp"
#include "layers/experts.hpp"
#include "layers/latent_cache.hpp"
#include "layers/mla.hpp"

namespace rorqual::families::deepseek_v2 {

/// Buffers of a session: what its blocks share, since one runs at a time.
struct Scratch final : Workspace {
    Rows x, h, out;                ///< [chunk, D]
    panels::QuantisedRows h_int8;  ///< [chunk, D]
    Rows cos, sin;                 ///< [chunk, rope/2]
    layers::Mla::Scratch mla;
    layers::FfnScratch inner;
    ops::Scratch products;
    layers::ExpertFfn::Scratch experts;  ///< empty in models without experts
};

/// The T tokens of one evaluation on their way through the blocks.
struct Activations {
    Rows x;    ///< [T, D] residual stream, updated in place
    Rows h;    ///< [T, D] x after a norm
    Rows out;  ///< [T, D] what a layer adds to x
    layers::RopeAngles angles;
    const Scratch& scratch;
};

/// One block. DeepSeek-V2 §2, fig. 2.
struct Block {
    std::vector<float> attn_norm;  ///< [D] input_layernorm
    std::vector<float> ffn_norm;   ///< [D] post_attention_layernorm
    float norm_eps = 0;
    layers::Mla mla;
    std::variant<layers::DenseFfn, layers::ExpertFfn> ffn;  ///< decided by the config: dense in the first layers

    /// Returns the chosen experts, where there are any.
    std::optional<layers::Router::Choice> forward(const ops::Run& run, AttentionForm form, const Activations& a,
                                                  layers::LatentCache& cache) const;
};

}  // namespace rorqual::families::deepseek_v2
