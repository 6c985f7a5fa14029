// rorqual::pack: a model with its weights as the engine computes with them, in one file to be mapped.
#include <algorithm>
#include <charconv>
#include <functional>
#include <memory>
#include <utility>

#include "families/blueprint.hpp"
#include "io/gguf_writer.hpp"
#include "quant/block_scaled.hpp"
#include "rorqual/convert.hpp"
#include "rorqual/error.hpp"
#include "text/tokenizer_impl.hpp"
#include "weights/packed_file.hpp"

namespace rorqual {
namespace {

using io::SafetensorsWriter;
using weights::DerivedSpec;
using weights::TensorSpec;

// What is written next to one another: the matrices that come of one of the table, or a stack of matrices that differ in a number.
struct Piece {
    std::vector<SafetensorsWriter::Tensor> tensors;
    std::vector<std::function<void(SafetensorsWriter& file)>> steps;  // each with no more than one of the table's in memory
};

bool is_scaled(const TensorSpec& spec) { return spec.matrix != nullptr && spec.fp8_blocks && spec.matrix->dtype == DType::f8_e4m3; }

// The panels that a matrix is computed with, without data: itself, or its packed copy beside it. Not packed where there are none.
WeightView panels_of(const TensorSpec& spec) {
    if (spec.matrix == nullptr) return {};
    const WeightView& matrix = *spec.matrix;
    if (!is_scaled(spec) || !spec.packable || !weights::packs_copy(matrix.dtype, matrix.cols)) return matrix;
    const auto panel = static_cast<std::int64_t>(weights::packed_bytes(weights::requantised_format, WeightView::panel_rows, matrix.cols));
    return {weights::requantised_format, nullptr, matrix.rows, matrix.cols, panel};
}

std::string name_of_panels(const TensorSpec& spec) { return is_scaled(spec) ? weights::packed_copy_of(spec.name) : spec.name; }

// The experts of a layer, whose names differ in their second number.
struct Stack {
    std::string before, after;  // "model.layers.3.mlp.experts.", ".up_proj.weight"
    std::int64_t first = 0;
    std::vector<const TensorSpec*> specs{};

    explicit Stack(const std::string& name) : before(name) {
        int numbers = 0;
        for (std::size_t begin = 0; begin < name.size();) {
            const auto end = std::min(name.find('.', begin), name.size());
            const auto read = std::from_chars(name.data() + begin, name.data() + end, first);
            if (read.ec == std::errc{} && read.ptr == name.data() + end && ++numbers == 2) {
                before = name.substr(0, begin);
                after = name.substr(end);
                return;
            }
            begin = end + 1;
        }
    }
    [[nodiscard]] bool is_numbered() const noexcept { return !after.empty(); }
    [[nodiscard]] bool goes_on_with(const Stack& next, const WeightView& panels) const noexcept {
        const WeightView mine = panels_of(*specs.front());
        return next.first == first + std::ssize(specs) && mine.dtype == panels.dtype && mine.rows == panels.rows && mine.cols == panels.cols;
    }
    [[nodiscard]] std::string name() const { return before + std::to_string(first) + "-" + std::to_string(first + std::ssize(specs) - 1) + after; }
};

[[noreturn]] void throw_beyond(const TensorSpec& spec) {
    throw Error(Status::corrupt, spec.name + ": holds values that are not finite, or beyond what blocks can hold");
}

std::span<const std::byte> bytes_of(const WeightView& matrix) { return {matrix.data, static_cast<std::size_t>(matrix.bytes())}; }

std::int64_t alignment_of(DType dtype) noexcept { return block_length(dtype) == 1 ? block_bytes(dtype) : 1; }

class Packing {
 public:
    Packing(families::Blueprint& model, cpu::Workers& workers) : model_(model), workers_(workers) {}

    // Everything the file will hold, in order: panels first, which makes them aligned.
    std::vector<Piece> pieces(io::FileSet& files) {
        std::vector<Piece> all;
        for (const TensorSpec& spec : model_.table.specs()) {
            if (panels_of(spec).packed() && stack(spec)) continue;
            add_stacks(all);
            add_panels(spec, all);
        }
        add_stacks(all);
        for (const std::int64_t alignment : {4, 2, 1}) {  // numbers of four bytes, of two, blocks: so that none lies across its own size
            for (const TensorSpec& spec : model_.table.specs()) {
                if (spec.matrix != nullptr && spec.matrix->packed()) continue;
                if (is_scaled(spec)) {
                    for (const auto& name : {spec.name, model_.store.scales_of(spec, spec.name)}) add_stored(model_.store.tensors().at(name), alignment, all);
                    continue;
                }
                if (alignment_of(spec.matrix != nullptr ? spec.matrix->dtype : DType::f32) == alignment) all.push_back(plain(spec));
            }
        }
        all.push_back(file("config.json", model_.config_text));
        add_text(files, all);
        return all;
    }

 private:
    // Puts a matrix on the stack it belongs to, if it belongs to any.
    bool stack(const TensorSpec& spec) {
        Stack next(name_of_panels(spec));
        if (!next.is_numbered()) return false;
        const auto is_same = [&](const Stack& known) { return known.before == next.before && known.after == next.after && known.goes_on_with(next, panels_of(spec)); };
        const auto found = std::ranges::find_if(stacks_, is_same);
        auto& to = found != stacks_.end() ? *found : stacks_.emplace_back(std::move(next));
        to.specs.push_back(&spec);
        return true;
    }
    void add_stacks(std::vector<Piece>& all) {
        for (const Stack& stack : stacks_) {
            Piece piece{{weights::packed_entry(stack.name(), panels_of(*stack.specs.front()), std::ssize(stack.specs))}, {}};
            for (const TensorSpec* spec : stack.specs) {
                piece.steps.push_back([this, spec](SafetensorsWriter& file) { write_panels(*spec, {}, file); });
            }
            all.push_back(std::move(piece));
        }
        stacks_.clear();
    }

    // The panels that come of a matrix: its own and derived ones.
    void add_panels(const TensorSpec& spec, std::vector<Piece>& all) {
        if (spec.matrix == nullptr) return;
        Piece piece;
        if (panels_of(spec).packed()) piece.tensors.push_back(weights::packed_entry(name_of_panels(spec), panels_of(spec)));
        std::vector<const DerivedSpec*> derived;
        for (const DerivedSpec& candidate : model_.table.derived()) {
            if (candidate.from != spec.matrix) continue;
            const auto format = candidate.format();
            if (!format) continue;
            const auto panel = static_cast<std::int64_t>(weights::packed_bytes(*format, WeightView::panel_rows, candidate.cols));
            piece.tensors.push_back(weights::packed_entry(candidate.name, {*format, nullptr, candidate.rows, candidate.cols, panel}));
            derived.push_back(&candidate);
        }
        if (piece.tensors.empty()) return;
        piece.steps = {[this, &spec, derived](SafetensorsWriter& file) { write_panels(spec, derived, file); }};
        all.push_back(std::move(piece));
    }
    void write_panels(const TensorSpec& spec, const std::vector<const DerivedSpec*>& derived, SafetensorsWriter& file) {
        weights::PackedStore packed(0, memory_);
        const WeightView outline = *spec.matrix;
        const bool in_panels = panels_of(spec).packed();
        model_.store.load_one(spec, memory_, packed, workers_);
        const WeightView panels = packed_form(*spec.matrix);
        if (in_panels && panels.data == nullptr) throw_beyond(spec);
        if (in_panels) file.write(bytes_of(panels));
        for (const DerivedSpec* each : derived) {
            model_.store.derive_one(*each, memory_, packed, workers_);
            if (each->to->data == nullptr) throw_beyond(spec);
            file.write(bytes_of(std::exchange(*each->to, {})));
        }
        *spec.matrix = outline;
        model_.store.drop_copies();
    }
    // Of what was loaded.
    static std::span<const std::byte> bytes_of_loaded(const TensorSpec& spec) {
        if (spec.matrix != nullptr) return bytes_of(*spec.matrix);
        return spec.integers != nullptr ? std::as_bytes(std::span(*spec.integers)) : std::as_bytes(std::span(*spec.vector));
    }
    // A vector, a table of integers, or a matrix that is used row by row.
    Piece plain(const TensorSpec& spec) {
        auto entry = spec.matrix != nullptr ? weights::packed_entry(spec.name, *spec.matrix) : SafetensorsWriter::Tensor{spec.name, spec.integers != nullptr ? DType::i32 : DType::f32, spec.shape};
        return {{std::move(entry)}, {[this, &spec](SafetensorsWriter& file) {
                    weights::PackedStore none;
                    model_.store.load_one(spec, memory_, none, workers_);
                    file.write(bytes_of_loaded(spec));
                    model_.store.drop_copies();
                }}};
    }
    // A tensor as the model's own file holds it.
    static void add_stored(const io::TensorInfo& tensor, std::int64_t alignment, std::vector<Piece>& all) {
        if (alignment_of(tensor.dtype) != alignment) return;
        all.push_back({{{tensor.name, tensor.dtype, tensor.shape}}, {[&tensor](SafetensorsWriter& to) {
                           std::vector<std::byte> bytes(static_cast<std::size_t>(tensor.bytes));
                           tensor.file->read(tensor.offset, bytes);
                           to.write(bytes);
                       }}});
    }
    static Piece file(const std::string& name, std::string contents) {
        auto entry = weights::packed_file_entry(name, contents.size());
        return {{std::move(entry)}, {[contents = std::move(contents)](SafetensorsWriter& to) { to.write(std::as_bytes(std::span(contents))); }}};
    }
    // The files beside a checkpoint's weights, or the keys of a GGUF file that are about text.
    void add_text(io::FileSet& files, std::vector<Piece>& all) const {
        if (model_.metadata) {
            io::GgufHeader header;
            for (std::size_t i = 0; i < model_.metadata->size(); ++i) {
                const auto entry = (*model_.metadata)[i];
                if (entry.key.starts_with("tokenizer.") && entry.key != text::merges_key) header.copy(entry);
            }
            if (model_.metadata->has(text::merges_key)) header.i32s(text::merged_ids_key, text::merged_ids(*model_.metadata));
            const auto bytes = header.bytes();
            all.push_back(file(families::packed_gguf_keys, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())));
            return;
        }
        for (const char* name : {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"}) {
            if (const auto found = files.find(name)) all.push_back(file(name, io::read_text(*found, found->size())));
        }
    }

    families::Blueprint& model_;
    cpu::Workers& workers_;
    std::vector<Stack> stacks_;  // of the layer at hand
    std::pmr::memory_resource& memory_ = *std::pmr::new_delete_resource();
};

}  // namespace

void pack(const Source& source, const std::filesystem::path& path, const PackOptions& options) {
    io::FileSet& files = *source.file_set();
    weights::Problems problems;
    auto model = families::read_blueprint(files, problems);
    const auto text = families::read_text(files, model, problems);
    problems.throw_if_any();
    if (model.packed) throw Error(Status::unsupported, files.name() + ": is packed already");

    const auto workers = options.executor ? cpu::Workers::on(*options.executor) : cpu::Workers::pool(options.threads);
    Packing packing(model, *workers);
    const auto pieces = packing.pieces(files);
    std::vector<SafetensorsWriter::Tensor> tensors;
    for (const Piece& piece : pieces) tensors.insert(tensors.end(), piece.tensors.begin(), piece.tensors.end());
    SafetensorsWriter file(path, weights::packed_metadata(model.identity(text)), tensors);
    for (const Piece& piece : pieces) {
        for (const auto& step : piece.steps) {
            step(file);
            if (options.progress && !options.progress(file.done_bytes(), file.all_bytes(), piece.tensors.front().name)) {
                throw Error(Status::callback, "progress: asked to stop");
            }
        }
    }
    file.commit();
}

}  // namespace rorqual
