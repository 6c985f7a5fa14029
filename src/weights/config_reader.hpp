#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "weights/problems.hpp"

namespace rorqual::weights {

/// Where a config comes from, for errors.
struct ConfigOrigin {
    ConfigOrigin(std::string name) : file(std::move(name)) {}  // NOLINT(google-explicit-constructor): a file's name is enough
    ConfigOrigin(const char* name) : file(name) {}             // NOLINT(google-explicit-constructor)

    std::string file;  ///< as errors call it
    /// Where the config was put together from a file with keys of its own: what that calls them, by the keys of config.json
    /// ("hidden_size", "rope_scaling: factor"). Other keys stand for themselves.
    std::map<std::string, std::string, std::less<>> keys{};
};

/// Reads keys of a config.json object with type and range checks. Every problem goes into `problems` with file and key;
/// the value returned then is the fallback (or the lower limit, or the first choice), so that reading can go on and report
/// everything at once. A key with the value null counts as missing. Problems are `corrupt`, except for text that is none of
/// the choices, which is `unsupported`.
class ConfigReader {
 public:
    /// `object` and `problems` are borrowed for the reader's life.
    /// Anything but a JSON object is a problem and reads like an empty one.
    ConfigReader(const nlohmann::json& object, ConfigOrigin origin, Problems& problems);

    /// True if the key is there and not null.
    [[nodiscard]] bool has(const char* key) const;

    /// An integer in [low, high]. A float with an integral value counts ("4096.0"); bool and text do not.
    std::int64_t integer(const char* key, std::int64_t low, std::int64_t high);
    std::int64_t integer_or(const char* key, std::int64_t fallback, std::int64_t low, std::int64_t high);
    /// A finite number in [low, high].
    double number(const char* key, double low, double high);
    double number_or(const char* key, double fallback, double low, double high);
    bool boolean(const char* key);
    bool boolean_or(const char* key, bool fallback);
    /// One of `allowed`; the error lists them.
    std::string choice(const char* key, const std::vector<std::string>& allowed);
    std::string choice_or(const char* key, const std::string& fallback, const std::vector<std::string>& allowed);
    /// An integer or an array of integers (eos_token_id); empty if missing or if any of them is wrong.
    std::vector<std::int64_t> integers_or_empty(const char* key, std::int64_t low, std::int64_t high);
    /// A nested object as a reader of its own, or nothing if missing or null; another type is a problem.
    std::optional<ConfigReader> object(const char* key);

    /// Adds a problem about a key of this object: "<file>: <key>: <what>".
    void complain(const char* key, const std::string& what, Status status = Status::corrupt);

 private:
    ConfigReader(const nlohmann::json& object, ConfigOrigin origin, std::string path, Problems& problems);
    const nlohmann::json* find(const char* key) const;  // nullptr: missing or null

    const nlohmann::json* object_;  // nullptr: no object at all
    ConfigOrigin origin_;
    std::string path_;  // of a nested object: "rope_scaling: "
    Problems* problems_;
};

}  // namespace rorqual::weights
