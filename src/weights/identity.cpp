#include <array>
#include <memory>
#include <new>
#include <string_view>

#include <xxhash.h>

#include "weights/weight_store.hpp"

namespace rorqual::weights {
namespace {

// XXH3-128 over a sequence of texts and numbers that can be cut apart in one way only.
class Hash {
 public:
    Hash() : state_(XXH3_createState()) {
        if (!state_ || XXH3_128bits_reset(state_.get()) != XXH_OK) throw std::bad_alloc();
    }

    void number(std::uint64_t value) {
        std::array<unsigned char, 8> bytes{};
        for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(value >> (8 * i));
        XXH3_128bits_update(state_.get(), bytes.data(), bytes.size());
    }
    void text(std::string_view value) {
        number(value.size());
        if (!value.empty()) XXH3_128bits_update(state_.get(), value.data(), value.size());
    }
    std::string hexadecimal() const {
        XXH128_canonical_t canonical;
        XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_.get()));
        std::string text;
        for (const unsigned char byte : canonical.digest) {
            text += "0123456789abcdef"[byte >> 4];
            text += "0123456789abcdef"[byte & 15];
        }
        return text;
    }

 private:
    struct Free {
        void operator()(XXH3_state_t* state) const noexcept { XXH3_freeState(state); }
    };
    std::unique_ptr<XXH3_state_t, Free> state_;
};

}  // namespace

std::string identity(std::string_view config_json, std::string_view tokenizer_json,
                     const StoredTensors& tensors) {
    Hash hash;
    hash.text(config_json);
    hash.text(tokenizer_json);
    for (const auto& [tensor, info] : tensors) {
        hash.text(tensor);
        hash.text(name(info.dtype));
        hash.number(info.shape.size());
        for (const std::int64_t dimension : info.shape) hash.number(static_cast<std::uint64_t>(dimension));
    }
    return hash.hexadecimal();
}

}  // namespace rorqual::weights
