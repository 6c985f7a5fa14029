#include "families/text_files.hpp"

#include <nlohmann/json.hpp>

#include "families/token_names.hpp"
#include "io/json.hpp"
#include "io/printable.hpp"
#include "weights/config_reader.hpp"

namespace rorqual::families {
namespace {

using nlohmann::json;
using weights::ConfigReader;

struct JsonFile {
    io::JsonDocument contents;
    std::string name;  // as errors call it
};

// A file that may be missing, which reads like one that says nothing.
JsonFile read_json(io::FileSet& files, const char* name, weights::Problems& problems) {
    JsonFile found{{}, name};
    collect(problems, [&] {
        const auto file = files.find(name);
        if (!file) return;
        found.name = file->name();
        const io::JsonLimits limits;
        found.contents = io::parse_json(io::read_text(*file, limits.bytes), found.name, limits);
    });
    return found;
}

// The token's text, or an object that has it as its "content".
const std::string* token_text(const json& value) {
    const auto content = value.is_object() ? value.find("content") : value.end();
    const json& text = value.is_object() && content != value.end() ? *content : value;
    return text.is_string() ? &text.get_ref<const std::string&>() : nullptr;
}

std::optional<std::string> bos_text(const JsonFile& file, weights::Problems& problems) {
    if (!file.contents->is_object()) return std::nullopt;
    const auto value = file.contents->find("bos_token");
    if (value == file.contents->end() || value->is_null()) return std::nullopt;
    if (const auto* text = token_text(*value)) return *text;
    problems.add(Status::corrupt, file.name + ": bos_token: expected text, or an object with text as its content");
    return std::nullopt;
}

// One template, or a list of them with names.
void read_listed_template(const JsonFile& file, ChatTemplate& chat_template, weights::Problems& problems) {
    const auto value = file.contents->find("chat_template");
    if (value == file.contents->end() || value->is_null()) return;
    chat_template.origin = file.name + ": chat_template";
    if (value->is_string()) {
        chat_template.text = value->get<std::string>();
        return;
    }
    if (!value->is_array()) return problems.add(Status::corrupt, chat_template.origin + ": expected text, or a list of templates");
    for (const json& one : *value) {
        const auto name = one.is_object() ? one.find("name") : one.end();
        const auto text = one.is_object() ? one.find("template") : one.end();
        if (!one.is_object() || name == one.end() || text == one.end() || !text->is_string()) {
            return problems.add(Status::corrupt, chat_template.origin + ": expected objects with name and template");
        }
        if (*name == "default") chat_template.text = text->get<std::string>();
    }
}

void read_chat_template(io::FileSet& files, const JsonFile& file, ChatTemplate& chat_template, weights::Problems& problems) {
    if (file.contents->is_object()) {
        read_listed_template(file, chat_template, problems);
        TokenNames tokens;
        for (const auto& [name, value] : file.contents->items()) {
            if (const auto* text = name.ends_with("_token") ? token_text(value) : nullptr) tokens.add(name, *text);
        }
        chat_template.tokens = tokens.json();
    }
    collect(problems, [&] {
        const auto own = files.find("chat_template.jinja");
        if (!own) return;
        chat_template.origin = own->name();
        chat_template.text = io::read_text(*own, io::JsonLimits{}.bytes);
    });
}

void read_tokenizer_config(io::FileSet& files, const json& config, std::int64_t vocab_size, TextFiles& text, weights::Problems& problems) {
    const auto file = read_json(files, "tokenizer_config.json", problems);
    text.add_bos = ConfigReader(*file.contents, file.name, problems).boolean_or("add_bos_token", false);
    read_chat_template(files, file, text.chat_template, problems);
    const auto bos = bos_text(file, problems);
    if (bos && text.tokenizer) {
        text.bos = text.tokenizer->find(*bos);
        if (!text.bos) problems.add(Status::corrupt, file.name + ": bos_token: \"" + io::printable(*bos) + "\" is no token of tokenizer.json");
    } else if (config.is_object()) {
        const auto ids = ConfigReader(config, "config.json", problems).integers_or_empty("bos_token_id", 0, vocab_size - 1);
        if (!ids.empty()) text.bos = static_cast<Token>(ids.front());
    }
    if (text.tokenizer && text.add_bos && !text.bos) {
        problems.add(Status::corrupt, file.name + ": add_bos_token: expected a bos_token, or a bos_token_id in config.json");
    }
}

// Only what differs from the reference's defaults is in such a file, so missing keys mean those: no sampling unless do_sample,
// and then at temperature 1.
void read_generation_config(io::FileSet& files, const json& config, std::int64_t vocab_size, GenerationDefaults& defaults,
                            weights::Problems& problems) {
    const auto file = read_json(files, "generation_config.json", problems);
    ConfigReader reader(*file.contents, file.name, problems);
    auto& s = defaults.sampling;
    const auto temperature = static_cast<float>(reader.number_or("temperature", 1, 0, 100));
    s.temperature = reader.boolean_or("do_sample", false) ? temperature : 0;
    s.top_k = static_cast<std::int32_t>(reader.integer_or("top_k", 0, 0, INT32_MAX));
    s.top_p = static_cast<float>(reader.number_or("top_p", 0, 0, 1));
    s.min_p = static_cast<float>(reader.number_or("min_p", 0, 0, 1));
    s.repetition_penalty = static_cast<float>(reader.number_or("repetition_penalty", 1, 1e-3, 1e3));
    auto stop = reader.integers_or_empty("eos_token_id", 0, vocab_size - 1);
    if (!reader.has("eos_token_id") && config.is_object()) {
        stop = ConfigReader(config, "config.json", problems).integers_or_empty("eos_token_id", 0, vocab_size - 1);
    }
    for (const auto id : stop) defaults.stop_tokens.push_back(static_cast<Token>(id));
}

std::string read_tokenizer_json(io::FileSet& files) {
    const auto file = files.find("tokenizer.json");
    return file ? io::read_text(*file, io::JsonLimits{}.bytes) : std::string();
}

}  // namespace

TextFiles read_text_files(io::FileSet& files, const json& config, std::int64_t vocab_size, weights::Problems& problems) {
    TextFiles text;
    collect(problems, [&] {
        text.tokenizer_source = read_tokenizer_json(files);
        if (!text.tokenizer_source.empty()) text.tokenizer = Tokenizer::from_json(text.tokenizer_source, files.find("tokenizer.json")->name());
    });
    read_tokenizer_config(files, config, vocab_size, text, problems);
    read_generation_config(files, config, vocab_size, text.defaults, problems);
    return text;
}

}  // namespace rorqual::families
