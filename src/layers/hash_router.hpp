#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "layers/router.hpp"

namespace rorqual::layers {

/// Chooses experts by the token's id alone, from a table, as DeepSeek-V4 does in its first layers; their weights come of the router's scores like those
/// of any others. Reference: DeepSeek-V4 inference/model.py, Gate.
struct HashRouter {
    std::vector<std::int32_t> experts_of;  ///< tid2eid [V, k], each below the router's number of experts

    /// tokens [T], x [T, D]. The bias of `router` plays no part.
    [[nodiscard]] Router::Choice choose(const ops::Run& run, const Router& router, std::span<const Token> tokens, ConstRows x,
                                        const Router::Scratch& scratch) const;
};

}  // namespace rorqual::layers
