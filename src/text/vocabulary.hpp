#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rorqual/tensor.hpp"

namespace rorqual::text {

/// What each token id stands for. Filled once, then immutable.
class Vocabulary {
 public:
    /// Room for `entries` definitions of ids below `ids`, whose texts are `bytes` long together: no more is ever taken.
    Vocabulary(std::size_t entries, std::size_t ids, std::size_t bytes);
    Vocabulary(Vocabulary&&) = default;
    Vocabulary& operator=(Vocabulary&&) = default;
    Vocabulary(const Vocabulary&) = delete;
    Vocabulary& operator=(const Vocabulary&) = delete;

    /// An entry that merging can reach: a string of bytes. False if the id or the bytes are taken.
    [[nodiscard]] bool define_bytes(Token id, std::string_view bytes);
    /// An entry that stands for a text and that merging never reaches. False if the id or the text is taken.
    [[nodiscard]] bool define_name(Token id, std::string_view text);
    /// An added token. It may repeat an entry defined before; false if that entry has another text, or another added token
    /// or name has this one.
    [[nodiscard]] bool define_added(Token id, std::string_view text, bool special);

    /// Highest defined id + 1.
    [[nodiscard]] std::int64_t size() const noexcept { return static_cast<std::int64_t>(entries_.size()); }
    /// Empty for ids that nothing defines.
    [[nodiscard]] std::string_view bytes(Token id) const noexcept;
    [[nodiscard]] bool is_special(Token id) const noexcept;

    /// The entry that merging reaches with these bytes.
    [[nodiscard]] std::optional<Token> find_bytes(std::string_view bytes) const;
    /// The added token, or else the entry, that stands for this text.
    [[nodiscard]] std::optional<Token> find(std::string_view text) const;

 private:
    struct Entry {
        std::uint32_t begin = 0;
        std::uint32_t length = 0;
        bool defined = false;
        bool special = false;
    };

    // Ids by their bytes: open addressing over a power of two, at most half full.
    class Index {
     public:
        explicit Index(std::size_t most) : slots_(std::bit_ceil(2 * most + 1), none) {}
        /// The slot that holds the id of `text`, or the empty one where it belongs.
        [[nodiscard]] std::size_t slot_of(std::string_view text, const Vocabulary& vocabulary) const noexcept;
        [[nodiscard]] Token& operator[](std::size_t slot) noexcept { return slots_[slot]; }
        [[nodiscard]] Token operator[](std::size_t slot) const noexcept { return slots_[slot]; }
        static constexpr Token none = -1;

     private:
        std::vector<Token> slots_;
    };

    [[nodiscard]] bool contains(Token id) const noexcept { return id >= 0 && static_cast<std::size_t>(id) < entries_.size(); }
    [[nodiscard]] bool define(Token id, std::string_view text, Index& index);

    std::size_t most_ids_;
    std::vector<Entry> entries_;  // up to the highest id
    std::vector<char> text_;      // never grows beyond its first capacity, so that views stay valid
    Index by_bytes_;
    Index by_name_;
};

}  // namespace rorqual::text
