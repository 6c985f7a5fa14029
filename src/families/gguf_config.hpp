#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "io/gguf.hpp"
#include "weights/config_reader.hpp"
#include "weights/problems.hpp"

namespace rorqual::families {

/// Puts together the config.json that a GGUF file was made from, so that a family's one reader checks both. Values of the
/// wrong type are problems that name the file's key; what is missing stays out, and the reader misses it by that key.
class GgufConfig {
 public:
    /// Borrows both. Keys are given without the architecture's name: "embedding_length" is "deepseek2.embedding_length".
    GgufConfig(const io::Gguf& gguf, weights::Problems& problems);

    [[nodiscard]] const std::string& architecture() const noexcept { return architecture_; }
    [[nodiscard]] bool has(std::string_view gguf_key) const;
    [[nodiscard]] const io::TensorInfo* find_tensor(std::string_view name) const;

    /// A value of the file; nothing where it is missing or of the wrong type.
    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view gguf_key);
    /// Of an f32 the shortest decimal that rounds to it: what the published config said before it was stored so.
    [[nodiscard]] std::optional<double> number(std::string_view gguf_key);
    [[nodiscard]] std::optional<bool> boolean(std::string_view gguf_key);
    [[nodiscard]] std::optional<std::string> text(std::string_view gguf_key);
    [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(std::string_view gguf_key);
    /// The different values of a number that files give for all layers at once or for each; each as number() has it.
    [[nodiscard]] std::optional<std::set<double>> numbers(std::string_view gguf_key);

    /// A key of config.json, whose value is the one of `gguf_key` or follows from it. Left out where there is no value.
    void set_integer(const char* key, std::string_view gguf_key, std::optional<std::int64_t> value);
    void set_number(const char* key, std::string_view gguf_key, std::optional<double> value);
    void set_boolean(const char* key, std::string_view gguf_key, std::optional<bool> value);
    void set_text(const char* key, std::string_view gguf_key, const std::optional<std::string>& value);
    void set_integers(const char* key, std::string_view gguf_key, const std::optional<std::vector<std::int64_t>>& values);

    /// A key whose value is the one of `gguf_key` as it is.
    void set_integer(const char* key, std::string_view gguf_key) { set_integer(key, gguf_key, integer(gguf_key)); }
    void set_number(const char* key, std::string_view gguf_key) { set_number(key, gguf_key, number(gguf_key)); }
    void set_boolean(const char* key, std::string_view gguf_key) { set_boolean(key, gguf_key, boolean(gguf_key)); }
    void set_integers(const char* key, std::string_view gguf_key) { set_integers(key, gguf_key, integers(gguf_key)); }

    /// What is set between the two lies in an object of this name.
    void begin_object(const char* name);
    void end_object();

    /// Adds a problem about a key of the file.
    void complain(std::string_view gguf_key, const std::string& what, Status status);

    /// The text of the config.json.
    [[nodiscard]] std::string json() const { return json_ + "\n}\n"; }
    [[nodiscard]] const weights::ConfigOrigin& origin() const noexcept { return origin_; }

 private:
    [[nodiscard]] std::string full(std::string_view gguf_key) const;
    template <class Value, class Get>
    [[nodiscard]] std::optional<Value> get(std::string_view gguf_key, const Get& get);
    void put(const char* key, std::string_view gguf_key, const std::optional<std::string>& value);

    const io::Gguf& gguf_;
    weights::Problems& problems_;
    std::string architecture_;
    weights::ConfigOrigin origin_;
    std::string json_ = "{";
    std::string path_;              // in an object: "rope_scaling: "
    std::set<std::string> broken_;  // keys whose values are told to be of the wrong type
};

struct GgufDepth {
    std::optional<std::int64_t> layers;
    bool predicts = false;  ///< one more, which predicts the token after the next
};
[[nodiscard]] GgufDepth gguf_depth(GgufConfig& config);

/// Vocabulary, width, depth, context and what every family has beside them.
void set_gguf_sizes(GgufConfig& config);
/// The rotation's base and scaling.
void set_gguf_rope(GgufConfig& config);
/// The indexer of families that select what is attended to.
void set_gguf_indexer(GgufConfig& config);

/// The config.json of a model whose architecture gguf.inc lists. Where it adds problems, the result is fit for nothing.
[[nodiscard]] GgufConfig read_gguf_config(const io::Gguf& gguf, weights::Problems& problems);

}  // namespace rorqual::families
