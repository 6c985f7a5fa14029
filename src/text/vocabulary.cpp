#include "text/vocabulary.hpp"

#include <functional>

namespace rorqual::text {

std::size_t Vocabulary::Index::slot_of(std::string_view text, const Vocabulary& vocabulary) const noexcept {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = std::hash<std::string_view>()(text) & mask;
    while (slots_[slot] != none && vocabulary.bytes(slots_[slot]) != text) slot = (slot + 1) & mask;
    return slot;
}

Vocabulary::Vocabulary(std::size_t entries, std::size_t ids, std::size_t bytes) : most_ids_(ids), by_bytes_(entries), by_name_(entries) {
    text_.reserve(bytes);
}

bool Vocabulary::define(Token id, std::string_view text, Index& index) {
    if (id < 0 || static_cast<std::size_t>(id) >= most_ids_ || text.size() > text_.capacity() - text_.size()) return false;
    if (contains(id) && entries_[id].defined) return false;
    const std::size_t slot = index.slot_of(text, *this);
    if (index[slot] != Index::none) return false;
    index[slot] = id;
    if (!contains(id)) entries_.resize(static_cast<std::size_t>(id) + 1);
    entries_[id] = {static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(text.size()), true, false};
    text_.insert(text_.end(), text.begin(), text.end());
    return true;
}

bool Vocabulary::define_bytes(Token id, std::string_view bytes) { return define(id, bytes, by_bytes_); }

bool Vocabulary::define_name(Token id, std::string_view text) { return define(id, text, by_name_); }

bool Vocabulary::define_added(Token id, std::string_view text, bool special) {
    if (contains(id) && entries_[id].defined) {
        Token& named = by_name_[by_name_.slot_of(text, *this)];
        if (bytes(id) != text || (named != Index::none && named != id)) return false;
        named = id;
    } else if (!define(id, text, by_name_)) {
        return false;
    }
    entries_[id].special = special;
    return true;
}

std::string_view Vocabulary::bytes(Token id) const noexcept {
    if (!contains(id)) return {};
    return {text_.data() + entries_[id].begin, entries_[id].length};
}

bool Vocabulary::is_special(Token id) const noexcept { return contains(id) && entries_[id].special; }

std::optional<Token> Vocabulary::find_bytes(std::string_view bytes) const {
    const Token found = by_bytes_[by_bytes_.slot_of(bytes, *this)];
    return found == Index::none ? std::nullopt : std::optional(found);
}

std::optional<Token> Vocabulary::find(std::string_view text) const {
    const Token found = by_name_[by_name_.slot_of(text, *this)];
    return found == Index::none ? find_bytes(text) : std::optional(found);
}

}  // namespace rorqual::text
