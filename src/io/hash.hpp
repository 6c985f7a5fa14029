#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct XXH3_state_s;

namespace rorqual::io {

/// XXH3-128 over a sequence of texts, numbers and bytes that can be cut apart in one way only. Throws std::bad_alloc.
class Hash {
 public:
    Hash();

    void number(std::uint64_t value);
    void text(std::string_view value);
    /// These may come in pieces: whoever adds them says before, or knows, how many there are.
    void bytes(std::span<const std::byte> value);

    /// Of all so far: 32 hexadecimal digits.
    [[nodiscard]] std::string hexadecimal() const;

 private:
    struct Free {
        void operator()(XXH3_state_s* state) const noexcept;
    };
    std::unique_ptr<XXH3_state_s, Free> state_;
};

}  // namespace rorqual::io
