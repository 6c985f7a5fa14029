// rorqual tokenize: text to token ids and back, on its own or one JSON value a line.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "commands.hpp"
#include "library.hpp"
#include "output.hpp"

namespace cli {
namespace {

using Json = nlohmann::json;

struct TokenizeArguments {
    std::string path;
    bool jsonl = false;
    bool plain = false;
    bool decode = false;
};

std::vector<std::int32_t> ids_from(const Json& array, const std::string& where) {
    const auto is_id = [](const Json& value) { return value.is_number_integer() && value >= 0 && value <= INT32_MAX; };
    if (!array.is_array() || !std::all_of(array.begin(), array.end(), is_id)) throw Failure(where + ": expected an array of token ids");
    return array.get<std::vector<std::int32_t>>();
}

/// Ids written as numbers with spaces, commas or brackets between them.
std::vector<std::int32_t> ids_from(std::string text) {
    std::vector<std::int32_t> ids;
    for (char& c : text) {
        if (c == ',' || c == '[' || c == ']') c = ' ';
    }
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        std::int32_t id = 0;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
        if (error != std::errc{} || end != word.data() + word.size() || id < 0) throw Failure("standard input: \"" + word + "\" is no token id");
        ids.push_back(id);
    }
    return ids;
}

Json parse_line(const std::string& line, const std::string& where) {
    Json value = Json::parse(line, nullptr, false);
    if (value.is_discarded()) throw Failure(where + ": not JSON");
    return value;
}

class Translator {
 public:
    Translator(const rq_tokenizer* tokenizer, const TokenizeArguments& arguments)
        : tokenizer_(tokenizer), decode_(arguments.decode), flags_(arguments.plain ? 0 : RQ_ENCODE_ADDED_TOKENS) {}

    /// A JSON string to a JSON array of ids, or the other way.
    [[nodiscard]] std::string line(const std::string& line, const std::string& where) const {
        const Json value = parse_line(line, where);
        try {
            if (decode_) return Json(decode(tokenizer_, ids_from(value, where), RQ_DECODE_SPECIAL)).dump();
            if (!value.is_string()) throw Failure(where + ": expected a JSON string");
            return Json(encode(tokenizer_, value.get_ref<const std::string&>(), flags_)).dump();
        } catch (const LibraryError& error) {
            throw Failure(where + ": " + error.what());
        }
    }
    /// All of a text to ids with spaces between them, or the other way.
    [[nodiscard]] std::string whole(const std::string& input) const {
        if (decode_) return decode(tokenizer_, ids_from(input), RQ_DECODE_SPECIAL);
        std::string text;
        for (const std::int32_t id : encode(tokenizer_, input, flags_)) text += (text.empty() ? "" : " ") + std::to_string(id);
        return text + "\n";
    }

 private:
    const rq_tokenizer* tokenizer_;
    bool decode_;
    std::uint32_t flags_;
};

void tokenize(const TokenizeArguments& arguments) {
    const Source source = open_source(arguments.path);
    rq_tokenizer* handle = nullptr;
    call(rq_tokenizer_open, source.get(), &handle);
    const Tokenizer tokenizer(handle);
    const Translator translator(tokenizer.get(), arguments);
    if (!arguments.jsonl) return print(translator.whole(read_input()));
    std::size_t number = 0;
    for (std::string line; std::getline(std::cin, line);) {
        ++number;
        if (line.empty()) continue;
        print(translator.line(line, "line " + std::to_string(number)) + "\n");
    }
    if (std::cin.bad()) throw Failure("standard input: cannot be read");
}

}  // namespace

void add_tokenize(CLI::App& program) {
    auto arguments = std::make_shared<TokenizeArguments>();
    auto* command = program.add_subcommand("tokenize", "Turns text from standard input into token ids, or back");
    command->add_option("path", arguments->path, "Model folder, GGUF file or tokenizer.json")->required();
    command->add_flag("--jsonl", arguments->jsonl, "One JSON string a line in, one JSON array of ids a line out");
    command->add_flag("--plain", arguments->plain, "Recognise no special or other added token in the text");
    command->add_flag("--decode", arguments->decode, "The other way: ids in, text out");
    command->callback([arguments] { tokenize(*arguments); });
}

}  // namespace cli
