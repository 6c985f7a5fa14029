#include "weights/weight_store.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <new>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/ceil_div.hpp"
#include "io/printable.hpp"
#include "panels/layout.hpp"
#include "quant/decode.hpp"
#include "quant/finite.hpp"
#include "quant/fp4_pairs.hpp"
#include "weights/checkpoint.hpp"

namespace rorqual::weights {
namespace {

using io::printable;
using io::shape_text;

constexpr std::size_t weight_alignment = 64;  // a cache line, and the widest vector register

bool is_scaled(const TensorSpec& spec, const io::TensorInfo& tensor) { return spec.fp8_blocks && tensor.dtype == DType::f8_e4m3; }

bool is_fp4(const TensorSpec& spec, const io::TensorInfo& tensor) {
    return spec.fp4_pairs && (tensor.dtype == DType::i8 || tensor.dtype == DType::u8) && spec.shape[1] % quant::fp4_block == 0;
}

// The shape a tensor must have as it is stored: two fp4 share a byte.
std::vector<std::int64_t> stored_shape(const TensorSpec& spec, const Piece& piece, const io::TensorInfo& tensor) {
    return is_fp4(spec, tensor) ? std::vector<std::int64_t>{spec.shape[0], spec.shape[1] / 2} : piece.shape;
}

// [rows, cols] of the scales of a matrix.
std::vector<std::int64_t> scale_shape(const TensorSpec& spec, const io::TensorInfo& tensor) {
    if (is_fp4(spec, tensor)) return {spec.shape[0], spec.shape[1] / quant::fp4_block};
    return {ceil_div(spec.shape[0], spec.fp8_blocks->rows), ceil_div(spec.shape[1], spec.fp8_blocks->cols)};
}

std::string dtypes_text(const std::vector<DType>& allowed) {
    std::string text;
    for (const DType dtype : allowed) text += (text.empty() ? "" : ", ") + std::string(name(dtype));
    return text;
}

// A format whose weights share blocks: a matrix may be stored so, because products take it as it is.
bool is_blocks(DType dtype) { return block_length(dtype) > 1 && quant::can_decode(dtype); }

// `in_blocks`: the container could hold blocks.
void check_tensor(const TensorSpec& spec, const Piece& piece, const io::TensorInfo& found, bool in_blocks, Problems& problems) {
    const std::string where = found.file->name() + ": " + printable(found.name);
    if (const auto shape = stored_shape(spec, piece, found); found.shape != shape) {
        problems.add(Status::corrupt, where + ": shape " + shape_text(found.shape) + ", expected " + shape_text(shape) + (is_fp4(spec, found) ? ", two weights in a byte" : ""));
    }
    if (found.packed && !spec.packable) problems.add(Status::corrupt, where + ": in panels, expected rows");
    const bool allowed = std::find(spec.allowed.begin(), spec.allowed.end(), found.dtype) != spec.allowed.end();
    if (!allowed && !(spec.matrix != nullptr && is_blocks(found.dtype)) && !is_scaled(spec, found) && !is_fp4(spec, found)) {
        problems.add(Status::unsupported, where + ": stored as " + std::string(name(found.dtype)) + ", expected " +
                                              dtypes_text(spec.allowed) + (spec.matrix != nullptr && in_blocks ? " or blocks" : "") +
                                              (found.dtype == DType::f8_e4m3 && spec.matrix != nullptr && !in_blocks ? " (config.json has no quantization_config)" : ""));
    }
}

std::vector<float> read_floats(const io::TensorInfo& tensor) {
    const auto blocks = static_cast<std::size_t>(tensor.bytes) / static_cast<std::size_t>(block_bytes(tensor.dtype));
    std::vector<float> values(blocks * static_cast<std::size_t>(block_length(tensor.dtype)));
    const auto mapped = tensor.file->mapped();
    if (!mapped.empty()) {
        quant::decode(tensor.dtype, mapped.subspan(static_cast<std::size_t>(tensor.offset), static_cast<std::size_t>(tensor.bytes)), values);
        return values;
    }
    std::vector<std::byte> stored(static_cast<std::size_t>(tensor.bytes));
    tensor.file->read(tensor.offset, stored);
    quant::decode(tensor.dtype, stored, values);
    return values;
}

std::vector<std::int32_t> read_integers(const io::TensorInfo& tensor, const TensorSpec& spec) {
    std::vector<std::byte> stored(static_cast<std::size_t>(tensor.bytes));
    tensor.file->read(tensor.offset, stored);
    const auto size = static_cast<std::size_t>(block_bytes(tensor.dtype));
    std::vector<std::int32_t> values(stored.size() / size);
    for (std::size_t i = 0; i < values.size(); ++i) {
        std::int64_t value = 0;
        if (size == sizeof(std::int32_t)) {
            std::int32_t narrow = 0;
            std::memcpy(&narrow, stored.data() + i * size, size);
            value = narrow;
        } else {
            std::memcpy(&value, stored.data() + i * size, size);
        }
        if (value < 0 || value >= spec.below) {
            const auto cols = static_cast<std::size_t>(spec.shape[1]);
            throw Error(Status::corrupt, tensor.file->name() + ": " + printable(tensor.name) + ": row " + std::to_string(i / cols) + ", column " + std::to_string(i % cols) + " is " +
                                             std::to_string(value) + ", expected 0 to " + std::to_string(spec.below - 1));
        }
        values[i] = static_cast<std::int32_t>(value);
    }
    return values;
}

// Panels that can be used where they lie.
bool is_aligned(const io::TensorInfo& tensor) {
    const auto mapped = tensor.file->mapped();
    return !mapped.empty() && reinterpret_cast<std::uintptr_t>(mapped.data() + tensor.offset) % weight_alignment == 0;
}

// Names the tensor in what `step` throws, and which of its parts it is about.
template <class Step>
auto named(const io::TensorInfo& tensor, const Piece& piece, const Step& step) {
    try {
        return step();
    } catch (const Error& error) {
        const std::string part = piece.parts > 1 ? "[" + std::to_string(piece.part) + "]" : "";
        throw Error(error.status(), tensor.file->name() + ": " + printable(tensor.name) + part + ": " + error.what());
    }
}

std::uint64_t elements(const TensorSpec& spec) {
    std::uint64_t count = 1;
    for (const std::int64_t dimension : spec.shape) count *= static_cast<std::uint64_t>(dimension);
    return count;
}

}  // namespace

namespace {

/// A stored tensor, which of its parts, and whether it may be packed: what a specification comes to.
using Use = std::tuple<std::string, std::int64_t, bool>;
Use use_of(const TensorSpec& spec, const Place& place) {
    return {place.pieces.front().name, place.pieces.front().part, spec.packable};
}

/// A matrix of products in a format that has packed ones.
bool is_packed(const TensorSpec& spec, DType stored) {
    return spec.packable && can_pack(stored, spec.shape[1]);
}

}  // namespace

struct WeightStore::Owned {
    Owned(std::pmr::memory_resource& from, std::size_t bytes)
        : memory(&from), size(bytes), data(static_cast<std::byte*>(from.allocate(bytes, weight_alignment))) {}
    Owned(const Owned&) = delete;
    Owned& operator=(const Owned&) = delete;
    ~Owned() { memory->deallocate(data, size, weight_alignment); }

    std::pmr::memory_resource* memory;
    std::size_t size;
    std::byte* data;
};

std::string packed_copy_of(const std::string& matrix) {
    constexpr std::string_view suffix = ".weight";
    return (matrix.ends_with(suffix) ? matrix.substr(0, matrix.size() - suffix.size()) : matrix) + ".packed";
}

WeightStore WeightStore::open(io::FileSet& files, Problems& problems) {
    Checkpoint checkpoint = read_checkpoint(files, problems);
    WeightStore store;
    store.origin_ = std::move(checkpoint.origin);
    store.tensors_ = std::move(checkpoint.tensors);
    return store;
}

WeightStore WeightStore::of(std::string origin, std::vector<io::TensorInfo> tensors, std::unique_ptr<const TensorLayout> layout) {
    WeightStore store;
    store.origin_ = std::move(origin);
    for (io::TensorInfo& tensor : tensors) {
        std::string name = tensor.name;
        store.tensors_.emplace(std::move(name), std::move(tensor));
    }
    store.layout_ = std::move(layout);
    return store;
}

WeightStore WeightStore::of_packed(std::string origin, StoredTensors tensors) {
    WeightStore store;
    store.origin_ = std::move(origin);
    store.tensors_ = std::move(tensors);
    return store;
}

Place WeightStore::place(const TensorSpec& spec) const {
    const auto place_of = [&](const TensorSpec& one) {
        if (layout_) return layout_->place(one, tensors_);
        Place place;
        place.pieces.push_back({one.name, one.shape});
        return place;
    };
    Place place = place_of(spec);
    if (spec.instead.empty() || tensors_.contains(place.pieces.front().name)) return place;
    TensorSpec other = spec;
    other.name = spec.instead;
    Place instead = place_of(other);
    return tensors_.contains(instead.pieces.front().name) ? instead : place;
}

void WeightStore::check(const TensorTable& table, Problems& problems) const {
    std::set<std::string, std::less<>> wanted;
    for (const TensorSpec& spec : table.specs()) {
        Place place = this->place(spec);
        for (const Piece& piece : place.pieces) {
            if (!wanted.insert(piece.name).second) continue;  // of a stack, once
            const auto found = tensors_.find(piece.name);
            if (found != tensors_.end()) {
                check_tensor(spec, piece, found->second, layout_ != nullptr, problems);
                if (!is_scaled(spec, found->second) && !is_fp4(spec, found->second)) continue;
                check_scales(spec, found->second, problems);
                wanted.insert(scales_of(spec, found->second.name));
                if (is_fp4(spec, found->second)) continue;
                check_packed(packed_copy_of(spec.name), spec.shape[0], spec.shape[1], *spec.matrix, wanted, problems);
            } else {
                problems.add(Status::not_found, origin_ + ": " + piece.name + ": missing, expected shape " + shape_text(piece.shape) +
                                                    (spec.announced_by.empty() ? "" : ", as " + spec.announced_by + " announces"));
            }
        }
        std::move(place.spare.begin(), place.spare.end(), std::inserter(wanted, wanted.end()));
    }
    for (const DerivedSpec& spec : table.derived()) {
        check_packed(spec.name, spec.rows, spec.cols, *spec.to, wanted, problems);
    }
    std::set<std::string, std::less<>> scaled;
    for (const std::string& matrix : wanted) scaled.insert({rorqual::weights::scales_of(matrix), short_scales_of(matrix)});
    for (const auto& [tensor, info] : tensors_) {
        if (wanted.contains(tensor) || table.is_ignored(tensor)) continue;
        const bool is_scale = scaled.contains(tensor);
        problems.add(Status::corrupt, info.file->name() + ": " + printable(tensor) + ": unexpected, " +
                                          (is_scale ? "the tensor it would scale is not stored as f8_e4m3" : "the config calls for no such tensor"));
    }
}

// A packed matrix that only packed files have.
void WeightStore::check_packed(const std::string& name, std::int64_t rows, std::int64_t cols, WeightView& to, std::set<std::string, std::less<>>& wanted,
                               Problems& problems) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end() || !found->second.packed) return;
    wanted.insert(name);
    check_tensor({.name = name, .shape = {rows, cols}, .allowed = {}, .matrix = &to, .packable = true}, {name, {rows, cols}}, found->second, true, problems);
}

void WeightStore::check_scales(const TensorSpec& spec, const io::TensorInfo& weight, Problems& problems) const {
    const bool fp4 = is_fp4(spec, weight);
    const auto expected = scale_shape(spec, weight);
    const auto found = tensors_.find(scales_of(spec, weight.name));
    if (found == tensors_.end()) {
        problems.add(Status::not_found, weight.file->name() + ": " + printable(weight.name) + ": stored as " + (fp4 ? "pairs of fp4" : "f8_e4m3") + ", but its scales " +
                                            printable(scales_of(spec, weight.name)) + " are missing, expected shape " + shape_text(expected));
        return;
    }
    const auto& [name, scales] = *found;
    const std::string where = scales.file->name() + ": " + printable(name);
    if (scales.shape != expected) {
        problems.add(Status::corrupt, where + ": shape " + shape_text(scales.shape) + ", expected " + shape_text(expected) + ", a scale for each " +
                                          (fp4 ? std::to_string(quant::fp4_block) + " columns"
                                               : "block of " + std::to_string(spec.fp8_blocks->rows) + " x " + std::to_string(spec.fp8_blocks->cols) + " (quantization_config: weight_block_size)"));
    }
    auto allowed = fp4 ? std::vector<DType>{} : spec.allowed;
    allowed.push_back(DType::f8_e8m0);
    if (std::find(allowed.begin(), allowed.end(), scales.dtype) == allowed.end()) {
        problems.add(Status::unsupported, where + ": stored as " + std::string(rorqual::name(scales.dtype)) + ", expected " + dtypes_text(allowed));
    }
}

void WeightStore::Bytes::add_packed_before(const io::TensorInfo& tensor) noexcept {
    total += tensor.bytes;
    packed_before += tensor.bytes;
    if (is_aligned(tensor)) mapped += tensor.bytes;
}

WeightStore::Bytes WeightStore::bytes(const TensorTable& table) const {
    Bytes bytes;
    std::set<Use> counted;
    std::set<std::string_view> copies;  // that lie packed in the container and were counted
    for (const TensorSpec& spec : table.specs()) {
        const Place place = this->place(spec);
        if (!counted.insert(use_of(spec, place)).second) continue;
        if (place.pieces.size() > 1) {
            bytes.total += elements(spec) * sizeof(float);
            continue;
        }
        const Piece& piece = place.pieces.front();
        const auto found = tensors_.find(piece.name);
        if (found == tensors_.end()) continue;
        const io::TensorInfo& tensor = found->second;
        if (tensor.packed) {
            bytes.add_packed_before(tensor);
            continue;
        }
        if (is_fp4(spec, tensor)) {
            bytes.packed += packed_bytes(DType::mxfp4, spec.shape[0], spec.shape[1]);
            continue;
        }
        if (is_packed(spec, tensor.dtype)) {
            bytes.packed += packed_bytes(tensor.dtype, spec.shape[0], spec.shape[1]);
            continue;
        }
        const std::uint64_t part = tensor.bytes / static_cast<std::uint64_t>(piece.parts);
        bytes.total += part;
        if (spec.matrix != nullptr && !tensor.file->mapped().empty()) bytes.mapped += part;
        if (!is_scaled(spec, tensor)) continue;
        const auto blocks = scale_shape(spec, tensor);
        bytes.total += static_cast<std::uint64_t>(blocks[0] * blocks[1]) * sizeof(float);
        if (!spec.packable || !packs_copy(tensor.dtype, spec.shape[1])) continue;
        if (const auto copy = tensors_.find(packed_copy_of(spec.name)); copy != tensors_.end()) {
            bytes.add_packed_before(copy->second);
            copies.insert(copy->first);
        } else {
            bytes.packed += packed_bytes(requantised_format, spec.shape[0], spec.shape[1]);
        }
    }
    for (const DerivedSpec& spec : table.derived()) {
        const auto found = tensors_.find(spec.name);
        if (found != tensors_.end()) {
            if (!copies.contains(found->first)) bytes.add_packed_before(found->second);
        } else if (const auto format = spec.format()) {
            bytes.packed += packed_bytes(*format, spec.rows, spec.cols);
        }
    }
    bytes.total += bytes.packed;
    return bytes;
}

void WeightStore::outline(const TensorTable& table) const {
    for (const TensorSpec& spec : table.specs()) {
        if (spec.matrix == nullptr) continue;
        const Place place = this->place(spec);
        DType dtype = DType::f32;
        if (place.pieces.size() == 1) {
            const auto tensor = checked(spec, place.pieces.front());
            dtype = is_fp4(spec, tensor) ? DType::mxfp4 : tensor.dtype;
        }
        *spec.matrix = {dtype, nullptr, spec.shape[0], spec.shape[1]};
        const bool in_panels = place.pieces.size() == 1 && checked(spec, place.pieces.front()).packed;
        if (in_panels || is_packed(spec, dtype)) spec.matrix->panel_bytes = panels::panel_bytes(dtype, spec.shape[1]);
    }
}

void WeightStore::load(const TensorTable& table, std::pmr::memory_resource& memory, PackedStore& packed, cpu::Workers& workers) {
    std::map<Use, WeightView> placed;  // a tensor wanted twice is still copied once
    for (const TensorSpec& spec : table.specs()) {
        if (spec.matrix == nullptr) {
            load_one(spec, memory, packed, workers);
            continue;
        }
        const auto [known, is_new] = placed.try_emplace(use_of(spec, place(spec)));
        if (is_new) {
            load_one(spec, memory, packed, workers);
            known->second = *spec.matrix;
        } else {
            *spec.matrix = known->second;
        }
    }
    for (const DerivedSpec& spec : table.derived()) derive_one(spec, memory, packed, workers);
}

void WeightStore::load_one(const TensorSpec& spec, std::pmr::memory_resource& memory, PackedStore& packed, cpu::Workers& workers) {
    if (spec.vector != nullptr) *spec.vector = read_floats(checked(spec, this->place(spec).pieces.front()));
    if (spec.integers != nullptr) *spec.integers = read_integers(checked(spec, this->place(spec).pieces.front()), spec);
    if (spec.matrix != nullptr) *spec.matrix = matrix(spec, memory, packed, workers);
}

void WeightStore::derive_one(const DerivedSpec& spec, std::pmr::memory_resource& memory, PackedStore& packed, cpu::Workers& workers) {
    const auto found = tensors_.find(spec.name);
    if (found != tensors_.end()) {
        *spec.to = packed_before(found->second, memory);
    } else if (spec.format()) {
        std::vector<std::byte> room;
        const WeightView stored = spec.make(room);
        if (stored.data != nullptr) *spec.to = packed.pack(stored, workers);
    }
}

void WeightStore::drop_copies() noexcept {
    owned_.clear();
    scales_.clear();
}

WeightView WeightStore::matrix(const TensorSpec& spec, std::pmr::memory_resource& memory, PackedStore& packed, cpu::Workers& workers) {
    const Place place = this->place(spec);
    const io::TensorInfo tensor = checked(spec, place.pieces.front());
    WeightView view{tensor.dtype, nullptr, spec.shape[0], spec.shape[1]};
    if (place.pieces.size() > 1) {
        view.dtype = DType::f32;
        view.data = joined(spec, place, memory);
        return view;
    }
    if (tensor.packed) return packed_before(tensor, memory);
    if (is_scaled(spec, tensor)) return scaled(spec, tensor, memory, packed, workers);
    if (is_fp4(spec, tensor)) return from_fp4(spec, tensor, memory, packed, workers);
    const auto kept = owned_.size();
    view.data = resident(tensor, memory);
    if (!is_packed(spec, tensor.dtype)) return view;
    const WeightView copy = named(tensor, place.pieces.front(), [&] { return packed.pack(view, workers); });
    owned_.resize(kept);  // what could not be mapped was read for the packing alone
    tensor.file->release(tensor.offset, tensor.bytes);
    return copy;
}

std::unique_ptr<BlockScales> WeightStore::read_scales(const TensorSpec& spec) const {
    const auto weight = tensors_.find(place(spec).pieces.front().name);
    if (weight == tensors_.end() || !is_scaled(spec, weight->second)) return nullptr;
    const auto found = tensors_.find(scales_of(spec, weight->first));
    if (found == tensors_.end()) throw Error(Status::internal, origin_ + ": " + spec.name + ": loaded without having been checked");
    auto scales = std::make_unique<BlockScales>();
    scales->block_rows = spec.fp8_blocks->rows;
    scales->block_cols = spec.fp8_blocks->cols;
    scales->across = scale_shape(spec, weight->second)[1];
    scales->values = read_floats(found->second);
    const auto odd = std::ranges::find_if_not(scales->values, [](float scale) { return std::isfinite(scale); });
    if (odd == scales->values.end()) return scales;
    const auto at = odd - scales->values.begin();
    throw Error(Status::corrupt, found->second.file->name() + ": " + printable(found->first) + ": row " + std::to_string(at / scales->across) + ", column " +
                                     std::to_string(at % scales->across) + ": the scale is not finite");
}

WeightView WeightStore::scaled(const TensorSpec& spec, const io::TensorInfo& tensor, std::pmr::memory_resource& memory, PackedStore& packed,
                               cpu::Workers& workers) {
    auto& scales = *scales_.emplace_back(read_scales(spec));
    WeightView view{tensor.dtype, resident(tensor, memory), spec.shape[0], spec.shape[1], 0, &scales};
    scales.codes = view.data;
    const Piece piece{tensor.name, tensor.shape};
    if (const auto copy = tensors_.find(packed_copy_of(spec.name)); copy != tensors_.end()) {
        scales.panels = packed_before(copy->second, memory);
        return view;
    }
    if (spec.packable && packs_copy(view.dtype, view.cols)) {
        scales.panels = named(tensor, piece, [&] { return packed.pack_scaled(view, workers); });
    } else if (const auto code = quant::first_not_finite(view.dtype, {view.data, static_cast<std::size_t>(view.bytes())})) {
        named(tensor, piece, [&]() -> void { throw_not_finite(*code, view.cols); });
    }
    tensor.file->release(tensor.offset, tensor.bytes);
    return view;
}

const io::TensorInfo* WeightStore::find_fp4_scales(const TensorSpec& spec) const {
    const auto weight = tensors_.find(place(spec).pieces.front().name);
    if (weight == tensors_.end() || !is_fp4(spec, weight->second)) return nullptr;
    return &tensors_.at(scales_of(spec, weight->first));
}

// Its codes and scales become the panels of MXFP4 with the same weights.
WeightView WeightStore::from_fp4(const TensorSpec& spec, const io::TensorInfo& tensor, std::pmr::memory_resource& memory, PackedStore& packed,
                                 cpu::Workers& workers) {
    const auto& scale = tensors_.at(scales_of(spec, tensor.name));
    const auto kept = owned_.size();
    const auto* const codes = resident(tensor, memory);
    const auto* const scales = resident(scale, memory);
    const WeightView stored{DType::mxfp4, nullptr, spec.shape[0], spec.shape[1]};
    std::vector<std::byte> blocks(static_cast<std::size_t>(stored.bytes()));
    quant::mxfp4_from_pairs({codes, static_cast<std::size_t>(tensor.bytes)}, {scales, static_cast<std::size_t>(scale.bytes)}, blocks);
    const Piece piece{tensor.name, tensor.shape};
    const auto panels = named(tensor, piece, [&] { return packed.pack({DType::mxfp4, blocks.data(), stored.rows, stored.cols}, workers); });
    owned_.resize(kept);
    for (const auto* const read : {&tensor, &scale}) read->file->release(read->offset, read->bytes);
    return panels;
}

std::string WeightStore::scales_of(const TensorSpec& spec, const std::string& matrix) const {
    for (auto name : {rorqual::weights::scales_of(matrix), short_scales_of(matrix)}) {
        if (tensors_.contains(name)) return name;
    }
    return matrix == spec.name ? spec.scales : rorqual::weights::scales_of(matrix);
}

WeightView WeightStore::packed_before(const io::TensorInfo& tensor, std::pmr::memory_resource& memory) {
    const auto rows = tensor.shape[0], cols = tensor.shape[1];
    return {tensor.dtype, resident(tensor, memory), rows, cols, panels::panel_bytes(tensor.dtype, cols)};
}

// The part of a stored tensor that a piece means.
io::TensorInfo WeightStore::checked(const TensorSpec& spec, const Piece& piece) const {
    const auto found = tensors_.find(piece.name);
    if (found == tensors_.end() || found->second.shape != stored_shape(spec, piece, found->second) || (spec.matrix != nullptr && spec.shape.size() != 2)) {
        throw Error(Status::internal, origin_ + ": " + spec.name + ": loaded without having been checked");
    }
    io::TensorInfo tensor = found->second;
    tensor.bytes /= static_cast<std::uint64_t>(piece.parts);
    tensor.offset += tensor.bytes * static_cast<std::uint64_t>(piece.part);
    return tensor;
}

WeightStore::Owned& WeightStore::take(std::uint64_t bytes, std::pmr::memory_resource& memory) {
    if (!std::in_range<std::size_t>(bytes)) throw std::bad_alloc();  // a 32-bit process
    return *owned_.emplace_back(std::make_shared<Owned>(memory, static_cast<std::size_t>(bytes)));
}

// Where the bytes of a tensor can be read as long as *this lives: in its mapped file, or in memory of our own, where panels are aligned.
const std::byte* WeightStore::resident(const io::TensorInfo& tensor, std::pmr::memory_resource& memory) {
    const auto mapped = tensor.file->mapped();
    if (!mapped.empty() && (!tensor.packed || is_aligned(tensor))) return mapped.data() + tensor.offset;
    const Owned& owned = take(tensor.bytes, memory);
    tensor.file->read(tensor.offset, {owned.data, owned.size});
    return owned.data;
}

// The values of several tensors, put together as f32.
const std::byte* WeightStore::joined(const TensorSpec& spec, const Place& place, std::pmr::memory_resource& memory) {
    const auto count = static_cast<std::size_t>(elements(spec));
    const Owned& owned = take(count * sizeof(float), memory);
    std::vector<std::vector<float>> pieces;
    for (const Piece& piece : place.pieces) pieces.push_back(read_floats(checked(spec, piece)));
    place.join(pieces, {reinterpret_cast<float*>(owned.data), count});
    return owned.data;
}

}  // namespace rorqual::weights
