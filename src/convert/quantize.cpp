// rorqual::quantize: a model as a GGUF file, in other number formats.
#include <algorithm>
#include <map>

#include "convert/mix.hpp"
#include "convert/stored_rows.hpp"
#include "convert/tokenizer_keys.hpp"
#include "convert/write_tensors.hpp"
#include "families/blueprint.hpp"
#include "io/printable.hpp"
#include "quant/decode.hpp"
#include "rorqual/convert.hpp"
#include "rorqual/error.hpp"

namespace rorqual {
namespace {

using convert::Mix;
using convert::MixedModel;
using convert::OutTensor;
using convert::StoredPart;

// What is to be written, and from what.
struct Conversion {
    io::GgufHeader header;
    std::vector<OutTensor> tensors;
    std::vector<std::vector<StoredPart>> parts;
    bool mapped = true;  // all files may be read by any thread

    void add(std::string name, DType dtype, std::vector<std::int64_t> shape, std::vector<StoredPart> made_of) {
        header.tensor(name, dtype, shape);
        OutTensor tensor{std::move(name), dtype, std::move(shape)};
        tensor.unit_rows = made_of.front().transposed ? tensor.rows() / std::ssize(made_of) : convert::usual_unit_rows(tensor.cols());
        for (const auto& part : made_of) {
            for (const auto* const read : {part.from, part.fp4_scales}) mapped = mapped && (read == nullptr || !read->file->mapped().empty());
            const bool as_it_is = part.dtype() == dtype || dtype == DType::i32;
            if ((quant::can_decode(part.dtype()) || as_it_is) && !part.from->packed) continue;
            throw Error(Status::unsupported, part.from->file->name() + ": " + io::printable(part.from->name) + ": " +
                                                 std::string(rorqual::name(part.from->dtype)) +
                                                 (part.from->packed ? " in panels cannot be converted, take the model it was packed from" : " cannot be converted"));
        }
        tensors.push_back(std::move(tensor));
        parts.push_back(std::move(made_of));
    }
};

void write_general(const Mix& mix, io::GgufHeader& header) {
    header.u32("general.file_type", mix.file_type);
    header.u32("general.quantization_version", 2);
}

std::string last_part(const std::string& path) {
    const std::filesystem::path whole(path);
    return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

// The scales of all matrices in f8_e4m3, by their names.
std::map<std::string_view, std::shared_ptr<const BlockScales>> scales_of(const families::Blueprint& model) {
    std::map<std::string_view, std::shared_ptr<const BlockScales>> all;
    for (const auto& spec : model.table.specs()) {
        if (auto scales = model.store.read_scales(spec)) all.emplace(spec.name, std::move(scales));
    }
    return all;
}

// The scales of all matrices in pairs of fp4, by their names.
std::map<std::string_view, const io::TensorInfo*> fp4_scales_of(const families::Blueprint& model) {
    std::map<std::string_view, const io::TensorInfo*> all;
    for (const auto& spec : model.table.specs()) {
        if (const auto* const scales = model.store.find_fp4_scales(spec)) all.emplace(spec.name, scales);
    }
    return all;
}

// A published checkpoint: its config becomes keys, its tensors those of the architecture.
void plan_checkpoint(io::FileSet& files, families::Blueprint& model, const Mix& mix, const QuantizeOptions& options, Conversion& to) {
    weights::Problems problems;
    const auto text = families::read_text(files, model, problems);
    problems.throw_if_any();
    if (auto name = last_part(files.name()); !name.empty()) to.header.text("general.name", name);
    write_general(mix, to.header);
    auto tensors = model.network->gguf_form(options.latent, to.header);
    const bool tied = std::none_of(tensors.begin(), tensors.end(), [](const auto& tensor) { return tensor.name == "output.weight"; });
    const auto scales = scales_of(model);
    const auto fp4_scales = fp4_scales_of(model);
    const MixedModel mixed{model.network->geometry().layers, tied, !fp4_scales.empty()};
    for (auto& tensor : tensors) {
        std::vector<StoredPart> parts;
        for (const auto& part : tensor.parts) {
            const auto found = scales.find(part.published);
            const auto fp4 = fp4_scales.find(part.published);
            parts.push_back({&model.store.tensors().at(part.published), part.first_row, part.rows, part.transposed, found == scales.end() ? nullptr : found->second,
                             fp4 == fp4_scales.end() ? nullptr : fp4->second});
        }
        const auto dtype = tensor.integers_below > 0 ? DType::i32 : convert::mixed_dtype(mix, mixed, tensor.name, tensor.shape).value_or(DType::f32);
        if (tensor.shape.size() == 1) parts.front().rows = 1;
        to.add(std::move(tensor.name), dtype, std::move(tensor.shape), std::move(parts));
    }
    convert::write_tokenizer(text, model.network->geometry().vocab_size, to.header);
}

// Another GGUF file: keys are copied, but for those that say how it was written; so are tensors that no mix concerns.
void plan_gguf(const families::Blueprint& model, const Mix& mix, Conversion& to) {
    for (std::size_t i = 0; i < model.metadata->size(); ++i) {
        const auto entry = (*model.metadata)[i];
        if (entry.key == "general.file_type" || entry.key == "general.quantization_version" || entry.key.starts_with("split.")) continue;
        to.header.copy(entry);
    }
    write_general(mix, to.header);
    std::vector<const io::TensorInfo*> tensors;
    for (const auto& [name, tensor] : model.store.tensors()) tensors.push_back(&tensor);
    std::sort(tensors.begin(), tensors.end(), [](const auto* a, const auto* b) {
        return std::pair(a->file->name(), a->offset) < std::pair(b->file->name(), b->offset);
    });
    const bool fp4_experts = std::ranges::any_of(tensors, [](const auto* tensor) { return tensor->dtype == DType::mxfp4 && tensor->name.find("_exps.") != std::string::npos; });
    const MixedModel mixed{model.network->geometry().layers, !model.store.tensors().contains("output.weight"), fp4_experts};
    for (const auto* tensor : tensors) {
        const auto dtype = convert::mixed_dtype(mix, mixed, tensor->name, tensor->shape).value_or(tensor->dtype);
        std::int64_t rows = 1;
        for (std::size_t i = 0; i + 1 < tensor->shape.size(); ++i) rows *= tensor->shape[i];
        to.add(tensor->name, dtype, tensor->shape, {{.from = tensor, .rows = rows}});
    }
}

}  // namespace

void quantize(const Source& source, const std::filesystem::path& path, const QuantizeOptions& options) {
    const auto mix = Mix::named(options.format, options.pure);
    io::FileSet& files = *source.file_set();
    weights::Problems problems;
    auto model = families::read_blueprint(files, problems);
    problems.throw_if_any();

    Conversion to;
    if (model.metadata) {
        plan_gguf(model, mix, to);
    } else {
        plan_checkpoint(files, model, mix, options, to);
    }
    // Files behind callbacks are read by the calling thread only.
    const auto workers = !to.mapped         ? cpu::Workers::caller()
                         : options.executor ? cpu::Workers::on(*options.executor)
                                            : cpu::Workers::pool(options.threads);
    const convert::StoredRows rows(to.tensors, std::move(to.parts));
    io::GgufWriter file(path, to.header);
    const auto make = [&](std::size_t index, std::int64_t first, std::int64_t count, std::span<std::byte> out) {
        rows.make(index, first, count, out);
    };
    convert::write_tensors(file, to.tensors, make, *workers, options.progress);
    file.commit();
}

}  // namespace rorqual
