#include "weights/weight_store.hpp"

#include <algorithm>
#include <iterator>
#include <new>
#include <set>
#include <string_view>
#include <utility>

#include "io/printable.hpp"
#include "panels/layout.hpp"
#include "quant/decode.hpp"
#include "weights/checkpoint.hpp"

namespace rorqual::weights {
namespace {

using io::printable;
using io::shape_text;

constexpr std::size_t weight_alignment = 64;  // a cache line, and the widest vector register

std::string dtypes_text(const std::vector<DType>& allowed) {
    std::string text;
    for (const DType dtype : allowed) text += (text.empty() ? "" : ", ") + std::string(name(dtype));
    return text;
}

bool is_ignored(std::string_view tensor, const std::vector<std::string>& suffixes) {
    return std::any_of(suffixes.begin(), suffixes.end(), [&](const std::string& suffix) { return tensor.ends_with(suffix); });
}

// A format whose weights share blocks: a matrix may be stored so, because products take it as it is.
bool is_blocks(DType dtype) { return block_length(dtype) > 1 && quant::can_decode(dtype); }

// `in_blocks`: the container could hold blocks.
void check_tensor(const TensorSpec& spec, const Piece& piece, const io::TensorInfo& found, bool in_blocks, Problems& problems) {
    const std::string where = found.file->name() + ": " + printable(found.name);
    if (found.shape != piece.shape) {
        problems.add(Status::corrupt, where + ": shape " + shape_text(found.shape) + ", expected " + shape_text(piece.shape));
    }
    if (found.packed && !spec.packable) problems.add(Status::corrupt, where + ": in panels, expected rows");
    const bool allowed = std::find(spec.allowed.begin(), spec.allowed.end(), found.dtype) != spec.allowed.end();
    if (!allowed && !(spec.matrix != nullptr && is_blocks(found.dtype))) {
        problems.add(Status::unsupported, where + ": stored as " + std::string(name(found.dtype)) + ", expected " +
                                              dtypes_text(spec.allowed) + (spec.matrix != nullptr && in_blocks ? " or blocks" : ""));
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
    if (layout_) return layout_->place(spec, tensors_);
    return {{{spec.name, spec.shape}}};
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
            } else {
                problems.add(Status::not_found, origin_ + ": " + piece.name + ": missing, expected shape " + shape_text(piece.shape));
            }
        }
        std::move(place.spare.begin(), place.spare.end(), std::inserter(wanted, wanted.end()));
    }
    for (const DerivedSpec& spec : table.derived()) {
        const auto found = tensors_.find(spec.name);
        if (found == tensors_.end() || !found->second.packed) continue;
        wanted.insert(spec.name);
        check_tensor({.name = spec.name, .shape = {spec.rows, spec.cols}, .allowed = {}, .matrix = spec.to, .packable = true}, {spec.name, {spec.rows, spec.cols}}, found->second, true, problems);
    }
    for (const auto& [tensor, info] : tensors_) {
        if (wanted.contains(tensor) || is_ignored(tensor, table.ignored())) continue;
        problems.add(Status::corrupt, info.file->name() + ": " + printable(tensor) + ": unexpected, the config calls for no such tensor");
    }
}

void WeightStore::Bytes::add_packed_before(const io::TensorInfo& tensor) noexcept {
    total += tensor.bytes;
    packed_before += tensor.bytes;
    if (is_aligned(tensor)) mapped += tensor.bytes;
}

WeightStore::Bytes WeightStore::bytes(const TensorTable& table) const {
    Bytes bytes;
    std::set<std::string_view> counted;
    for (const TensorSpec& spec : table.specs()) {
        if (!counted.insert(spec.name).second) continue;
        const Place place = this->place(spec);
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
        if (is_packed(spec, tensor.dtype)) {
            bytes.packed += packed_bytes(tensor.dtype, spec.shape[0], spec.shape[1]);
            continue;
        }
        const std::uint64_t part = tensor.bytes / static_cast<std::uint64_t>(piece.parts);
        bytes.total += part;
        if (spec.matrix != nullptr && !tensor.file->mapped().empty()) bytes.mapped += part;
    }
    for (const DerivedSpec& spec : table.derived()) {
        const auto found = tensors_.find(spec.name);
        if (found != tensors_.end()) {
            bytes.add_packed_before(found->second);
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
        const DType dtype = place.pieces.size() > 1 ? DType::f32 : checked(spec, place.pieces.front()).dtype;
        *spec.matrix = {dtype, nullptr, spec.shape[0], spec.shape[1]};
        const bool in_panels = place.pieces.size() == 1 && checked(spec, place.pieces.front()).packed;
        if (in_panels || is_packed(spec, dtype)) spec.matrix->panel_bytes = panels::panel_bytes(dtype, spec.shape[1]);
    }
}

void WeightStore::load(const TensorTable& table, std::pmr::memory_resource& memory, PackedStore& packed, cpu::Workers& workers) {
    std::map<std::string_view, WeightView> placed;  // a tensor wanted twice is still copied once
    for (const TensorSpec& spec : table.specs()) {
        const auto known = placed.find(spec.name);
        if (known != placed.end()) {
            *spec.matrix = known->second;
            continue;
        }
        load_one(spec, memory, packed, workers);
        if (spec.matrix != nullptr) placed.emplace(spec.name, *spec.matrix);
    }
    for (const DerivedSpec& spec : table.derived()) derive_one(spec, memory, packed, workers);
}

void WeightStore::load_one(const TensorSpec& spec, std::pmr::memory_resource& memory, PackedStore& packed, cpu::Workers& workers) {
    if (spec.vector != nullptr) *spec.vector = read_floats(checked(spec, this->place(spec).pieces.front()));
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

void WeightStore::drop_copies() noexcept { owned_.clear(); }

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
    const auto kept = owned_.size();
    view.data = resident(tensor, memory);
    if (!is_packed(spec, tensor.dtype)) return view;
    const WeightView copy = named(tensor, place.pieces.front(), [&] { return packed.pack(view, workers); });
    owned_.resize(kept);  // what could not be mapped was read for the packing alone
    tensor.file->release(tensor.offset, tensor.bytes);
    return copy;
}

WeightView WeightStore::packed_before(const io::TensorInfo& tensor, std::pmr::memory_resource& memory) {
    const auto rows = tensor.shape[0], cols = tensor.shape[1];
    return {tensor.dtype, resident(tensor, memory), rows, cols, panels::panel_bytes(tensor.dtype, cols)};
}

// The part of a stored tensor that a piece means.
io::TensorInfo WeightStore::checked(const TensorSpec& spec, const Piece& piece) const {
    const auto found = tensors_.find(piece.name);
    if (found == tensors_.end() || found->second.shape != piece.shape || (spec.matrix != nullptr && spec.shape.size() != 2)) {
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
