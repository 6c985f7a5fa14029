#include "io/gguf_writer.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "io/little_endian.hpp"
#include "io/printable.hpp"
#include "io/safetensors.hpp"
#include "rorqual/error.hpp"

namespace rorqual::io {
namespace {

constexpr std::size_t longest_name = 64;  // what every reader takes
constexpr std::size_t longest_key = 65535;
constexpr std::size_t most_dimensions = 4;
constexpr std::uint64_t most_bytes = std::uint64_t{1} << 62;

[[noreturn]] void invalid(std::string_view name, const std::string& what) {
    throw Error(Status::invalid_argument, printable(name) + ": " + what);
}

void append_text(std::vector<std::byte>& out, std::string_view text) {
    append_little_endian(out, std::uint64_t{text.size()});
    const auto bytes = std::as_bytes(std::span(text));
    out.insert(out.end(), bytes.begin(), bytes.end());
}

void append(std::vector<std::byte>& out, std::span<const std::byte> bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

std::uint64_t rounded_up(std::uint64_t value, std::uint64_t alignment) { return (value + alignment - 1) / alignment * alignment; }

// Bytes of a tensor; its shape is what a reader accepts.
std::uint64_t checked_bytes(std::string_view name, DType dtype, const std::vector<std::int64_t>& shape) {
    if (shape.size() > most_dimensions) invalid(name, "shape " + shape_text(shape) + ", expected at most 4 dimensions");
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    std::uint64_t elements = 1;
    for (const std::int64_t dimension : shape) {
        if (dimension < 1 || elements > most / static_cast<std::uint64_t>(dimension)) {
            invalid(name, "shape " + shape_text(shape) + ", expected dimensions of at least 1 and a product below 2^63");
        }
        elements *= static_cast<std::uint64_t>(dimension);
    }
    const auto length = block_length(dtype);
    if ((shape.empty() ? 1 : shape.back()) % length != 0) {
        invalid(name, "shape " + shape_text(shape) + ", expected rows of a multiple of " + std::to_string(length) + " for " +
                          std::string(rorqual::name(dtype)));
    }
    const auto blocks = elements / static_cast<std::uint64_t>(length);
    if (blocks > most / static_cast<std::uint64_t>(block_bytes(dtype))) invalid(name, "shape " + shape_text(shape) + " exceeds 2^63 bytes");
    return blocks * static_cast<std::uint64_t>(block_bytes(dtype));
}

}  // namespace

GgufHeader::GgufHeader(std::uint32_t alignment) : alignment_(alignment) {
    if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
        invalid("general.alignment", "expected a power of two, found " + std::to_string(alignment));
    }
    if (alignment != 32) u32("general.alignment", alignment);
}

void GgufHeader::begin_key(std::string_view key, GgufType type) {
    if (key.empty() || key.size() > longest_key) invalid(key, "a key of " + std::to_string(key.size()) + " bytes, expected 1 to 65535");
    if (!key_names_.emplace(key).second) invalid(key, "the key is given twice");
    append_text(keys_, key);
    append_little_endian(keys_, static_cast<std::uint32_t>(type));
    ++key_count_;
}

void GgufHeader::begin_array(std::string_view key, GgufType element, std::size_t count) {
    begin_key(key, GgufType::array);
    append_little_endian(keys_, static_cast<std::uint32_t>(element));
    append_little_endian(keys_, std::uint64_t{count});
}

void GgufHeader::u16(std::string_view key, std::uint16_t value) {
    begin_key(key, GgufType::u16);
    append_little_endian(keys_, value);
}
void GgufHeader::u32(std::string_view key, std::uint32_t value) {
    begin_key(key, GgufType::u32);
    append_little_endian(keys_, value);
}
void GgufHeader::i32(std::string_view key, std::int32_t value) {
    begin_key(key, GgufType::i32);
    append_little_endian(keys_, value);
}
void GgufHeader::u64(std::string_view key, std::uint64_t value) {
    begin_key(key, GgufType::u64);
    append_little_endian(keys_, value);
}
void GgufHeader::f32(std::string_view key, float value) {
    begin_key(key, GgufType::f32);
    append_little_endian(keys_, value);
}
void GgufHeader::boolean(std::string_view key, bool value) {
    begin_key(key, GgufType::boolean);
    append_little_endian(keys_, static_cast<std::uint8_t>(value ? 1 : 0));
}
void GgufHeader::text(std::string_view key, std::string_view value) {
    begin_key(key, GgufType::text);
    append_text(keys_, value);
}
void GgufHeader::texts(std::string_view key, std::span<const std::string> values) {
    begin_array(key, GgufType::text, values.size());
    for (const std::string& value : values) append_text(keys_, value);
}
void GgufHeader::i32s(std::string_view key, std::span<const std::int32_t> values) {
    begin_array(key, GgufType::i32, values.size());
    for (const std::int32_t value : values) append_little_endian(keys_, value);
}
void GgufHeader::f32s(std::string_view key, std::span<const float> values) {
    begin_array(key, GgufType::f32, values.size());
    for (const float value : values) append_little_endian(keys_, value);
}
void GgufHeader::copy(const GgufMetadata::Entry& entry) {
    if (entry.key == "general.alignment") return;
    begin_key(entry.key, entry.type);
    append(keys_, entry.value);
}

void GgufHeader::tensor(std::string_view name, DType dtype, const std::vector<std::int64_t>& shape) {
    if (name.empty() || name.size() > longest_name) {
        invalid(name, "a tensor name of " + std::to_string(name.size()) + " bytes, expected 1 to 64");
    }
    const auto id = gguf_id_of(dtype);
    if (!id) throw Error(Status::unsupported, printable(name) + ": GGUF has no type for " + std::string(rorqual::name(dtype)));
    const std::uint64_t bytes = checked_bytes(name, dtype, shape);
    if (bytes > most_bytes - next_offset_) invalid(name, "the data exceed 2^62 bytes");
    if (!tensor_names_.emplace(name).second) invalid(name, "the tensor is given twice");
    append_text(table_, name);
    append_little_endian(table_, static_cast<std::uint32_t>(shape.size()));
    for (auto dimension = shape.rbegin(); dimension != shape.rend(); ++dimension) append_little_endian(table_, *dimension);
    append_little_endian(table_, *id);
    append_little_endian(table_, next_offset_);
    tensor_bytes_.push_back(bytes);
    next_offset_ = rounded_up(next_offset_ + bytes, alignment_);
}

std::vector<std::byte> GgufHeader::bytes() const {
    std::vector<std::byte> out;
    append(out, std::as_bytes(std::span<const char>("GGUF", 4)));
    append_little_endian(out, std::uint32_t{3});
    append_little_endian(out, std::uint64_t{tensor_bytes_.size()});
    append_little_endian(out, key_count_);
    append(out, keys_);
    append(out, table_);
    out.resize(static_cast<std::size_t>(rounded_up(out.size(), alignment_)));
    return out;
}

GgufWriter::GgufWriter(std::filesystem::path path, const GgufHeader& header)
    : file_(std::move(path)), alignment_(header.alignment()), tensor_bytes_(header.tensor_bytes()) {
    file_.write(header.bytes());
}

// The data of the last tensor are padded too, as llama.cpp writes and expects it.
void GgufWriter::pad() {
    constexpr std::array<std::byte, 256> zeros{};
    std::uint64_t missing = rounded_up(file_.size(), alignment_) - file_.size();
    while (missing > 0) {
        const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(missing, zeros.size()));
        file_.write(std::span(zeros).first(piece));
        missing -= piece;
    }
}

void GgufWriter::write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        if (tensor_ == tensor_bytes_.size()) {
            invalid(file_.name(), std::to_string(bytes.size()) + " bytes more than the header announced");
        }
        const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), tensor_bytes_[tensor_] - done_));
        file_.write(bytes.first(piece));
        bytes = bytes.subspan(piece);
        done_ += piece;
        if (done_ < tensor_bytes_[tensor_]) continue;
        pad();
        ++tensor_;
        done_ = 0;
    }
}

void GgufWriter::commit() {
    if (tensor_ != tensor_bytes_.size()) {
        invalid(file_.name(), std::to_string(tensor_) + " of " + std::to_string(tensor_bytes_.size()) + " tensors are written, expected all");
    }
    file_.commit();
}

}  // namespace rorqual::io
