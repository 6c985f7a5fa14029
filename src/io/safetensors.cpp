#include "io/safetensors.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "io/json.hpp"
#include "io/printable.hpp"
#include "rorqual/error.hpp"

namespace rorqual::io {
namespace {

using nlohmann::json;

constexpr std::uint64_t length_bytes = 8;
constexpr std::uint64_t most_header_bytes = 100'000'000;  // as the reference implementation
constexpr std::size_t most_dimensions = 16;
constexpr JsonLimits header_limits{.depth = 8, .bytes = most_header_bytes};

struct StoredName {
    std::string_view name;
    DType dtype;
};
constexpr StoredName stored_names[] = {
    {"F64", DType::f64},
    {"F32", DType::f32},
    {"F16", DType::f16},
    {"BF16", DType::bf16},
    {"F8_E4M3", DType::f8_e4m3},
    {"F8_E8M0", DType::f8_e8m0},
    {"I64", DType::i64},
    {"I32", DType::i32},
    {"I16", DType::i16},
    {"I8", DType::i8},
    {"U8", DType::u8},
    {"BOOL", DType::boolean},
};

[[noreturn]] void corrupt(const std::string& where, const std::string& what) {
    throw Error(Status::corrupt, where + ": " + what);
}

// Where the data begins; the header has been proven to lie before it, inside the file.
std::uint64_t read_data_start(const File& file) {
    if (file.size() < length_bytes) {
        corrupt(file.name(), std::to_string(file.size()) + " bytes, expected at least 8 (the header length)");
    }
    std::array<std::byte, length_bytes> raw{};
    file.read(0, raw);
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < raw.size(); ++i) length |= std::to_integer<std::uint64_t>(raw[i]) << (8 * i);
    if (length > most_header_bytes) {
        corrupt(file.name(), "header length " + std::to_string(length) + ", expected at most " +
                                 std::to_string(most_header_bytes));
    }
    if (length > file.size() - length_bytes) {
        corrupt(file.name(), "header length " + std::to_string(length) + ", but only " +
                                 std::to_string(file.size() - length_bytes) + " bytes follow");
    }
    return length_bytes + length;
}

JsonDocument read_json(const File& file, std::uint64_t data_start) {
    std::string text(static_cast<std::size_t>(data_start - length_bytes), '\0');
    file.read(length_bytes, std::as_writable_bytes(std::span(text)));
    JsonDocument header = parse_json(text, file.name() + ": header", header_limits);
    if (!header->is_object()) corrupt(file.name(), "header: expected a JSON object");
    return header;
}

const json& member(const json& entry, const char* key, const std::string& where) {
    const auto found = entry.find(key);
    if (found == entry.end()) corrupt(where, std::string(key) + " is missing");
    return *found;
}

DType read_dtype(const json& value, const std::string& where) {
    if (!value.is_string()) corrupt(where, "dtype: expected text");
    const auto& text = value.get_ref<const std::string&>();
    const auto* known = std::find_if(std::begin(stored_names), std::end(stored_names),
                                     [&](const StoredName& stored) { return stored.name == text; });
    if (known == std::end(stored_names)) {
        throw Error(Status::unsupported, where + ": dtype \"" + printable(text) + "\" is not supported");
    }
    return known->dtype;
}

std::vector<std::int64_t> read_shape(const json& value, const std::string& where) {
    if (!value.is_array()) corrupt(where, "shape: expected an array");
    if (value.size() > most_dimensions) {
        corrupt(where, "shape: " + std::to_string(value.size()) + " dimensions, expected at most " +
                           std::to_string(most_dimensions));
    }
    std::vector<std::int64_t> shape;
    for (const json& dimension : value) {
        constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
        if (!dimension.is_number_unsigned() || dimension.get<std::uint64_t>() > largest) {
            corrupt(where, "shape: dimension " + std::to_string(shape.size()) + ": expected an integer in [0, 2^63)");
        }
        shape.push_back(dimension.get<std::int64_t>());
    }
    return shape;
}

// Bytes of a tensor, or nothing if they exceed 64 bits. Empty dimensions count as 1 until the end, so that whoever
// multiplies some of the others later is safe too.
std::optional<std::uint64_t> tensor_bytes(DType dtype, const std::vector<std::int64_t>& shape) {
    auto bytes = static_cast<std::uint64_t>(block_bytes(dtype));
    bool empty = false;
    for (const std::int64_t dimension : shape) {
        empty = empty || dimension == 0;
        const auto factor = static_cast<std::uint64_t>(std::max<std::int64_t>(dimension, 1));
        if (bytes > std::numeric_limits<std::uint64_t>::max() / factor) return std::nullopt;
        bytes *= factor;
    }
    return empty ? 0 : bytes;
}

// begin and end, relative to the data.
std::pair<std::uint64_t, std::uint64_t> read_offsets(const json& value, std::uint64_t data_bytes, const std::string& where) {
    if (!value.is_array() || value.size() != 2 || !value[0].is_number_unsigned() || !value[1].is_number_unsigned()) {
        corrupt(where, "data_offsets: expected two integers of at least 0");
    }
    const auto begin = value[0].get<std::uint64_t>();
    const auto end = value[1].get<std::uint64_t>();
    const std::string shown = "data_offsets: [" + std::to_string(begin) + ", " + std::to_string(end) + "]";
    if (begin > end) corrupt(where, shown + " run backwards");
    if (end > data_bytes) corrupt(where, shown + ", but the file has " + std::to_string(data_bytes) + " bytes of data");
    return {begin, end};
}

TensorInfo read_tensor(const std::string& name, const json& entry, std::uint64_t data_start,
                       const std::shared_ptr<const File>& file) {
    const std::string where = file->name() + ": " + printable(name);
    if (!entry.is_object()) corrupt(where, "expected a JSON object");
    TensorInfo tensor;
    tensor.name = name;
    tensor.dtype = read_dtype(member(entry, "dtype", where), where);
    tensor.shape = read_shape(member(entry, "shape", where), where);
    const auto [begin, end] = read_offsets(member(entry, "data_offsets", where), file->size() - data_start, where);
    const auto expected = tensor_bytes(tensor.dtype, tensor.shape);
    if (!expected || *expected != end - begin) {
        corrupt(where, std::to_string(end - begin) + " bytes, expected " +
                           (expected ? std::to_string(*expected) : std::string("more than 2^64")) + " for " +
                           std::string(rorqual::name(tensor.dtype)) + " " + shape_text(tensor.shape));
    }
    tensor.offset = data_start + begin;
    tensor.bytes = end - begin;
    tensor.file = file;
    return tensor;
}

std::map<std::string, std::string> read_metadata(const json& entry, const std::string& where) {
    if (!entry.is_object()) corrupt(where, "expected a JSON object");
    std::map<std::string, std::string> metadata;
    for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) corrupt(where, printable(key) + ": expected text");
        metadata.emplace(key, value.get_ref<const std::string&>());
    }
    return metadata;
}

// The format demands that the tensors cover the data exactly: a file can then hide nothing and share nothing.
void check_coverage(const std::vector<TensorInfo>& tensors, const File& file, std::uint64_t data_start) {
    std::uint64_t end = data_start;
    for (const TensorInfo& tensor : tensors) {
        const std::string where = file.name() + ": " + printable(tensor.name);
        if (tensor.offset < end) corrupt(where, "overlaps the tensor before it");
        if (tensor.offset > end) {
            corrupt(where, "data begins at byte " + std::to_string(tensor.offset - data_start) + " of the data, expected " +
                               std::to_string(end - data_start) + " (a hole)");
        }
        end += tensor.bytes;
    }
    if (end != file.size()) {
        corrupt(file.name(), std::to_string(file.size() - end) + " bytes follow the last tensor, expected none");
    }
}

}  // namespace

Safetensors Safetensors::read_header(std::shared_ptr<const File> file) {
    const std::uint64_t data_start = read_data_start(*file);
    const JsonDocument header = read_json(*file, data_start);
    Safetensors result;
    for (const auto& [name, entry] : header->items()) {
        if (name == "__metadata__") {
            result.metadata = read_metadata(entry, file->name() + ": __metadata__");
        } else {
            result.tensors.push_back(read_tensor(name, entry, data_start, file));
        }
    }
    // Empty tensors share their offset with the next one: they come first.
    std::sort(result.tensors.begin(), result.tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
        return std::tie(a.offset, a.bytes, a.name) < std::tie(b.offset, b.bytes, b.name);
    });
    check_coverage(result.tensors, *file, data_start);
    return result;
}

std::string_view safetensors_dtype(DType dtype) {
    for (const StoredName& stored : stored_names) {
        if (stored.dtype == dtype) return stored.name;
    }
    throw Error(Status::unsupported, "safetensors has no type for " + std::string(rorqual::name(dtype)));
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
    std::string text = "[";
    for (const std::int64_t dimension : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(dimension);
    return text + "]";
}

}  // namespace rorqual::io
