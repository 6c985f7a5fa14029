#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "io/json.hpp"
#include "io/printable.hpp"
#include "text/byte_alphabet.hpp"
#include "text/json_node.hpp"
#include "text/named_splittings.hpp"
#include "text/tokenizer_impl.hpp"

namespace rorqual::text {
namespace {

std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    out += io::printable(text);
    out += '"';
    return out;
}

// Each step costs a pass over the text and the depth of one more call; published lists have up to seven.
constexpr std::size_t most_steps = 32;

// Ids may leave gaps (padding between entries and added tokens), but not so many that a small file takes much memory.
std::int64_t highest_id(std::size_t entries) { return 65535 + 16 * static_cast<std::int64_t>(entries); }

class Reader {
 public:
    // Every text of the vocabulary stands in the file, so `text_bytes`, its length, is room enough for all of them.
    Reader(const JsonNode& root, std::size_t text_bytes) : root_(root), model_(root.at("model")), text_bytes_(text_bytes) {}

    TokenizerParts run() {
        root_.only({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model"});
        if (root_.at("version").string() != "1.0") root_.at("version").refuse(Status::unsupported, "only \"1.0\" is known");
        read_model_settings();
        read_vocabulary();
        read_added_tokens();
        read_byte_tokens();
        read_merges();
        read_normalizer(root_.at("normalizer"));
        read_pre_tokenizer(root_.at("pre_tokenizer"));
        if (!byte_level_) root_.at("pre_tokenizer").refuse(Status::unsupported, "only byte-level tokenizers are known, and ByteLevel is missing");
        read_decoder(root_.at("decoder"));
        note_what_is_not_applied();
        return std::move(parts_);
    }

 private:
    // Settings under which a byte-level tokenizer would give other tokens than merging bytes does.
    void read_model_settings() {
        model_.only({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
                     "ignore_merges", "vocab", "merges"});
        // Files from before 2020 have no type; merges are what tells BPE from the others.
        if (const auto type = model_.at("type"); type.string("BPE") != "BPE") {
            type.refuse(Status::unsupported, in_quotes(type.string()) + " is not known, only \"BPE\"");
        }
        const auto dropout = model_.at("dropout");
        if (!dropout.is_null() && !dropout.value().is_number()) dropout.refuse(Status::corrupt, "expected a number or null");
        if (!dropout.is_null() && dropout.value() != 0) dropout.refuse(Status::unsupported, "only null is supported");
        for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
            if (!model_.at(name).string("").empty()) model_.at(name).refuse(Status::unsupported, "only null is supported");
        }
        if (model_.at("byte_fallback").boolean(false)) model_.at("byte_fallback").refuse(Status::unsupported, "only false is supported");
        // Every byte has a token (read_byte_tokens), so nothing is ever unknown and these two say nothing.
        static_cast<void>(model_.at("unk_token").string(""));
        static_cast<void>(model_.at("fuse_unk").boolean(false));
        parts_.whole_words = model_.at("ignore_merges").boolean(false);
    }

    void read_vocabulary() {
        const auto vocab = model_.at("vocab");
        const auto added = root_.at("added_tokens");
        if (!vocab.value().is_object()) vocab.refuse(Status::corrupt, "expected an object");
        const std::size_t added_count = added.is_null() ? 0 : added.array_size();
        const auto& entries = vocab.value().get_ref<const nlohmann::json::object_t&>();
        const std::size_t count = entries.size() + added_count;
        highest_id_ = highest_id(count);
        parts_.vocabulary = Vocabulary(count, static_cast<std::size_t>(highest_id_) + 1, text_bytes_);
        for (const auto& [key, value] : entries) {
            if (!is_integer(value, 0, highest_id_)) static_cast<void>(vocab.at(key.c_str()).integer(0, highest_id_));
            const auto id = value.get<Token>();
            const auto in_bytes = bytes_of_letters(key);
            const bool is_new = in_bytes ? !in_bytes->empty() && parts_.vocabulary.define_bytes(id, *in_bytes)
                                         : parts_.vocabulary.define_name(id, key);
            if (!is_new) {
                vocab.at(key.c_str()).refuse(Status::corrupt, "expected a text and an id (" + std::to_string(id) + ") that no other entry has");
            }
        }
    }

    void read_added_tokens() {
        const auto list = root_.at("added_tokens");
        const auto& vocab = model_.at("vocab").value();
        for (std::size_t i = 0; !list.is_null() && i < list.array_size(); ++i) {
            const auto node = list.at(i);
            node.only({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
            AddedToken token;
            token.content = node.at("content").string();
            token.id = static_cast<Token>(node.at("id").integer(0, highest_id_));
            token.special = node.at("special").boolean(false);
            token.normalized = node.at("normalized").boolean(!token.special);
            token.lstrip = node.at("lstrip").boolean(false);
            token.rstrip = node.at("rstrip").boolean(false);
            if (node.at("single_word").boolean(false)) node.at("single_word").refuse(Status::unsupported, "only false is supported");

            if (token.content.empty()) node.at("content").refuse(Status::corrupt, "expected at least one character");
            if (token.content.size() > AddedTokenMatcher::longest_content) {
                node.at("content").refuse(Status::unsupported, "longer than " + std::to_string(AddedTokenMatcher::longest_content) + " bytes");
            }
            const auto same_text = vocab.find(token.content);
            if ((same_text != vocab.end() && same_text->get<Token>() != token.id) ||
                !parts_.vocabulary.define_added(token.id, token.content, token.special)) {
                node.refuse(Status::corrupt, in_quotes(token.content) + " has the id or the text of another token");
            }
            parts_.added.push_back(std::move(token));
        }
    }

    void read_byte_tokens() {
        for (int byte = 0; byte < 256; ++byte) {
            const char text = static_cast<char>(byte);
            const auto token = parts_.vocabulary.find_bytes({&text, 1});
            const std::string letter = in_quotes(letters_of_bytes({&text, 1}));
            if (!token) {
                model_.at("vocab").refuse(Status::unsupported, "no entry for byte " + std::to_string(byte) + ", " + letter +
                                                                   "; only vocabularies with all 256 bytes are supported");
            }
            if (parts_.vocabulary.is_special(*token)) {
                root_.at("added_tokens").refuse(Status::unsupported, "a single byte, " + letter + ", is a special token");
            }
            parts_.byte_tokens[byte] = *token;
        }
    }

    void read_merges() {
        const auto merges = model_.at("merges");
        const std::size_t count = merges.array_size();
        parts_.merges.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            const auto [left, right] = pair(merges.value()[i], [&] { return merges.at(i); });
            const auto left_bytes = bytes_of_letters(left);
            const auto right_bytes = bytes_of_letters(right);
            const auto entry = [&](std::string_view letters, const std::optional<std::string>& bytes) {
                const auto id = bytes ? parts_.vocabulary.find_bytes(*bytes) : std::nullopt;
                if (!id) merges.at(i).refuse(Status::corrupt, in_quotes(letters) + " is no entry of model.vocab made of bytes");
                return *id;
            };
            const Token left_id = entry(left, left_bytes);
            const Token right_id = entry(right, right_bytes);
            parts_.merges.push_back({left_id, right_id, entry(std::string(left) + std::string(right), *left_bytes + *right_bytes)});
        }
    }

    // "a b" in older files, ["a", "b"] in newer ones.
    template <class Node>
    static std::pair<std::string_view, std::string_view> pair(const nlohmann::json& merge, const Node& node) {
        const auto text = [](const nlohmann::json& value) -> std::string_view { return value.get_ref<const std::string&>(); };
        if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) return {text(merge[0]), text(merge[1])};
        if (merge.is_string()) {
            if (const auto both = merge_pair(text(merge))) return *both;
        }
        node().refuse(Status::corrupt, "expected two entries, as \"a b\" or [\"a\", \"b\"]");
    }

    // Calls read(element) for the elements of {"type": "Sequence", list: […]}.
    template <class Read>
    static void for_each(const JsonNode& sequence, const char* list, const Read& read) {
        sequence.only({"type", list});
        const auto elements = sequence.at(list);
        for (std::size_t i = 0; i < elements.array_size(); ++i) read(elements.at(i));
    }

    [[noreturn]] static void refuse_type(const JsonNode& node, const char* known) {
        const auto type = node.at("type");
        type.refuse(Status::unsupported, in_quotes(type.string()) + " is not known, only " + known);
    }

    void read_normalizer(const JsonNode& node) {
        if (node.is_null()) return;
        const std::string& type = node.at("type").string();
        if (type == "Sequence") {
            for_each(node, "normalizers", [&](const JsonNode& part) { read_normalizer(part); });
        } else if (type == "NFC") {
            node.only({"type"});
            parts_.normalization = Normalization::nfc;
        } else {
            refuse_type(node, "NFC and Sequence");
        }
    }

    void read_pre_tokenizer(const JsonNode& node) {
        if (node.is_null()) return;
        const std::string& type = node.at("type").string();
        // What follows ByteLevel would see its letters instead of the text.
        if (byte_level_) node.refuse(Status::unsupported, "nothing may follow ByteLevel");
        if (parts_.steps.size() >= most_steps) node.refuse(Status::unsupported, "more than " + std::to_string(most_steps) + " steps");
        if (type == "Sequence") {
            for_each(node, "pretokenizers", [&](const JsonNode& part) { read_pre_tokenizer(part); });
        } else if (type == "Split") {
            read_split(node);
        } else if (type == "Digits") {
            node.only({"type", "individual_digits"});
            const bool alone = node.at("individual_digits").boolean();
            parts_.steps.push_back({alone ? SplitStep::Kind::each_digit : SplitStep::Kind::digit_runs, "", node.key()});
        } else if (type == "ByteLevel") {
            node.only({"type", "add_prefix_space", "trim_offsets", "use_regex"});
            byte_level_ = true;
            if (node.at("add_prefix_space").boolean()) parts_.steps.push_back({SplitStep::Kind::space_in_front, "", node.key()});
            if (node.at("use_regex").boolean(true)) parts_.steps.push_back({SplitStep::Kind::regex, gpt2_pattern, node.key()});
        } else {
            refuse_type(node, "Split, Digits, ByteLevel and Sequence");
        }
    }

    void read_split(const JsonNode& node) {
        node.only({"type", "pattern", "behavior", "invert"});
        const auto behavior = node.at("behavior");
        if (behavior.string() != "Isolated") behavior.refuse(Status::unsupported, in_quotes(behavior.string()) + " is not known, only \"Isolated\"");
        static_cast<void>(node.at("invert").boolean(false));  // matches and gaps both become pieces, so their roles may change
        const auto pattern = node.at("pattern").only({"Regex", "String"});
        const auto regex = pattern.at("Regex");
        const auto literal = pattern.at("String");
        if (regex.is_null() == literal.is_null()) pattern.refuse(Status::corrupt, "expected either \"Regex\" or \"String\"");
        const auto& chosen = regex.is_null() ? literal : regex;
        const auto kind = regex.is_null() ? SplitStep::Kind::literal : SplitStep::Kind::regex;
        if (chosen.string().empty()) chosen.refuse(Status::unsupported, "the empty pattern is not supported");
        parts_.steps.push_back({kind, chosen.string(), chosen.key()});
    }

    void read_decoder(const JsonNode& node) {
        if (node.is_null()) node.refuse(Status::unsupported, "null is not supported, only ByteLevel");
        const std::string& type = node.at("type").string();
        if (type == "Sequence") {
            if (node.at("decoders").array_size() != 1) node.refuse(Status::unsupported, "only ByteLevel alone is supported");
            for_each(node, "decoders", [&](const JsonNode& part) { read_decoder(part); });
        } else if (type == "ByteLevel") {
            node.only({"type", "add_prefix_space", "trim_offsets", "use_regex"});  // none of them changes the text
        } else {
            refuse_type(node, "ByteLevel and Sequence");
        }
    }

    void note_what_is_not_applied() {
        for (const char* name : {"truncation", "padding"}) {
            if (!root_.at(name).is_null()) parts_.not_applied.push_back(root_.at(name).key());
        }
        const auto processor = root_.at("post_processor");
        if (processor.is_null()) return;
        const std::string& type = processor.at("type").string();
        // This one moves offsets only.
        if (type != "ByteLevel") parts_.not_applied.push_back(processor.key() + ": " + io::printable(type));
    }

    JsonNode root_;
    JsonNode model_;
    std::size_t text_bytes_;
    std::int64_t highest_id_ = 0;
    bool byte_level_ = false;
    TokenizerParts parts_;
};

}  // namespace

TokenizerParts read_tokenizer_json(std::string_view json, const std::string& origin) {
    const io::JsonDocument document = io::parse_json(json, origin);
    return Reader(JsonNode(*document, "", origin), json.size()).run();
}

}  // namespace rorqual::text
