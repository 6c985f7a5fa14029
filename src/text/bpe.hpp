#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "rorqual/tensor.hpp"
#include "text/vocabulary.hpp"

namespace rorqual::text {

/// Two neighbouring tokens that become one. A merge's place in the list is its rank.
struct Merge {
    Token left;
    Token right;
    Token merged;  ///< its bytes are those of left and right joined
};

/// The two texts of a merge written as one, "a b"; nothing unless there is one space between them.
[[nodiscard]] std::optional<std::pair<std::string_view, std::string_view>> merge_pair(std::string_view both);

/// Byte-level byte-pair encoding (Sennrich et al. 2016; Radford et al. 2019): a piece begins as one token a byte; the pair
/// of lowest rank is merged, the leftmost first, until no pair is in the list.
/// Immutable: any number of threads may use it at once.
class Bpe {
 public:
    /// `byte_tokens` are the 256 single bytes. A pair given twice has the later rank. With `whole_words`, a piece that is an
    /// entry of the vocabulary is that token, whatever merging would give ("ignore_merges").
    /// Special tokens are never made: merges into them are left out, and no piece is looked up as one. So text that is
    /// spelled out cannot become a special token, even where the file lists one among its merges.
    /// `vocabulary` is borrowed and outlives this.
    Bpe(const Vocabulary& vocabulary, const std::array<Token, 256>& byte_tokens, std::span<const Merge> merges, bool whole_words);

    /// Encodes pieces of one text, and remembers what short ones became: words repeat. One thread at a time.
    class Encoder {
     public:
        /// `text_bytes`, about how much text will come, decides how many words are remembered.
        Encoder(const Bpe& bpe, std::size_t text_bytes);
        /// Appends the tokens of a piece, shorter than 2^32 bytes.
        void encode(std::string_view piece, std::vector<Token>& out);

     private:
        // One cache line: a word of up to 16 bytes and its tokens. An empty slot has length 0.
        struct Word {
            static constexpr std::size_t longest = 16;
            static constexpr std::size_t most_tokens = 11;
            std::uint64_t head = 0;
            std::uint64_t tail = 0;
            std::uint16_t length = 0;
            std::uint16_t count = 0;
            std::array<Token, most_tokens> tokens{};
        };

        void merge(std::string_view piece, std::vector<Token>& out);
        void merge_short(std::string_view piece, std::vector<Token>& out);
        void merge_long(std::string_view piece, std::vector<Token>& out);

        const Bpe& bpe_;
        std::vector<Word> words_;  // direct-mapped, a power of two
    };

 private:
    static constexpr std::uint32_t no_rank = UINT32_MAX;

    struct Slot {
        std::uint64_t pair = empty;  // left in the upper half
        std::uint32_t rank = no_rank;
        static constexpr std::uint64_t empty = UINT64_MAX;
    };

    [[nodiscard]] static std::uint64_t key(Token left, Token right) noexcept {
        return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
    }
    [[nodiscard]] std::size_t slot_of(std::uint64_t pair) const noexcept;
    [[nodiscard]] std::uint32_t rank(Token left, Token right) const noexcept;
    [[nodiscard]] std::uint32_t byte_pair_rank(const char* pair) const noexcept;

    const Vocabulary& vocabulary_;
    std::array<Token, 256> byte_tokens_;
    std::vector<std::uint32_t> byte_pair_ranks_;  // [256, 256]: half of all look-ups are for two single bytes
    std::vector<Token> merged_;                   // by rank
    std::vector<Slot> slots_;                     // open addressing, a power of two, at most half full
    int shift_ = 0;                               // 64 − log2(slots)
    bool whole_words_;
};

}  // namespace rorqual::text
