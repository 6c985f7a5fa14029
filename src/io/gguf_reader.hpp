#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/file.hpp"
#include "io/gguf_metadata.hpp"
#include "io/little_endian.hpp"
#include "io/safetensors.hpp"

namespace rorqual::io {

/// Reads the beginning of a GGUF file piece by piece into memory and collects its metadata. How long a header is shows only
/// while reading it: memory grows with what has been read, never with what the file claims.
class GgufReader {
 public:
    static constexpr std::uint64_t most_keys = 1 << 16;                         // published models have some fifty
    static constexpr std::uint64_t smallest_key_entry = 8 + 1 + 4 + 1;          // length, key, type, value
    static constexpr std::uint64_t most_header_bytes = std::uint64_t{1} << 27;  // the largest tokenizers take 20 MB

    explicit GgufReader(const File& file) : file_(file) { content_.file = file.name(); }

    /// Where the next piece begins, from the start of the file.
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

    /// The next `length` bytes as text, borrowed until the next call. `what` is for errors.
    [[nodiscard]] std::string_view bytes(std::uint64_t length, std::string_view what);

    template <class Number>
    [[nodiscard]] Number number(std::string_view what) {
        const std::uint64_t begin = advance(sizeof(Number), what);  // may move the bytes
        return little_endian<Number>(content_.bytes.data() + begin);
    }

    /// A u64 that counts entries of at least `smallest` bytes each: refused above `most`, and where the file is too short.
    [[nodiscard]] std::uint64_t count(std::string_view what, std::uint64_t most, std::uint64_t smallest);

    /// The key/value pairs.
    void read_keys(std::uint64_t count);

    /// What has been read, indexed by key. The reader is done then.
    [[nodiscard]] GgufMetadata metadata() &&;

 private:
    std::uint64_t advance(std::uint64_t length, std::string_view what);  // returns where the piece begins
    [[nodiscard]] std::uint64_t remaining() const noexcept { return file_.size() - position_; }
    [[nodiscard]] std::string current() const;  // "file: key", for errors
    [[noreturn]] void corrupt(const std::string& what) const;

    void read_value(GgufType type, GgufMetadata::Field& field);
    void read_array(int depth, GgufMetadata::Field* texts_of);
    void read_text();

    const File& file_;
    std::uint64_t position_ = 0;
    std::string key_;  // being read
    GgufMetadata::Content content_;
    std::vector<GgufMetadata::Field> fields_;
};

/// Throws Error(corrupt) if a tensor is there twice.
void check_tensor_names(const std::vector<TensorInfo>& tensors);

}  // namespace rorqual::io
