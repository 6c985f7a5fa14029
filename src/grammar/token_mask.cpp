#include "grammar/token_mask.hpp"

#include <utility>

namespace rorqual::grammar {
namespace {

constexpr std::size_t most_masks = 128;

}  // namespace

TokenMask::TokenMask(std::shared_ptr<const Automaton> automaton, Index root, const text::TokenTrie& trie, std::size_t vocab_size)
    : matcher_(std::move(automaton), root), trie_(&trie), words_((vocab_size + 63) / 64), place_(matcher_.start()), way_(trie.depth() + 1) {}

std::span<const std::uint64_t> TokenMask::allowed() {
    if (const auto known = masks_.find(place_); known != masks_.end()) return known->second;
    std::vector<std::uint64_t> mask(words_);
    way_[0] = place_;
    const auto nodes = trie_->nodes();
    for (std::uint32_t i = 0; i < nodes.size();) {
        const auto& node = nodes[i];
        const Matcher::Place next = matcher_.after(way_[node.depth], node.byte);
        if (next == Matcher::nowhere) {
            i = node.end;
            continue;
        }
        way_[node.depth + 1U] = next;
        for (const Token token : trie_->tokens().subspan(node.first_token, node.tokens)) {
            const auto t = static_cast<std::size_t>(token);
            if (t / 64 < words_) mask[t / 64] |= std::uint64_t{1} << t % 64;
        }
        ++i;
    }
    if (masks_.size() >= most_masks) masks_.clear();
    return masks_[place_] = std::move(mask);
}

bool TokenMask::accept(std::string_view bytes) {
    const Matcher::Place next = matcher_.after(place_, bytes);
    if (next == Matcher::nowhere) return false;
    place_ = next;
    return true;
}

void TokenMask::tidy() {
    if (matcher_.places() <= Matcher::most_places) return;
    std::map<Matcher::Place, std::vector<std::uint64_t>> none;
    place_ = matcher_.forget_all_but(place_);
    masks_.swap(none);
}

}  // namespace rorqual::grammar
