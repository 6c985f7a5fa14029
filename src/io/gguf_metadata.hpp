#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/gguf_types.hpp"

namespace rorqual::io {

/// The elements of a text array, in place: nothing is copied, element i is found in O(1). Borrowed from GgufMetadata.
class GgufTexts {
 public:
    GgufTexts(std::span<const std::byte> stored, std::span<const std::uint32_t> starts) : stored_(stored), starts_(starts) {}

    [[nodiscard]] std::size_t size() const noexcept { return starts_.size(); }
    /// The bytes of element i < size(): UTF-8 by the format, but nobody has checked.
    [[nodiscard]] std::string_view operator[](std::size_t i) const noexcept;

 private:
    std::span<const std::byte> stored_;
    std::span<const std::uint32_t> starts_;  // of each element's length field in stored_
};

/// The keys and values of a GGUF file, as they lie in it: one copy of the bytes, checked once, and where each value begins.
/// A cheap value (copies share the bytes), immutable, safe from any thread.
///
/// The typed getters name file and key when something is wrong: Error(not_found) for a missing key, Error(corrupt) for a
/// value of another type or outside [low, high]. Any integer type will do for an integer, and any number type for a number:
/// writers disagree about them.
class GgufMetadata {
 public:
    /// One key with its value, borrowed from the metadata.
    struct Entry {
        std::string_view key;
        GgufType type = GgufType::u8;
        std::span<const std::byte> value;  ///< as stored, little-endian; of an array: u32 element type, u64 count, elements
    };

    GgufMetadata() = default;

    /// How errors call the file.
    [[nodiscard]] std::string file() const { return content_ ? content_->file : "metadata"; }
    [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
    /// In the order of the file.
    [[nodiscard]] Entry operator[](std::size_t i) const noexcept;
    [[nodiscard]] bool has(std::string_view key) const noexcept { return find(key) != nullptr; }
    /// The value of a key as it is stored.
    [[nodiscard]] Entry entry(std::string_view key) const;

    [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high) const;
    [[nodiscard]] std::int64_t integer_or(std::string_view key, std::int64_t fallback, std::int64_t low, std::int64_t high) const;
    /// A finite number in [low, high].
    [[nodiscard]] double number(std::string_view key, double low, double high) const;
    [[nodiscard]] double number_or(std::string_view key, double fallback, double low, double high) const;
    [[nodiscard]] bool boolean_or(std::string_view key, bool fallback) const;
    /// Borrowed.
    [[nodiscard]] std::string_view text(std::string_view key) const;
    [[nodiscard]] std::string_view text_or(std::string_view key, std::string_view fallback) const;
    /// An array of text. Borrowed.
    [[nodiscard]] GgufTexts texts(std::string_view key) const;
    /// An array of any integer type, each element in [low, high].
    [[nodiscard]] std::vector<std::int64_t> integers(std::string_view key, std::int64_t low, std::int64_t high) const;
    /// An array of f32 or f64, as it is: NaN and infinities pass.
    [[nodiscard]] std::vector<float> numbers(std::string_view key) const;

    /// Throws Error(corrupt): "<file>: <key>: <what>".
    [[noreturn]] void refuse(std::string_view key, const std::string& what) const;

 private:
    friend class GgufReader;  // fills it

    struct Field {
        std::uint32_t key_begin = 0, key_length = 0;
        GgufType type = GgufType::u8;
        std::uint32_t value_begin = 0, value_length = 0;
        std::vector<std::uint32_t> starts;  // of a text array's elements, from value_begin
    };
    struct Content {
        std::string file;
        std::vector<std::byte> bytes;
    };

    [[nodiscard]] std::string_view key_of(const Field& field) const noexcept;
    [[nodiscard]] std::span<const std::byte> value_of(const Field& field) const noexcept;
    [[nodiscard]] const Field* find(std::string_view key) const noexcept;
    [[nodiscard]] const Field& require(std::string_view key) const;
    [[nodiscard]] const Field& require_array(std::string_view key, std::string_view expected) const;

    std::shared_ptr<const Content> content_;
    std::vector<Field> fields_;
    std::vector<std::uint32_t> by_key_;  // indices of fields_, sorted by key
};

}  // namespace rorqual::io
