#include "families/gguf_config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "families/text_files.hpp"
#include "io/printable.hpp"

namespace rorqual::families {

// Each family that GGUF files hold has one of these in its folder.
#define RQ_GGUF(family, architecture)               \
    namespace family {                              \
    void translate_gguf_config(GgufConfig& config); \
    }
#include "families/gguf.inc"
#undef RQ_GGUF

namespace {

// The shortest decimal that reads back as the same number, which JSON can say as it is.
template <class Number>
std::string decimal(Number value) {
    std::array<char, 32> text{};
    return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

double as_published(double stored, io::GgufType type) {
    if (type != io::GgufType::f32) return stored;
    const auto read = nlohmann::json::parse(decimal(static_cast<float>(stored)), nullptr, false);  // not every C++ library has from_chars for it
    return read.is_number() ? read.get<double>() : stored;
}

std::string quoted(const std::string& text) { return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

}  // namespace

GgufConfig::GgufConfig(const io::Gguf& gguf, weights::Problems& problems)
    : gguf_(gguf), problems_(problems), origin_(gguf.metadata.file()) {
    collect(problems, [&] { architecture_ = gguf.metadata.text("general.architecture"); });
}

std::string GgufConfig::full(std::string_view gguf_key) const {
    return gguf_key.starts_with("general.") ? std::string(gguf_key) : architecture_ + "." + std::string(gguf_key);
}

bool GgufConfig::has(std::string_view gguf_key) const { return gguf_.metadata.has(full(gguf_key)); }

const io::TensorInfo* GgufConfig::find_tensor(std::string_view name) const {
    const auto found = std::ranges::find(gguf_.tensors, name, &io::TensorInfo::name);
    return found == gguf_.tensors.end() ? nullptr : &*found;
}

// A value that get(full key) reads; one that it refuses is told once.
template <class Value, class Get>
std::optional<Value> GgufConfig::get(std::string_view gguf_key, const Get& get) {
    const std::string key = full(gguf_key);
    if (!gguf_.metadata.has(key)) return std::nullopt;
    try {
        return get(key);
    } catch (const Error& error) {
        if (broken_.insert(key).second) problems_.add(error.status(), error.what());
        return std::nullopt;
    }
}

std::optional<std::int64_t> GgufConfig::integer(std::string_view gguf_key) {
    using Limits = std::numeric_limits<std::int64_t>;
    return get<std::int64_t>(gguf_key, [&](const std::string& key) { return gguf_.metadata.integer(key, Limits::min(), Limits::max()); });
}

std::optional<double> GgufConfig::number(std::string_view gguf_key) {
    constexpr float most = std::numeric_limits<float>::max();
    return get<double>(gguf_key, [&](const std::string& key) {
        return as_published(gguf_.metadata.number(key, -most, most), gguf_.metadata.entry(key).type);
    });
}

std::optional<bool> GgufConfig::boolean(std::string_view gguf_key) {
    return get<bool>(gguf_key, [&](const std::string& key) { return gguf_.metadata.boolean_or(key, false); });
}

std::optional<std::string> GgufConfig::text(std::string_view gguf_key) {
    return get<std::string>(gguf_key, [&](const std::string& key) { return std::string(gguf_.metadata.text(key)); });
}

std::optional<std::vector<std::int64_t>> GgufConfig::integers(std::string_view gguf_key) {
    using Limits = std::numeric_limits<std::int64_t>;
    return get<std::vector<std::int64_t>>(gguf_key, [&](const std::string& key) { return gguf_.metadata.integers(key, Limits::min(), Limits::max()); });
}

std::optional<std::set<double>> GgufConfig::numbers(std::string_view gguf_key) {
    if (!has(gguf_key)) return std::nullopt;
    if (gguf_.metadata.entry(full(gguf_key)).type != io::GgufType::array) {
        const auto one = number(gguf_key);
        return one ? std::optional(std::set<double>{*one}) : std::nullopt;
    }
    return get<std::set<double>>(gguf_key, [&](const std::string& key) {
        std::set<double> values;
        for (const float value : gguf_.metadata.numbers(key)) {
            if (!std::isfinite(value)) gguf_.metadata.refuse(key, "expected finite numbers");
            values.insert(as_published(value, io::GgufType::f32));
        }
        return values;
    });
}

void GgufConfig::put(const char* key, std::string_view gguf_key, const std::optional<std::string>& value) {
    origin_.keys.insert_or_assign(path_ + key, full(gguf_key));
    if (!value) return;
    json_ += json_.ends_with('{') ? "\n" : ",\n";
    json_ += (path_.empty() ? "  \"" : "    \"") + std::string(key) + "\": " + *value;
}

void GgufConfig::set_integer(const char* key, std::string_view gguf_key, std::optional<std::int64_t> value) {
    put(key, gguf_key, value ? std::optional(decimal(*value)) : std::nullopt);
}

void GgufConfig::set_number(const char* key, std::string_view gguf_key, std::optional<double> value) {
    put(key, gguf_key, value ? std::optional(decimal(*value)) : std::nullopt);
}

void GgufConfig::set_boolean(const char* key, std::string_view gguf_key, std::optional<bool> value) {
    put(key, gguf_key, value ? std::optional<std::string>(*value ? "true" : "false") : std::nullopt);
}

void GgufConfig::set_text(const char* key, std::string_view gguf_key, const std::optional<std::string>& value) {
    put(key, gguf_key, value ? std::optional(quoted(*value)) : std::nullopt);
}

void GgufConfig::set_integers(const char* key, std::string_view gguf_key, const std::optional<std::vector<std::int64_t>>& values) {
    std::string list;
    for (const auto value : values.value_or(std::vector<std::int64_t>())) list += (list.empty() ? "" : ", ") + decimal(value);
    put(key, gguf_key, values ? std::optional("[" + list + "]") : std::nullopt);
}

void GgufConfig::begin_object(const char* name) {
    json_ += (json_.ends_with('{') ? "\n  \"" : ",\n  \"") + std::string(name) + "\": {";
    path_ = std::string(name) + ": ";
}

void GgufConfig::end_object() {
    json_ += "\n  }";
    path_.clear();
}

void GgufConfig::complain(std::string_view gguf_key, const std::string& what, Status status) {
    problems_.add(status, origin_.file + ": " + io::printable(full(gguf_key)) + ": " + what);
}

GgufConfig read_gguf_config(const io::Gguf& gguf, weights::Problems& problems) {
    const auto before = problems.lines().size();
    GgufConfig config(gguf, problems);
    if (problems.lines().size() != before) return config;
    std::string known;
#define RQ_GGUF(family, gguf_architecture)            \
    if (config.architecture() == gguf_architecture) { \
        family::translate_gguf_config(config);        \
        return config;                                \
    }                                                 \
    known += (known.empty() ? "\"" : ", \"") + std::string(gguf_architecture) + "\"";
#include "families/gguf.inc"
#undef RQ_GGUF
    config.complain("general.architecture", "is \"" + io::printable(config.architecture()) + "\", expected one of " + known, Status::unsupported);
    return config;
}

}  // namespace rorqual::families
