#include "text/bpe.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "text/rank_queue.hpp"

namespace rorqual::text {
namespace {

constexpr std::uint64_t multiplier = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio: spreads keys over the upper bits

// Up to here, looking for the lowest rank again after each merge is faster than a heap.
constexpr std::size_t longest_short = 40;

std::uint64_t load64(const char* p) {
    std::uint64_t value = 0;
    std::memcpy(&value, p, sizeof value);
    return value;
}

std::uint64_t load32(const char* p) {
    std::uint32_t value = 0;
    std::memcpy(&value, p, sizeof value);
    return value;
}

}  // namespace

std::optional<std::pair<std::string_view, std::string_view>> merge_pair(std::string_view both) {
    const std::size_t space = both.find(' ');
    if (space == std::string_view::npos || both.find(' ', space + 1) != std::string_view::npos) return std::nullopt;
    return std::pair(both.substr(0, space), both.substr(space + 1));
}

Bpe::Bpe(const Vocabulary& vocabulary, const std::array<Token, 256>& byte_tokens, std::span<const Merge> merges, bool whole_words)
    : vocabulary_(vocabulary), byte_tokens_(byte_tokens), whole_words_(whole_words) {
    slots_.resize(std::bit_ceil(2 * merges.size() + 2));
    shift_ = 64 - std::countr_zero(slots_.size());
    merged_.reserve(merges.size());
    for (const Merge& merge : merges) {
        const auto new_rank = static_cast<std::uint32_t>(merged_.size());
        merged_.push_back(merge.merged);
        if (vocabulary.is_special(merge.merged)) continue;
        const std::uint64_t pair = key(merge.left, merge.right);
        slots_[slot_of(pair)] = {pair, new_rank};
    }
    byte_pair_ranks_.reserve(256 * 256);
    for (const Token left : byte_tokens) {
        for (const Token right : byte_tokens) byte_pair_ranks_.push_back(rank(left, right));
    }
}

std::size_t Bpe::slot_of(std::uint64_t pair) const noexcept {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = pair * multiplier >> shift_;
    while (slots_[slot].pair != pair && slots_[slot].pair != Slot::empty) slot = (slot + 1) & mask;
    return slot;
}

std::uint32_t Bpe::rank(Token left, Token right) const noexcept { return slots_[slot_of(key(left, right))].rank; }

std::uint32_t Bpe::byte_pair_rank(const char* pair) const noexcept {
    return byte_pair_ranks_[static_cast<std::size_t>(static_cast<unsigned char>(pair[0])) * 256 + static_cast<unsigned char>(pair[1])];
}

Bpe::Encoder::Encoder(const Bpe& bpe, std::size_t text_bytes)
    : bpe_(bpe), words_(std::bit_ceil(std::clamp<std::size_t>(text_bytes / 8, 16, 32768))) {}

void Bpe::Encoder::encode(std::string_view piece, std::vector<Token>& out) {
    if (piece.size() > Word::longest) return merge(piece, out);

    // The two halves overlap for fewer than 16 bytes; with the length they still tell any two words apart.
    const char* p = piece.data();
    const std::size_t length = piece.size();
    std::uint64_t head = 0, tail = 0;
    if (length >= 8) {
        head = load64(p), tail = load64(p + length - 8);
    } else if (length >= 4) {
        head = load32(p), tail = load32(p + length - 4);
    } else {
        for (const char byte : piece) head = head << 8 | static_cast<unsigned char>(byte);
    }
    const std::uint64_t mixed = (head ^ std::rotl(tail * multiplier, 29) ^ length) * multiplier;
    Word& word = words_[(mixed >> 40) & (words_.size() - 1)];
    if (word.length == length && word.head == head && word.tail == tail) {
        for (std::size_t i = 0; i < word.count; ++i) out.push_back(word.tokens[i]);  // one or two: not worth a memmove
        return;
    }
    const std::size_t before = out.size();
    merge(piece, out);
    const std::size_t count = out.size() - before;
    if (count > Word::most_tokens) return;
    word = {head, tail, static_cast<std::uint16_t>(length), static_cast<std::uint16_t>(count), {}};
    std::copy_n(out.begin() + static_cast<std::ptrdiff_t>(before), count, word.tokens.begin());
}

void Bpe::Encoder::merge(std::string_view piece, std::vector<Token>& out) {
    if (bpe_.whole_words_) {
        const auto whole = bpe_.vocabulary_.find_bytes(piece);
        if (whole && !bpe_.vocabulary_.is_special(*whole)) return out.push_back(*whole);
    }
    piece.size() <= longest_short ? merge_short(piece, out) : merge_long(piece, out);
}

// tokens[0..count) with ranks[i] the rank of the pair (i, i + 1): find the lowest, merge, close the gap.
void Bpe::Encoder::merge_short(std::string_view piece, std::vector<Token>& out) {
    std::array<Token, longest_short> tokens;
    std::array<std::uint32_t, longest_short> ranks;
    std::size_t count = piece.size();
    const auto rank_at = [&](std::size_t i) { return i + 1 < count ? bpe_.rank(tokens[i], tokens[i + 1]) : no_rank; };
    for (std::size_t i = 0; i < count; ++i) tokens[i] = bpe_.byte_tokens_[static_cast<unsigned char>(piece[i])];
    for (std::size_t i = 0; i + 1 < count; ++i) ranks[i] = bpe_.byte_pair_rank(piece.data() + i);
    ranks[count - 1] = no_rank;
    while (count > 1) {
        const auto lowest = std::min_element(ranks.begin(), ranks.begin() + count);
        if (*lowest == no_rank) break;
        const auto i = static_cast<std::size_t>(lowest - ranks.begin());
        tokens[i] = bpe_.merged_[*lowest];
        --count;
        for (std::size_t j = i + 1; j < count; ++j) tokens[j] = tokens[j + 1], ranks[j] = ranks[j + 1];
        ranks[i] = rank_at(i);
        if (i > 0) ranks[i - 1] = rank_at(i - 1);
    }
    out.insert(out.end(), tokens.begin(), tokens.begin() + count);
}

// The same with a queue and a list of neighbours: O(n log n) whatever the text is. A pair that changes leaves its entry in
// the queue; it is recognised by its rank no longer being the one at its place (a pair never comes back: tokens only grow).
void Bpe::Encoder::merge_long(std::string_view piece, std::vector<Token>& out) {
    struct Symbol {
        Token token;
        std::uint32_t previous, next;
        std::uint32_t rank = no_rank;  // of the pair that begins here
    };
    const auto size = static_cast<std::uint32_t>(piece.size());
    std::vector<Symbol> symbols(size);
    for (std::uint32_t i = 0; i < size; ++i) {
        symbols[i] = {bpe_.byte_tokens_[static_cast<unsigned char>(piece[i])], i - 1, i + 1};
    }

    RankQueue queue;
    const auto enqueue = [&](std::uint32_t place) {
        Symbol& symbol = symbols[place];
        symbol.rank = symbol.next < size ? bpe_.rank(symbol.token, symbols[symbol.next].token) : no_rank;
        if (symbol.rank != no_rank) queue.push({symbol.rank, place});
    };
    for (std::uint32_t i = 0; i < size; ++i) enqueue(i);
    while (const auto pair = queue.pop()) {
        Symbol& left = symbols[pair->place];
        if (left.rank != pair->rank) continue;
        Symbol& right = symbols[left.next];
        left.token = bpe_.merged_[pair->rank];
        left.next = right.next;
        right.rank = no_rank;
        if (left.next < size) symbols[left.next].previous = pair->place;
        enqueue(pair->place);
        if (pair->place > 0) enqueue(left.previous);
    }
    for (std::uint32_t i = 0; i < size; i = symbols[i].next) out.push_back(symbols[i].token);
}

}  // namespace rorqual::text
