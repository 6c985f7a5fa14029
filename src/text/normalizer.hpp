#pragma once

#include <string>
#include <string_view>

namespace rorqual::text {

/// What happens to text before it is divided.
enum class Normalization {
    none,
    nfc,  ///< Unicode canonical composition
};

/// The normalised text: `text` itself where nothing changes, else a view of `storage`.
[[nodiscard]] std::string_view normalized(Normalization form, std::string_view text, std::string& storage);

}  // namespace rorqual::text
