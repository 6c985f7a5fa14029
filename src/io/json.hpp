#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace rorqual::io {

/// Limits on JSON from files: they are hostile until proven otherwise.
struct JsonLimits {
    std::size_t depth = 64;                     ///< nested arrays and objects
    std::size_t bytes = std::size_t{64} << 20;  ///< length of the text
    std::size_t values = std::size_t{8} << 20;  ///< values in all; "[0,0,…" costs 8 bytes of memory for one of text
};

/// A parsed document, owned. nlohmann::json takes memory to release an array or object, and ends the process if there is
/// none left; this one takes its document apart in place. So: borrow from it (`*document`, `document->`), and copy or move
/// out numbers and text only, never arrays or objects.
class JsonDocument {
 public:
    /// A document that says nothing: {}.
    JsonDocument();
    JsonDocument(JsonDocument&&) noexcept;  ///< the other may then only be assigned to or destroyed
    JsonDocument& operator=(JsonDocument&&) noexcept;
    ~JsonDocument();

    [[nodiscard]] const nlohmann::json& operator*() const noexcept { return *root_; }
    [[nodiscard]] const nlohmann::json* operator->() const noexcept { return root_.get(); }

 private:
    friend JsonDocument parse_json(std::string_view text, const std::string& origin, JsonLimits limits);
    struct TakeApart {
        void operator()(nlohmann::json* root) const noexcept;
    };
    std::unique_ptr<nlohmann::json, TakeApart> root_;
};

/// Parses JSON text. Throws Error(corrupt) naming `origin`, with the byte offset: syntax, too deep, too long, too many
/// values, a key given twice in one object, a number beyond the range of double, text after the end, invalid UTF-8.
/// The offset is where reading stopped: just behind what is wrong.
[[nodiscard]] JsonDocument parse_json(std::string_view text, const std::string& origin, JsonLimits limits = {});

}  // namespace rorqual::io
