#include "families/blueprint.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "families/gguf_config.hpp"
#include "io/gguf.hpp"

namespace rorqual::families {
namespace {

void read_config(io::FileSet& files, Blueprint& b, weights::Problems& problems) {
    const auto file = files.require("config.json", "the model's sizes");
    const io::JsonLimits limits;
    b.config_text = io::read_text(*file, limits.bytes);
    b.config = io::parse_json(b.config_text, file->name(), limits);
    b.network = make_network(*b.config, file->name(), problems);
}

void read_folder(io::FileSet& files, Blueprint& b, weights::Problems& problems) {
    collect(problems, [&] { read_config(files, b, problems); });
    b.store = weights::WeightStore::open(files, problems);
}

void read_packed(const std::shared_ptr<const io::File>& file, Blueprint& b, weights::Problems& problems) {
    collect(problems, [&] {
        b.packed = weights::PackedFile::read(file);
        b.store = weights::WeightStore::of_packed(file->name(), std::move(b.packed->tensors));
        read_config(*b.packed->files, b, problems);
    });
}

void read_gguf(io::FileSet& files, const std::string& name, Blueprint& b, weights::Problems& problems) {
    b.metadata.emplace();  // the files beside it are not asked, even where it cannot be read
    collect(problems, [&] {
        auto gguf = io::Gguf::open(files, name);
        b.metadata = gguf.metadata;
        const auto before = problems.lines().size();
        const auto config = read_gguf_config(gguf, problems);
        if (problems.lines().size() == before) {
            b.config_text = config.json();
            b.config = io::parse_json(b.config_text, gguf.metadata.file());
            b.network = make_network(*b.config, config.origin(), problems);
        }
        b.store = weights::WeightStore::of(gguf.metadata.file(), std::move(gguf.tensors), b.network ? b.network->gguf_layout() : nullptr);
    });
}

TextFiles read_packed_text(io::FileSet& files, const nlohmann::json& config, std::int64_t vocab_size, weights::Problems& problems) {
    if (!files.find(packed_gguf_keys)) return read_text_files(files, config, vocab_size, problems);
    TextFiles text;
    collect(problems, [&] { text = read_gguf_text(io::Gguf::open(files, packed_gguf_keys).metadata, vocab_size, problems); });
    return text;
}

}  // namespace

Plan Blueprint::plan() const {
    Plan plan;
    plan.weights = bytes.total;
    plan.weights_mapped = bytes.mapped;
    return plan;
}

std::string Blueprint::identity(const TextFiles& text) const {
    return packed ? packed->identity : weights::identity(config_text, text.tokenizer_source, store.tensors());
}

Blueprint read_blueprint(io::FileSet& files, weights::Problems& problems) {
    Blueprint b;
    collect(problems, [&] {
        if (const auto gguf = io::find_gguf(files)) {
            read_gguf(files, *gguf, b, problems);
        } else if (const auto file = weights::find_packed_file(files)) {
            read_packed(file, b, problems);
        } else {
            read_folder(files, b, problems);
        }
    });
    if (b.network) {
        b.network->choose_parts(b.store.tensors());
        b.network->list_tensors(b.table);
        const auto before = problems.lines().size();
        b.store.check(b.table, problems);
        if (problems.lines().size() == before) {
            b.store.outline(b.table);
            b.bytes = b.store.bytes(b.table);
        }
    }
    return b;
}

TextFiles read_text(io::FileSet& files, const Blueprint& blueprint, weights::Problems& problems) {
    // Token ids lie below; where the config has problems, anything passes.
    const std::int64_t vocab_size = blueprint.network ? blueprint.network->geometry().vocab_size : INT32_MAX;
    if (blueprint.packed) return read_packed_text(*blueprint.packed->files, *blueprint.config, vocab_size, problems);
    if (blueprint.metadata) return read_gguf_text(*blueprint.metadata, vocab_size, problems);
    return read_text_files(files, *blueprint.config, vocab_size, problems);
}

}  // namespace rorqual::families
