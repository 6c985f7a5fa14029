#include "layers/paged_tokens.hpp"

#include <algorithm>

namespace rorqual::layers {

void PagedTokens::reserve(std::int64_t position) {
    if (position > position_) pages_.reserve(pages_for(position), position_ / page_tokens);
}

void PagedTokens::rewind(std::int64_t position) noexcept {
    position_ = std::min(position_, position);
    pages_.drop_behind(pages_for(position_));
}

PagedTokens PagedTokens::fork() const {
    PagedTokens twin(pages_.page_bytes(), pages_.memory());
    twin.pages_ = SharedPages(pages_, pages_for(position_));
    twin.position_ = position_;
    return twin;
}

}  // namespace rorqual::layers
