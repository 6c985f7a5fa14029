#include "io/gguf_metadata.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "io/little_endian.hpp"
#include "io/printable.hpp"
#include "rorqual/error.hpp"

namespace rorqual::io {
namespace {

constexpr std::size_t array_head = 12;  // u32 element type, u64 count

std::string_view as_text(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The integer at `p`; nothing for types that are none and for values beyond int64.
std::optional<std::int64_t> integer_at(GgufType type, const std::byte* p) noexcept {
    switch (type) {
        case GgufType::u8: return little_endian<std::uint8_t>(p);
        case GgufType::i8: return little_endian<std::int8_t>(p);
        case GgufType::u16: return little_endian<std::uint16_t>(p);
        case GgufType::i16: return little_endian<std::int16_t>(p);
        case GgufType::u32: return little_endian<std::uint32_t>(p);
        case GgufType::i32: return little_endian<std::int32_t>(p);
        case GgufType::i64: return little_endian<std::int64_t>(p);
        case GgufType::u64: {
            const auto value = little_endian<std::uint64_t>(p);
            if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return static_cast<std::int64_t>(value);
            return std::nullopt;
        }
        default: return std::nullopt;
    }
}

std::optional<double> float_at(GgufType type, const std::byte* p) noexcept {
    if (type == GgufType::f32) return little_endian<float>(p);
    if (type == GgufType::f64) return little_endian<double>(p);
    return std::nullopt;
}

bool is_integer(GgufType type) noexcept {
    switch (type) {
        case GgufType::u8:
        case GgufType::i8:
        case GgufType::u16:
        case GgufType::i16:
        case GgufType::u32:
        case GgufType::i32:
        case GgufType::u64:
        case GgufType::i64: return true;
        default: return false;
    }
}

std::string type_found(GgufType type) { return "found " + std::string(name(type)); }

std::string range_text(std::int64_t low, std::int64_t high) {
    return "expected an integer in [" + std::to_string(low) + ", " + std::to_string(high) + "]";
}

}  // namespace

std::string_view GgufTexts::operator[](std::size_t i) const noexcept {
    const auto length = little_endian<std::uint64_t>(stored_.data() + starts_[i]);
    return as_text(stored_.subspan(starts_[i] + sizeof length, static_cast<std::size_t>(length)));
}

std::string_view GgufMetadata::key_of(const Field& field) const noexcept {
    return as_text(std::span(content_->bytes).subspan(field.key_begin, field.key_length));
}

std::span<const std::byte> GgufMetadata::value_of(const Field& field) const noexcept {
    return std::span(content_->bytes).subspan(field.value_begin, field.value_length);
}

GgufMetadata::Entry GgufMetadata::operator[](std::size_t i) const noexcept {
    return {key_of(fields_[i]), fields_[i].type, value_of(fields_[i])};
}

GgufMetadata::Entry GgufMetadata::entry(std::string_view key) const {
    const Field& field = require(key);
    return {key_of(field), field.type, value_of(field)};
}

const GgufMetadata::Field* GgufMetadata::find(std::string_view key) const noexcept {
    const auto found = std::lower_bound(by_key_.begin(), by_key_.end(), key,
                                        [&](std::uint32_t i, std::string_view k) { return key_of(fields_[i]) < k; });
    if (found == by_key_.end() || key_of(fields_[*found]) != key) return nullptr;
    return &fields_[*found];
}

const GgufMetadata::Field& GgufMetadata::require(std::string_view key) const {
    const Field* field = find(key);
    if (field == nullptr) {
        throw Error(Status::not_found, file() + ": " + printable(key) + " is missing");
    }
    return *field;
}

const GgufMetadata::Field& GgufMetadata::require_array(std::string_view key, std::string_view expected) const {
    const Field& field = require(key);
    if (field.type != GgufType::array) refuse(key, "expected " + std::string(expected) + ", " + type_found(field.type));
    return field;
}

void GgufMetadata::refuse(std::string_view key, const std::string& what) const {
    throw Error(Status::corrupt, file() + ": " + printable(key) + ": " + what);
}

std::int64_t GgufMetadata::integer(std::string_view key, std::int64_t low, std::int64_t high) const {
    const Field& field = require(key);
    if (!is_integer(field.type)) refuse(key, range_text(low, high) + ", " + type_found(field.type));
    const auto value = integer_at(field.type, value_of(field).data());
    if (!value || *value < low || *value > high) {
        refuse(key, range_text(low, high) + ", found " + (value ? std::to_string(*value) : "more than 2^63 - 1"));
    }
    return *value;
}

std::int64_t GgufMetadata::integer_or(std::string_view key, std::int64_t fallback, std::int64_t low, std::int64_t high) const {
    return has(key) ? integer(key, low, high) : fallback;
}

double GgufMetadata::number(std::string_view key, double low, double high) const {
    const Field& field = require(key);
    auto value = float_at(field.type, value_of(field).data());
    if (!value) {
        if (const auto whole = integer_at(field.type, value_of(field).data())) value = static_cast<double>(*whole);
    }
    const std::string expected = "expected a number in [" + std::to_string(low) + ", " + std::to_string(high) + "], ";
    if (!value) refuse(key, expected + type_found(field.type));
    if (!(*value >= low && *value <= high)) refuse(key, expected + "found " + std::to_string(*value));
    return *value;
}

double GgufMetadata::number_or(std::string_view key, double fallback, double low, double high) const {
    return has(key) ? number(key, low, high) : fallback;
}

bool GgufMetadata::boolean_or(std::string_view key, bool fallback) const {
    const Field* field = find(key);
    if (field == nullptr) return fallback;
    if (field->type != GgufType::boolean) refuse(key, "expected a boolean, " + type_found(field->type));
    return value_of(*field).front() != std::byte{0};
}

std::string_view GgufMetadata::text(std::string_view key) const {
    const Field& field = require(key);
    if (field.type != GgufType::text) refuse(key, "expected text, " + type_found(field.type));
    return as_text(value_of(field).subspan(sizeof(std::uint64_t)));
}

std::string_view GgufMetadata::text_or(std::string_view key, std::string_view fallback) const {
    return has(key) ? text(key) : fallback;
}

GgufTexts GgufMetadata::texts(std::string_view key) const {
    const Field& field = require_array(key, "an array of text");
    const auto value = value_of(field);
    const auto element = static_cast<GgufType>(little_endian<std::uint32_t>(value.data()));
    if (element != GgufType::text) refuse(key, "expected an array of text, found one of " + std::string(name(element)));
    return {value, field.starts};
}

std::vector<std::int64_t> GgufMetadata::integers(std::string_view key, std::int64_t low, std::int64_t high) const {
    const auto value = value_of(require_array(key, "an array of integers"));
    const auto element = static_cast<GgufType>(little_endian<std::uint32_t>(value.data()));
    if (!is_integer(element)) refuse(key, "expected an array of integers, found one of " + std::string(name(element)));
    std::vector<std::int64_t> out;
    out.reserve((value.size() - array_head) / value_bytes(element));
    for (std::size_t at = array_head; at < value.size(); at += value_bytes(element)) {
        const auto one = integer_at(element, value.data() + at);
        if (!one || *one < low || *one > high) {
            refuse(key, "element " + std::to_string(out.size()) + ": " + range_text(low, high) + ", found " +
                            (one ? std::to_string(*one) : "more than 2^63 - 1"));
        }
        out.push_back(*one);
    }
    return out;
}

std::vector<float> GgufMetadata::numbers(std::string_view key) const {
    const auto value = value_of(require_array(key, "an array of numbers"));
    const auto element = static_cast<GgufType>(little_endian<std::uint32_t>(value.data()));
    if (element != GgufType::f32 && element != GgufType::f64) {
        refuse(key, "expected an array of f32 or f64, found one of " + std::string(name(element)));
    }
    std::vector<float> out;
    out.reserve((value.size() - array_head) / value_bytes(element));
    for (std::size_t at = array_head; at < value.size(); at += value_bytes(element)) {
        out.push_back(static_cast<float>(*float_at(element, value.data() + at)));
    }
    return out;
}

}  // namespace rorqual::io
