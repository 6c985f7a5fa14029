#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "families/network.hpp"
#include "layers/experts.hpp"
#include "layers/hash_router.hpp"
#include "layers/hyper_connections.hpp"
#include "layers/shared_kv_attention.hpp"

namespace rorqual::families::deepseek_v4 {

struct Activations;

/// The tokens of one sequence in an evaluation, and the cache of the layer that computes.
struct Part {
    std::int64_t count = 0;
    layers::SharedKvCache* cache = nullptr;
};

/// Buffers of a session: what its blocks share, since one runs at a time.
struct Scratch final : Workspace {
    Rows h, out;                   ///< [chunk, D]
    panels::QuantisedRows h_int8;  ///< [chunk, D]
    Rows mix;                      ///< [chunk, (2+n)·n]
    layers::SharedKvAttention::Scratch attention;
    layers::FfnScratch inner;
    layers::ExpertFfn::Scratch experts;
    ops::Scratch products;
    std::span<Part> parts;  ///< [chunk]

    /// Rows of T tokens; `streams` [T, n·D] is their residual stream.
    [[nodiscard]] Activations activations(std::span<const Token> tokens, Rows streams) const noexcept;
};

/// The T tokens of one evaluation on their way through the blocks.
struct Activations {
    std::span<const Token> tokens;
    Rows streams;  ///< [T, n·D] residual stream, updated in place
    Rows h;        ///< [T, D] what a layer reads of it, after a norm
    Rows out;      ///< [T, D] what a layer adds to it
    const Scratch& scratch;
};

inline Activations Scratch::activations(std::span<const Token> tokens, Rows streams) const noexcept {
    const auto T = static_cast<std::int64_t>(tokens.size());
    return {tokens, streams, h.slice_rows(0, T), out.slice_rows(0, T), *this};
}

/// One block. DeepSeek-V4 §2; reference: DeepSeek-V4 inference/model.py, Block.
struct Block {
    std::vector<float> attn_norm, ffn_norm;  ///< [D]
    float norm_eps = 0;
    layers::HyperConnection attn_hyper, ffn_hyper;
    layers::SharedKvAttention attention;
    layers::ExpertFfn ffn;
    std::optional<layers::HashRouter> hash;  ///< in the first layers

    /// The rows of `a` are those of the parts, one after another. Returns the chosen experts. `rope`: of the layer's kind.
    layers::Router::Choice forward(const ops::Run& run, const Activations& a, const Rope& rope, std::span<const Part> parts) const;

 private:
    void attend(const ops::Run& run, const Activations& a, const Rope& rope, std::span<const Part> parts) const;
};

}  // namespace rorqual::families::deepseek_v4
