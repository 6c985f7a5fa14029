#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "families/latent_moe/block_state.hpp"
#include "families/network.hpp"
#include "layers/dense_ffn.hpp"
#include "layers/experts.hpp"
#include "layers/indexer.hpp"
#include "layers/mla.hpp"

namespace rorqual::families::latent_moe {

struct Activations;

/// The tokens of one sequence in an evaluation, and the state of the block that computes.
struct Part {
    std::int64_t count = 0;
    BlockState* state = nullptr;
};

/// Buffers of a session: what its blocks share, since one runs at a time.
struct Scratch final : Workspace {
    Rows x, h, out;                ///< [chunk, D]
    panels::QuantisedRows h_int8;  ///< [chunk, D]
    Rows cos, sin;                 ///< [chunk, rope/2]
    layers::Mla::Scratch mla;
    layers::Indexer::Scratch indexer;  ///< empty in models without one
    layers::FfnScratch inner;
    ops::Scratch products;
    std::span<Part> parts;               ///< [chunk]
    layers::ExpertFfn::Scratch experts;  ///< empty in models without experts
    Rows joined;                         ///< [chunk or less, 2·D] what a draft head begins with; empty in models without one
    panels::QuantisedRows joined_int8;

    /// Rows and angles of T tokens.
    [[nodiscard]] Activations activations(std::int64_t T) const noexcept;
};

/// The T tokens of one evaluation on their way through the blocks.
struct Activations {
    Rows x;    ///< [T, D] residual stream, updated in place
    Rows h;    ///< [T, D] x after a norm
    Rows out;  ///< [T, D] what a layer adds to x
    layers::RopeAngles angles;
    const Scratch& scratch;
};

inline Activations Scratch::activations(std::int64_t T) const noexcept {
    return {x.slice_rows(0, T), h.slice_rows(0, T), out.slice_rows(0, T), {cos.slice_rows(0, T), sin.slice_rows(0, T)}, *this};
}

/// One block. DeepSeek-V2 §2, fig. 2.
struct Block {
    std::vector<float> attn_norm;  ///< [D] input_layernorm
    std::vector<float> ffn_norm;   ///< [D] post_attention_layernorm
    float norm_eps = 0;
    layers::Mla mla;
    std::optional<layers::Indexer> indexer;                 ///< DeepSeek-V3.2
    std::variant<layers::DenseFfn, layers::ExpertFfn> ffn;  ///< decided by the config: dense in the first layers

    /// The rows of `a` are those of the parts, one after another. Returns the chosen experts, where there are any.
    std::optional<layers::Router::Choice> forward(const ops::Run& run, AttentionForm form, const Activations& a, std::span<const Part> parts) const;

 private:
    void attend(const ops::Run& run, AttentionForm form, const ops::Input& h, const Activations& a, std::span<const Part> parts) const;
    [[nodiscard]] std::optional<layers::Indexer::Query> index(const ops::Run& run, const ops::Input& latent, const ops::Input& h, const Activations& a,
                                                              std::span<const Part> parts) const;
};

}  // namespace rorqual::families::latent_moe
