#include <string_view>

#include "io/hash.hpp"
#include "weights/weight_store.hpp"

namespace rorqual::weights {

std::string identity(std::string_view config_json, std::string_view tokenizer_json,
                     const StoredTensors& tensors) {
    io::Hash hash;
    hash.text(config_json);
    hash.text(tokenizer_json);
    for (const auto& [tensor, info] : tensors) {
        hash.text(tensor);
        hash.text(name(info.dtype));
        hash.number(info.shape.size());
        for (const std::int64_t dimension : info.shape) hash.number(static_cast<std::uint64_t>(dimension));
    }
    return hash.hexadecimal();
}

}  // namespace rorqual::weights
