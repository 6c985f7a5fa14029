#include "weights/packed_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

#include "io/named_files.hpp"
#include "io/printable.hpp"
#include "io/section.hpp"
#include "quant/decode.hpp"
#include "rorqual/error.hpp"
#include "weights/packed_store.hpp"

namespace rorqual::weights {
namespace {

constexpr std::string_view kind_key = "format", identity_key = "identity";
constexpr std::string_view kind = "rorqual packed ", version = "1";
constexpr std::string_view first_bytes = R"({"__metadata__":{"format":"rorqual packed )";  // behind the header's length
constexpr char separator = '|';
constexpr std::int64_t most_rows = 1 << 30;  // so that no product of sizes overflows
constexpr std::int64_t most_stacked = 1 << 16;

[[noreturn]] void corrupt(const io::TensorInfo& tensor, const std::string& what) {
    throw Error(Status::corrupt, tensor.file->name() + ": " + io::printable(tensor.name) + ": " + what);
}

// Takes what stands before the next separator from the front of `text`.
std::string_view next_part(std::string_view& text) {
    const auto end = text.find(separator);
    const auto part = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return part;
}

DType read_dtype(const io::TensorInfo& tensor, std::string_view text) {
    for (auto dtype = DType::f32; dtype <= DType::tq2_0; dtype = static_cast<DType>(static_cast<std::int32_t>(dtype) + 1)) {
        if (name(dtype) == text && block_length(dtype) > 1 && quant::can_decode(dtype)) return dtype;
    }
    corrupt(tensor, "\"" + io::printable(text) + "\" is no format of blocks");
}

std::int64_t read_size(const io::TensorInfo& tensor, std::string_view text) {
    std::int64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size() || value < 1 || value > most_rows) {
        corrupt(tensor, "a size \"" + io::printable(text) + "\", expected 1 to 2^30");
    }
    return value;
}

// A name that may stand for several: "experts.0-63.up_proj" for those of 0 to 63.
struct Names {
    std::string before, after;
    std::int64_t first = 0, last = 0;
    bool numbered = false;

    explicit Names(const std::string& name) : before(name) {
        const auto dash = name.find('-');
        if (dash == std::string::npos) return;
        const auto begin = name.rfind('.', dash) + 1, end = std::min(name.find('.', dash), name.size());
        const auto *const text = name.data(), *const middle = text + dash;
        const auto a = std::from_chars(text + begin, middle, first), b = std::from_chars(middle + 1, text + end, last);
        numbered = a.ec == std::errc{} && a.ptr == middle && b.ec == std::errc{} && b.ptr == text + end && 0 <= first && first <= last && last < most_stacked;
        if (!numbered) return;
        before = name.substr(0, begin);
        after = name.substr(end);
    }
    [[nodiscard]] std::int64_t count() const noexcept { return numbered ? last - first + 1 : 1; }
    [[nodiscard]] std::string operator[](std::int64_t i) const { return numbered ? before + std::to_string(first + i) + after : before; }
};

// What the parts of a name say of matrices: published name, panels or rows, format, rows x columns. Adds them to `tensors`.
void read_matrices(const io::TensorInfo& stored, StoredTensors& tensors) {
    std::string_view text = stored.name;
    io::TensorInfo matrix = stored;
    const Names names{std::string(next_part(text))};
    const auto form = next_part(text);
    if (form != "panels" && form != "rows") corrupt(stored, "\"" + io::printable(form) + "\", expected panels or rows");
    matrix.packed = form == "panels";
    matrix.dtype = read_dtype(stored, next_part(text));
    const auto by = text.find('x');
    if (by == std::string_view::npos) corrupt(stored, "expected its rows and columns");
    const auto rows = read_size(stored, text.substr(0, by)), cols = read_size(stored, text.substr(by + 1));
    matrix.shape = {rows, cols};
    if (cols % block_length(matrix.dtype) != 0 || (matrix.packed && !can_pack(matrix.dtype, cols))) {
        corrupt(stored, "expected whole blocks of " + std::string(name(matrix.dtype)));
    }
    const WeightView view{matrix.dtype, nullptr, rows, cols};
    const auto expected = matrix.packed ? packed_bytes(matrix.dtype, rows, cols) : static_cast<std::uint64_t>(view.bytes());
    const auto count = static_cast<std::uint64_t>(names.count());
    if (stored.bytes % count != 0 || stored.bytes / count != expected) {
        corrupt(stored, std::to_string(stored.bytes) + " bytes, expected " + std::to_string(count) + " times " + std::to_string(expected));
    }
    matrix.bytes = expected;
    for (std::int64_t i = 0; i < names.count(); ++i, matrix.offset += expected) {
        matrix.name = names[i];
        if (!tensors.emplace(matrix.name, matrix).second) corrupt(stored, "the tensor is there twice");
    }
}

void check_kind(const io::Safetensors& header, const io::File& file) {
    const auto found = header.metadata.find(std::string(kind_key));
    const std::string_view text = found == header.metadata.end() ? std::string_view() : found->second;
    if (text.starts_with(kind) && text.substr(kind.size()) == version) return;
    throw Error(Status::unsupported, file.name() + ": packed in layout \"" + io::printable(text) + "\", this library reads \"" + std::string(kind) +
                                         std::string(version) + "\"; pack the model again");
}

std::string read_identity(const io::Safetensors& header, const io::File& file) {
    const auto found = header.metadata.find(std::string(identity_key));
    const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (found != header.metadata.end() && found->second.size() == 32 && std::ranges::all_of(found->second, is_digit)) return found->second;
    throw Error(Status::corrupt, file.name() + ": __metadata__: identity: expected 32 hexadecimal digits");
}

bool begins_as_packed(const io::File& file) {
    constexpr std::size_t length = 8;
    std::array<std::byte, first_bytes.size()> begin{};
    if (file.size() < length + begin.size()) return false;
    file.read(length, begin);
    return std::ranges::equal(begin, std::as_bytes(std::span(first_bytes)));
}

}  // namespace

PackedFile PackedFile::read(const std::shared_ptr<const io::File>& file) {
    const auto header = io::Safetensors::read_header(file);
    check_kind(header, *file);
    PackedFile packed;
    packed.identity = read_identity(header, *file);
    const auto files = std::make_shared<io::NamedFiles>(file->name());
    packed.files = files;
    for (const io::TensorInfo& stored : header.tensors) {
        std::string_view rest = stored.name;
        const auto first = next_part(rest);
        if (!rest.empty() && stored.dtype != DType::u8) corrupt(stored, "stored as " + std::string(name(stored.dtype)) + ", expected u8");
        if (!rest.empty() && first == "file") {
            if (!io::is_file_name(rest) || files->find(rest)) corrupt(stored, "expected the name of a file");
            files->add(std::string(rest), io::open_section(file, stored.offset, stored.bytes, file->name() + ": " + io::printable(rest)));
        } else if (!rest.empty()) {
            read_matrices(stored, packed.tensors);
        } else if (!packed.tensors.emplace(stored.name, stored).second) {
            corrupt(stored, "the tensor is there twice");
        }
    }
    return packed;
}

std::shared_ptr<const io::File> find_packed_file(io::FileSet& files) {
    const std::string& chosen = files.chosen();
    if (chosen.ends_with(".json")) return nullptr;
    const auto file = files.find(chosen.empty() ? io::safetensors_name : chosen);
    return file && begins_as_packed(*file) ? file : nullptr;
}

std::map<std::string, std::string> packed_metadata(const std::string& identity) {
    return {{std::string(kind_key), std::string(kind) + std::string(version)}, {std::string(identity_key), identity}};
}

io::SafetensorsWriter::Tensor packed_entry(const std::string& name, const WeightView& matrix, std::int64_t count) {
    if (!matrix.packed() && block_length(matrix.dtype) == 1) return {name, matrix.dtype, {matrix.rows, matrix.cols}};
    const std::string form = (matrix.packed() ? "panels|" : "rows|") + std::string(rorqual::name(matrix.dtype)) + separator + std::to_string(matrix.rows) +
                             "x" + std::to_string(matrix.cols);
    const auto step = matrix.packed() ? matrix.panel_bytes : matrix.row_bytes();
    return {name + separator + form, DType::u8, {count * (matrix.bytes() / step), step}};
}

io::SafetensorsWriter::Tensor packed_file_entry(const std::string& name, std::uint64_t bytes) {
    return {std::string("file") + separator + name, DType::u8, {static_cast<std::int64_t>(bytes)}};
}

}  // namespace rorqual::weights
