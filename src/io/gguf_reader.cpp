#include "io/gguf_reader.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "io/printable.hpp"
#include "rorqual/error.hpp"

namespace rorqual::io {
namespace {

constexpr std::uint64_t longest_key = 65535;  // by the format
constexpr std::uint64_t first_chunk = std::uint64_t{1} << 16;
constexpr std::uint64_t most_elements = std::uint64_t{1} << 26;
constexpr int deepest_array = 8;

}  // namespace

std::string GgufReader::current() const { return key_.empty() ? file_.name() : file_.name() + ": " + printable(key_); }

void GgufReader::corrupt(const std::string& what) const { throw Error(Status::corrupt, current() + ": " + what); }

std::uint64_t GgufReader::advance(std::uint64_t length, std::string_view what) {
    if (length > remaining()) {
        corrupt(std::string(what) + ": " + std::to_string(length) + " bytes expected at byte " + std::to_string(position_) +
                ", but the file ends at byte " + std::to_string(file_.size()));
    }
    const std::uint64_t end = position_ + length;
    if (end > most_header_bytes) corrupt("the header is longer than " + std::to_string(most_header_bytes) + " bytes");
    const std::uint64_t loaded = content_.bytes.size();
    if (end > loaded) {
        const std::uint64_t target = std::min({file_.size(), most_header_bytes, std::max({end, 2 * loaded, first_chunk})});
        content_.bytes.resize(static_cast<std::size_t>(target));
        file_.read(loaded, std::span(content_.bytes).subspan(static_cast<std::size_t>(loaded)));
    }
    return std::exchange(position_, end);
}

std::string_view GgufReader::bytes(std::uint64_t length, std::string_view what) {
    const std::uint64_t begin = advance(length, what);
    return {reinterpret_cast<const char*>(content_.bytes.data()) + begin, static_cast<std::size_t>(length)};
}

std::uint64_t GgufReader::count(std::string_view what, std::uint64_t most, std::uint64_t smallest) {
    const auto count = number<std::uint64_t>(what);
    if (count > most) corrupt(std::string(what) + " " + std::to_string(count) + ", expected at most " + std::to_string(most));
    if (count > remaining() / smallest) {
        corrupt(std::string(what) + " " + std::to_string(count) + ", but only " + std::to_string(remaining()) + " bytes follow");
    }
    return count;
}

void GgufReader::read_text() { (void)advance(number<std::uint64_t>("length of text"), "text"); }

// Elements of a text array are noted in `texts_of`, so that they are found without walking.
void GgufReader::read_array(int depth, GgufMetadata::Field* texts_of) {
    if (depth > deepest_array) corrupt("arrays nested deeper than " + std::to_string(deepest_array));
    const auto element = static_cast<GgufType>(number<std::uint32_t>("element type"));
    const std::size_t size = value_bytes(element);
    if (size != 0) {
        const std::uint64_t elements = count("element count", most_elements, size);
        const std::string_view stored = bytes(elements * size, "array");
        if (element == GgufType::boolean && std::any_of(stored.begin(), stored.end(), [](char c) { return c != 0 && c != 1; })) {
            corrupt("expected booleans of 0 or 1");
        }
        return;
    }
    if (element != GgufType::text && element != GgufType::array) {
        corrupt("element type " + std::to_string(static_cast<std::uint32_t>(element)) + " is none");
    }
    const std::uint64_t elements = count("element count", most_elements, sizeof(std::uint64_t));
    for (std::uint64_t i = 0; i < elements; ++i) {
        if (element == GgufType::array) {
            read_array(depth + 1, nullptr);
            continue;
        }
        if (texts_of != nullptr) texts_of->starts.push_back(static_cast<std::uint32_t>(position_ - texts_of->value_begin));
        read_text();
    }
}

void GgufReader::read_value(GgufType type, GgufMetadata::Field& field) {
    field.type = type;
    field.value_begin = static_cast<std::uint32_t>(position_);  // below most_header_bytes
    if (type == GgufType::array) {
        read_array(1, &field);
    } else if (type == GgufType::text) {
        read_text();
    } else if (const std::size_t size = value_bytes(type); size != 0) {
        const std::string_view stored = bytes(size, name(type));
        if (type == GgufType::boolean && stored[0] != 0 && stored[0] != 1) corrupt("expected a boolean of 0 or 1");
    } else {
        corrupt("value type " + std::to_string(static_cast<std::uint32_t>(type)) + " is none");
    }
    field.value_length = static_cast<std::uint32_t>(position_ - field.value_begin);
}

void GgufReader::read_keys(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
        key_.clear();
        const auto length = number<std::uint64_t>("length of a key");
        if (length == 0 || length > longest_key) {
            corrupt("a key of " + std::to_string(length) + " bytes, expected 1 to " + std::to_string(longest_key));
        }
        GgufMetadata::Field field;
        field.key_begin = static_cast<std::uint32_t>(position_);
        field.key_length = static_cast<std::uint32_t>(length);
        key_ = bytes(length, "key");
        read_value(static_cast<GgufType>(number<std::uint32_t>("value type")), field);
        fields_.push_back(std::move(field));
    }
    key_.clear();
}

GgufMetadata GgufReader::metadata() && {
    // What was loaded ahead of the keys' end (the tensor table, some data) is of no further use.
    const std::uint64_t end = fields_.empty() ? 0 : std::uint64_t{fields_.back().value_begin} + fields_.back().value_length;
    content_.bytes.resize(static_cast<std::size_t>(end));
    content_.bytes.shrink_to_fit();

    GgufMetadata result;
    result.content_ = std::make_shared<const GgufMetadata::Content>(std::move(content_));
    result.fields_ = std::move(fields_);
    result.by_key_.resize(result.fields_.size());
    std::iota(result.by_key_.begin(), result.by_key_.end(), 0U);
    const auto key = [&](std::uint32_t i) { return result.key_of(result.fields_[i]); };
    std::sort(result.by_key_.begin(), result.by_key_.end(), [&](std::uint32_t a, std::uint32_t b) { return key(a) < key(b); });
    const auto twice = std::adjacent_find(result.by_key_.begin(), result.by_key_.end(),
                                          [&](std::uint32_t a, std::uint32_t b) { return key(a) == key(b); });
    if (twice != result.by_key_.end()) result.refuse(key(*twice), "the key is there twice");
    return result;
}

}  // namespace rorqual::io
