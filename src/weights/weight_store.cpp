#include "weights/weight_store.hpp"

#include <algorithm>
#include <new>
#include <set>
#include <string_view>
#include <utility>

#include "io/printable.hpp"
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

void check_tensor(const TensorSpec& spec, const io::TensorInfo& found, Problems& problems) {
    const std::string where = found.file->name() + ": " + printable(found.name);
    if (found.shape != spec.shape) {
        problems.add(Status::corrupt, where + ": shape " + shape_text(found.shape) + ", expected " + shape_text(spec.shape));
    }
    if (std::find(spec.allowed.begin(), spec.allowed.end(), found.dtype) == spec.allowed.end()) {
        problems.add(Status::unsupported, where + ": stored as " + std::string(name(found.dtype)) + ", expected " +
                                              dtypes_text(spec.allowed));
    }
}

std::vector<float> read_vector(const io::TensorInfo& tensor) {
    std::vector<float> values(static_cast<std::size_t>(tensor.bytes) / static_cast<std::size_t>(block_bytes(tensor.dtype)));
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

void WeightStore::check(const TensorTable& table, Problems& problems) const {
    std::set<std::string_view> wanted;
    for (const TensorSpec& spec : table.specs()) {
        wanted.insert(spec.name);
        const auto found = tensors_.find(spec.name);
        if (found != tensors_.end()) {
            check_tensor(spec, found->second, problems);
        } else {
            problems.add(Status::not_found, origin_ + ": " + spec.name + ": missing, expected shape " + shape_text(spec.shape));
        }
    }
    for (const auto& [tensor, info] : tensors_) {
        if (wanted.contains(tensor) || is_ignored(tensor, table.ignored())) continue;
        problems.add(Status::corrupt, info.file->name() + ": " + printable(tensor) + ": unexpected, the config calls for no such tensor");
    }
}

WeightStore::Bytes WeightStore::bytes(const TensorTable& table) const {
    Bytes bytes;
    std::set<std::string_view> counted;
    for (const TensorSpec& spec : table.specs()) {
        const auto found = tensors_.find(spec.name);
        if (found == tensors_.end() || !counted.insert(spec.name).second) continue;
        bytes.total += found->second.bytes;
        if (spec.matrix != nullptr && !found->second.file->mapped().empty()) bytes.mapped += found->second.bytes;
    }
    return bytes;
}

void WeightStore::load(const TensorTable& table, std::pmr::memory_resource& memory) {
    std::map<std::string_view, const std::byte*> placed;  // a tensor wanted twice is still copied once
    for (const TensorSpec& spec : table.specs()) {
        const auto found = tensors_.find(spec.name);
        if (found == tensors_.end() || found->second.shape != spec.shape || (spec.matrix != nullptr && spec.shape.size() != 2)) {
            throw Error(Status::internal, origin_ + ": " + spec.name + ": loaded without having been checked");
        }
        const io::TensorInfo& tensor = found->second;
        if (spec.vector != nullptr) *spec.vector = read_vector(tensor);
        if (spec.matrix != nullptr) {
            const auto [place, is_new] = placed.try_emplace(spec.name, nullptr);
            if (is_new) place->second = resident(tensor, memory);
            *spec.matrix = {tensor.dtype, place->second, tensor.shape[0], tensor.shape[1]};
        }
    }
}

// Where the bytes of a tensor can be read as long as *this lives: in its mapped file, or in memory of our own.
const std::byte* WeightStore::resident(const io::TensorInfo& tensor, std::pmr::memory_resource& memory) {
    const auto mapped = tensor.file->mapped();
    if (!mapped.empty()) return mapped.data() + tensor.offset;
    if (!std::in_range<std::size_t>(tensor.bytes)) throw std::bad_alloc();  // a 32-bit process
    auto owned = std::make_shared<Owned>(memory, static_cast<std::size_t>(tensor.bytes));
    tensor.file->read(tensor.offset, {owned->data, owned->size});
    owned_.push_back(owned);
    return owned->data;
}

}  // namespace rorqual::weights
