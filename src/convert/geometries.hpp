#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rorqual::convert {

/// The config.json of a geometry: what a published checkpoint of these sizes says of them; with another number of layers
/// unless `layers` is 0. Throws Error(invalid_argument) that lists the names.
[[nodiscard]] std::string geometry_config(std::string_view name, std::int64_t layers);

}  // namespace rorqual::convert
