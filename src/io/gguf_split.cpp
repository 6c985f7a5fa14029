#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "io/gguf.hpp"
#include "io/gguf_reader.hpp"
#include "io/printable.hpp"
#include "rorqual/error.hpp"

namespace rorqual::io {
namespace {

constexpr std::int64_t most_parts = 99999;  // five digits
constexpr std::size_t digits = 5;

// "NAME-00002-of-00005.gguf", taken apart.
struct PartName {
    std::string stem;
    std::int64_t number = 0;  // from 1
    std::int64_t count = 0;
};

std::string five_digits(std::int64_t value) {
    const std::string text = std::to_string(value);
    return std::string(digits - std::min(digits, text.size()), '0') + text;
}

std::string part_name(const std::string& stem, std::int64_t number, std::int64_t count) {
    return stem + "-" + five_digits(number) + "-of-" + five_digits(count) + ".gguf";
}

// Nothing is left of a name that no part could have.
PartName take_apart(std::string_view name) {
    constexpr std::size_t tail = 1 + digits + 4 + digits + 5;  // "-00002-of-00005.gguf"
    if (name.size() <= tail) return {};
    const std::string_view end = name.substr(name.size() - tail);
    PartName part{std::string(name.substr(0, name.size() - tail))};
    std::from_chars(end.data() + 1, end.data() + 1 + digits, part.number);
    std::from_chars(end.data() + 5 + digits, end.data() + 5 + 2 * digits, part.count);
    if (part.number < 1 || part_name(part.stem, part.number, part.count) != name) return {};
    return part;
}

[[noreturn]] void foreign(const Gguf& part, std::string_view key, const std::string& why) {
    part.metadata.refuse(key, why + ": a part of another split");
}

// A part belongs to the first one if its numbers fit and what both say is the same.
void check_part(const Gguf& part, const Gguf& first, std::int64_t index, std::int64_t count) {
    const std::int64_t number = part.metadata.integer("split.no", 0, most_parts);
    if (number != index) foreign(part, "split.no", "found " + std::to_string(number) + ", expected " + std::to_string(index));
    const std::int64_t of = part.metadata.integer("split.count", 0, most_parts);
    if (of != count) foreign(part, "split.count", "found " + std::to_string(of) + ", expected " + std::to_string(count));
    for (std::size_t i = 0; i < part.metadata.size(); ++i) {
        const auto entry = part.metadata[i];
        if (entry.key.starts_with("split.") || !first.metadata.has(entry.key)) continue;
        const auto same = first.metadata.entry(entry.key);
        if (same.type != entry.type || !std::ranges::equal(same.value, entry.value)) {
            foreign(part, entry.key, "differs from the first part's");
        }
    }
}

}  // namespace

std::string first_part_name(std::string_view name) {
    const PartName part = take_apart(name);
    return part.number == 0 ? std::string(name) : part_name(part.stem, 1, part.count);
}

Gguf Gguf::open(FileSet& files, std::string_view name) {
    Gguf chosen = read_header(files.require(name, "the model"));
    const std::int64_t count = chosen.metadata.integer_or("split.count", 0, 0, most_parts);
    if (count <= 1) return chosen;

    const PartName part = take_apart(name);
    const std::int64_t number = chosen.metadata.integer("split.no", 0, count - 1) + 1;
    if (part.count != count || part.number != number) {
        chosen.metadata.refuse("split.count", "the file is part " + std::to_string(number) + " of " + std::to_string(count) +
                                                  ", expected a name that ends in " + part_name("", number, count));
    }
    const auto open_part = [&](std::int64_t index) {
        if (index == number - 1) return chosen;
        return read_header(files.require(part_name(part.stem, index + 1, count), "part of a split model"));
    };
    Gguf whole = open_part(0);
    check_part(whole, whole, 0, count);
    for (std::int64_t index = 1; index < count; ++index) {
        Gguf next = open_part(index);
        check_part(next, whole, index, count);
        std::move(next.tensors.begin(), next.tensors.end(), std::back_inserter(whole.tensors));
    }
    check_tensor_names(whole.tensors);
    const auto expected = static_cast<std::uint64_t>(whole.metadata.integer("split.tensors.count", 0, std::int64_t{1} << 31));
    if (whole.tensors.size() != expected) {
        whole.metadata.refuse("split.tensors.count", "found " + std::to_string(whole.tensors.size()) + " tensors in all parts, expected " +
                                                         std::to_string(expected));
    }
    return whole;
}

}  // namespace rorqual::io
