#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>

#include "layers/state.hpp"
#include "ops/run.hpp"
#include "rorqual/model.hpp"

namespace rorqual::families {

class Workspace;
struct Compute;

/// What a network may offer beside its logits: guesses of the token after the next, made from what the network computed anyway, at the
/// price of about one layer. Guesses are for the network to verify. Multi-token prediction, DeepSeek-V3 §2.2.
/// It has a state of its own, which remembers one token less than those of the network: its position t joins the network's final hidden
/// state at t with the token at t + 1. Immutable once loaded, as the network that it is part of.
class DraftHead {
 public:
    virtual ~DraftHead() = default;

    /// Bytes one token adds to its state.
    [[nodiscard]] virtual std::size_t cache_bytes_per_token(CacheFormat format) const noexcept = 0;

    /// Bytes of its state at `tokens` tokens; of whole pages, where a token adds as much as another.
    [[nodiscard]] virtual std::uint64_t cache_bytes(CacheFormat format, std::int64_t tokens) const;

    /// An empty state that takes its pages from `memory`.
    [[nodiscard]] virtual std::unique_ptr<layers::LayerState> new_state(CacheFormat format, std::pmr::memory_resource& memory) const = 0;

    /// hidden [T, H], as wide as the network's: what forward() of it gave for positions position … position+T−1; next: the T tokens that follow those; T up
    /// to the workspace's chunk. The state, which stood at `position`, has them remembered afterwards. out [T, H]: hidden states of the
    /// head; it may be `hidden`. Throws Error(cancelled); the state then is to be rewound by the caller.
    virtual void forward(const ops::Run& run, const Compute& compute, ConstRows hidden, std::span<const Token> next, std::int64_t position,
                         layers::LayerState& state, Workspace& workspace, Rows out) const = 0;

    /// logits [T, V] of its hidden states [T, H], T ≤ chunk: row t is about the token after next[t].
    virtual void logits(const ops::Run& run, Workspace& workspace, ConstRows hidden, Rows logits) const = 0;
};

}  // namespace rorqual::families
