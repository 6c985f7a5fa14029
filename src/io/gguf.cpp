#include "io/gguf.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "io/gguf_reader.hpp"
#include "io/printable.hpp"
#include "rorqual/error.hpp"

namespace rorqual::io {
namespace {

constexpr std::string_view magic = "GGUF";

constexpr std::uint64_t most_tensors = 1 << 20;  // DeepSeek-V3 has 1025
constexpr std::uint64_t longest_name = 128;      // 64 by the format; some writers were built with 128
constexpr std::uint64_t most_dimensions = 4;
constexpr std::uint64_t smallest_tensor_entry = 4 + 8 + 8;  // name, n_dims, type, offset

[[noreturn]] void corrupt(const std::string& where, const std::string& what) {
    throw Error(Status::corrupt, where + ": " + what);
}

std::uint32_t read_version(GgufReader& reader, const std::string& file) {
    if (reader.bytes(magic.size(), "magic") != magic) corrupt(file, "no GGUF file: expected it to begin with \"GGUF\"");
    const auto version = reader.number<std::uint32_t>("version");
    if (version != 0 && (version & 0xFFFF) == 0) throw Error(Status::unsupported, file + ": a big-endian GGUF file is not supported");
    if (version != 2 && version != 3) {
        throw Error(Status::unsupported, file + ": GGUF version " + std::to_string(version) + ", expected 2 or 3");
    }
    return version;
}

// Bytes of a tensor of ggml shape `ne` (innermost first), or the reason why there is no such tensor. Whoever multiplies
// some of the dimensions later stays below 2^63 too.
std::uint64_t tensor_bytes(DType dtype, const std::vector<std::int64_t>& shape, const std::string& where) {
    const auto length = block_length(dtype);
    const std::int64_t innermost = shape.empty() ? 1 : shape.back();
    if (innermost % length != 0) {
        corrupt(where, "rows of " + std::to_string(innermost) + " elements, expected a multiple of " + std::to_string(length) +
                           " for " + std::string(rorqual::name(dtype)));
    }
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    std::uint64_t elements = 1;
    for (const std::int64_t dimension : shape) {
        if (elements > most / static_cast<std::uint64_t>(dimension)) corrupt(where, "shape " + shape_text(shape) + " exceeds 2^63 elements");
        elements *= static_cast<std::uint64_t>(dimension);
    }
    const std::uint64_t blocks = elements / static_cast<std::uint64_t>(length);
    const auto bytes = static_cast<std::uint64_t>(block_bytes(dtype));
    if (blocks > most / bytes) corrupt(where, "shape " + shape_text(shape) + " exceeds 2^63 bytes");
    return blocks * bytes;
}

std::vector<std::int64_t> read_shape(GgufReader& reader, const std::string& where) {
    const auto dimensions = reader.number<std::uint32_t>("number of dimensions");
    if (dimensions > most_dimensions) {
        corrupt(where, std::to_string(dimensions) + " dimensions, expected at most " + std::to_string(most_dimensions));
    }
    std::vector<std::int64_t> shape;
    for (std::uint32_t i = 0; i < dimensions; ++i) {
        const auto dimension = reader.number<std::uint64_t>("dimension");
        if (dimension == 0 || dimension > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
            corrupt(where, "dimension " + std::to_string(i) + " is " + std::to_string(dimension) + ", expected one in [1, 2^63)");
        }
        shape.push_back(static_cast<std::int64_t>(dimension));
    }
    std::reverse(shape.begin(), shape.end());
    return shape;
}

// The offset is still relative to the data.
TensorInfo read_tensor(GgufReader& reader, const std::shared_ptr<const File>& file) {
    const auto length = reader.number<std::uint64_t>("tensor name");
    if (length == 0 || length > longest_name) {
        corrupt(file->name(), "a tensor name of " + std::to_string(length) + " bytes, expected 1 to " + std::to_string(longest_name));
    }
    TensorInfo tensor;
    tensor.name = reader.bytes(length, "tensor name");
    const std::string where = file->name() + ": " + printable(tensor.name);
    tensor.shape = read_shape(reader, where);
    const auto id = reader.number<std::uint32_t>("tensor type");
    const auto dtype = dtype_of_gguf(id);
    if (!dtype) throw Error(Status::unsupported, where + ": " + describe_gguf_id(id));
    tensor.dtype = *dtype;
    tensor.bytes = tensor_bytes(tensor.dtype, tensor.shape, where);
    tensor.offset = reader.number<std::uint64_t>("tensor offset");
    tensor.file = file;
    return tensor;
}

std::uint64_t read_alignment(const GgufMetadata& metadata) {
    constexpr std::int64_t most = 1 << 30;
    const auto alignment = static_cast<std::uint64_t>(metadata.integer_or("general.alignment", 32, 1, most));
    if ((alignment & (alignment - 1)) != 0) {
        metadata.refuse("general.alignment", "expected a power of two, found " + std::to_string(alignment));
    }
    return alignment;
}

// Turns offsets from the data into offsets from the file, once they are proven to lie inside it.
void place_tensors(std::vector<TensorInfo>& tensors, const File& file, std::uint64_t data_start, std::uint64_t alignment) {
    const std::uint64_t room = file.size() > data_start ? file.size() - data_start : 0;
    for (TensorInfo& tensor : tensors) {
        const std::string where = file.name() + ": " + printable(tensor.name);
        if (tensor.offset % alignment != 0) {
            corrupt(where, "data begins at byte " + std::to_string(tensor.offset) + " of the data, expected a multiple of " +
                               std::to_string(alignment));
        }
        if (tensor.offset > room || tensor.bytes > room - tensor.offset) {
            corrupt(where, std::to_string(tensor.bytes) + " bytes at byte " + std::to_string(tensor.offset) +
                               " of the data, but the file has only " + std::to_string(room) + " bytes of data");
        }
        tensor.offset += data_start;
    }
}

void check_overlap(const std::vector<TensorInfo>& sorted, const File& file) {
    for (std::size_t i = 1; i < sorted.size(); ++i) {
        if (sorted[i].offset < sorted[i - 1].offset + sorted[i - 1].bytes) {
            corrupt(file.name() + ": " + printable(sorted[i].name), "overlaps " + printable(sorted[i - 1].name));
        }
    }
}

}  // namespace

void check_tensor_names(const std::vector<TensorInfo>& tensors) {
    std::vector<const TensorInfo*> sorted;
    for (const TensorInfo& tensor : tensors) sorted.push_back(&tensor);
    std::sort(sorted.begin(), sorted.end(), [](const TensorInfo* a, const TensorInfo* b) { return a->name < b->name; });
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end(),
                                          [](const TensorInfo* a, const TensorInfo* b) { return a->name == b->name; });
    if (twice != sorted.end()) corrupt((*twice)->file->name() + ": " + printable((*twice)->name), "the tensor is there twice");
}

bool begins_as_gguf(const File& file) {
    std::array<char, magic.size()> start{};
    if (file.size() < start.size()) return false;
    file.read(0, std::as_writable_bytes(std::span(start)));
    return std::string_view(start.data(), start.size()) == magic;
}

Gguf Gguf::read_header(std::shared_ptr<const File> file) {
    GgufReader reader(*file);
    Gguf result;
    result.version = read_version(reader, file->name());
    const std::uint64_t tensor_count = reader.count("tensor count", most_tensors, smallest_tensor_entry);
    const std::uint64_t key_count = reader.count("key count", GgufReader::most_keys, GgufReader::smallest_key_entry);
    reader.read_keys(key_count);
    for (std::uint64_t i = 0; i < tensor_count; ++i) result.tensors.push_back(read_tensor(reader, file));
    const std::uint64_t header_end = reader.position();
    result.metadata = std::move(reader).metadata();
    result.alignment = read_alignment(result.metadata);
    check_tensor_names(result.tensors);

    const std::uint64_t data_start = (header_end + result.alignment - 1) / result.alignment * result.alignment;
    place_tensors(result.tensors, *file, data_start, result.alignment);
    std::sort(result.tensors.begin(), result.tensors.end(),
              [](const TensorInfo& a, const TensorInfo& b) { return a.offset < b.offset; });
    check_overlap(result.tensors, *file);
    return result;
}

}  // namespace rorqual::io
