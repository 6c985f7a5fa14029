#include <string>
#include <string_view>
#include <utility>

#include "io/printable.hpp"
#include "rorqual/error.hpp"
#include "text/byte_alphabet.hpp"
#include "text/named_splittings.hpp"
#include "text/tokenizer_impl.hpp"
#include "text/utf8.hpp"

namespace rorqual::text {
namespace {

constexpr const char* model_key = "tokenizer.ggml.model";
constexpr const char* splitting_key = "tokenizer.ggml.pre";
constexpr const char* tokens_key = "tokenizer.ggml.tokens";
constexpr const char* types_key = "tokenizer.ggml.token_type";

// The numbers are those of tokenizer.ggml.token_type.
enum class Kind { normal = 1,
                  unknown = 2,
                  control = 3,
                  user_defined = 4,
                  unused = 5,  // padding, which no tokenizer.json has
                  byte = 6 };

class Reader {
 public:
    explicit Reader(const io::GgufMetadata& metadata) : metadata_(metadata) {}

    TokenizerParts run() {
        if (metadata_.text(model_key) != "gpt2") refuse_name(model_key, "\"gpt2\", byte-level BPE");
        read_splitting();
        read_tokens();
        read_byte_tokens();
        read_merges();
        return std::move(parts_);
    }

 private:
    [[noreturn]] void unsupported(const char* key, const std::string& what) const {
        throw Error(Status::unsupported, metadata_.file() + ": " + key + ": " + what);
    }
    [[noreturn]] void refuse_name(const char* key, const char* known) const {
        unsupported(key, "\"" + io::printable(metadata_.text(key)) + "\" is not known, only " + known);
    }
    [[noreturn]] void refuse_element(const char* key, std::size_t i, std::string_view text, const std::string& what) const {
        metadata_.refuse(key, "element " + std::to_string(i) + ", \"" + io::printable(text) + "\", " + what);
    }

    // A file that does not say how text is divided would give other tokens than its model knows.
    void read_splitting() {
        auto splitting = find_splitting(metadata_.text(splitting_key));
        if (!splitting) {
            refuse_name(splitting_key, "deepseek-llm, deepseek-coder, deepseek-v3, joyai-llm, deepseek-r1-qwen, qwen2, llama-bpe and gpt-2");
        }
        parts_.steps = std::move(splitting->steps);
        parts_.normalization = splitting->normalization;
        parts_.whole_words = splitting->whole_words;
    }

    void read_tokens() {
        const auto tokens = metadata_.texts(tokens_key);
        const auto kinds = metadata_.integers(types_key, static_cast<int>(Kind::normal), static_cast<int>(Kind::byte));
        if (kinds.size() != tokens.size()) {
            metadata_.refuse(types_key, std::to_string(kinds.size()) + " values, expected one for each of the " +
                                            std::to_string(tokens.size()) + " of " + tokens_key);
        }
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < tokens.size(); ++i) bytes += tokens[i].size();
        parts_.vocabulary = Vocabulary(tokens.size(), tokens.size(), bytes);
        for (std::size_t i = 0; i < tokens.size(); ++i) define(i, tokens[i], static_cast<Kind>(kinds[i]));
    }

    void define(std::size_t i, std::string_view text, Kind kind) {
        if (kind == Kind::unused) return;
        const auto id = static_cast<Token>(i);
        if (text.empty() || first_invalid_utf8(text) != std::string_view::npos) refuse_element(tokens_key, i, text, "expected UTF-8 text");
        bool is_new = false;
        if (kind == Kind::normal || kind == Kind::byte) {
            const auto in_bytes = bytes_of_letters(text);
            is_new = in_bytes ? parts_.vocabulary.define_bytes(id, *in_bytes) : parts_.vocabulary.define_name(id, text);
        } else {
            constexpr auto longest = AddedTokenMatcher::longest_content;
            if (text.size() > longest) unsupported(tokens_key, "element " + std::to_string(i) + " is longer than " + std::to_string(longest) + " bytes");
            const bool special = kind != Kind::user_defined;
            is_new = parts_.vocabulary.define_added(id, text, special);
            parts_.added.push_back({std::string(text), id, special});
        }
        if (!is_new) refuse_element(tokens_key, i, text, "is there twice");
    }

    // What merging makes may be an added token as well, which then is spelled as text.
    [[nodiscard]] std::optional<Token> find(const std::optional<std::string>& bytes) const {
        if (!bytes) return std::nullopt;
        const auto entry = parts_.vocabulary.find_bytes(*bytes);
        return entry ? entry : parts_.vocabulary.find(*bytes);
    }

    void read_byte_tokens() {
        for (std::size_t byte = 0; byte < parts_.byte_tokens.size(); ++byte) {
            const auto token = find(std::string(1, static_cast<char>(byte)));
            if (!token) {
                unsupported(tokens_key, "no entry for byte " + std::to_string(byte) + "; only vocabularies with all 256 bytes are supported");
            }
            if (parts_.vocabulary.is_special(*token)) {
                unsupported(types_key, "element " + std::to_string(*token) + ": a single byte is a control token");
            }
            parts_.byte_tokens[byte] = *token;
        }
    }

    void read_merges() {
        if (metadata_.has(merged_ids_key)) return read_merged_ids();
        const auto merges = metadata_.texts(merges_key);
        parts_.merges.reserve(merges.size());
        for (std::size_t i = 0; i < merges.size(); ++i) {
            const auto pair = first_invalid_utf8(merges[i]) == std::string_view::npos ? merge_pair(merges[i]) : std::nullopt;
            if (!pair) refuse_element(merges_key, i, merges[i], "expected two entries with one space between");
            const auto left = bytes_of_letters(pair->first), right = bytes_of_letters(pair->second);
            const auto a = find(left), b = find(right), both = a && b ? find(*left + *right) : std::nullopt;
            if (!both) refuse_element(merges_key, i, merges[i], std::string("expected two entries of ") + tokens_key + " that join to one");
            parts_.merges.push_back({*a, *b, *both});
        }
    }

    void read_merged_ids() {
        const auto ids = metadata_.integers(merged_ids_key, 0, static_cast<std::int64_t>(parts_.vocabulary.size()) - 1);
        if (ids.size() % 3 != 0) metadata_.refuse(merged_ids_key, std::to_string(ids.size()) + " values, expected three for each merge");
        parts_.merges.reserve(ids.size() / 3);
        for (std::size_t i = 0; i < ids.size(); i += 3) {
            const auto a = static_cast<Token>(ids[i]), b = static_cast<Token>(ids[i + 1]), both = static_cast<Token>(ids[i + 2]);
            const auto left = parts_.vocabulary.bytes(a), right = parts_.vocabulary.bytes(b), joined = parts_.vocabulary.bytes(both);
            const bool fits = !left.empty() && !right.empty() && joined.size() == left.size() + right.size() && joined.starts_with(left) && joined.ends_with(right);
            if (!fits) metadata_.refuse(merged_ids_key, "merge " + std::to_string(i / 3) + ": expected two entries that join to the third");
            parts_.merges.push_back({a, b, both});
        }
    }

    const io::GgufMetadata& metadata_;
    TokenizerParts parts_;
};

}  // namespace

TokenizerParts read_gguf_tokenizer(const io::GgufMetadata& metadata) { return Reader(metadata).run(); }

std::vector<std::int32_t> merged_ids(const io::GgufMetadata& metadata) {
    std::vector<std::int32_t> ids;
    for (const auto& merge : read_gguf_tokenizer(metadata).merges) ids.insert(ids.end(), {merge.left, merge.right, merge.merged});
    return ids;
}

}  // namespace rorqual::text
