#pragma once

#include <vector>

#include "rorqual/dtype.hpp"

namespace rorqual::test {

/// Every format whose weights share blocks, from the library's list.
inline std::vector<DType> block_formats() {
    return {
#define RQ_BLOCK_FORMAT(name, length, bytes) DType::name,
#include "quant/block_formats.inc"
#undef RQ_BLOCK_FORMAT
    };
}

}  // namespace rorqual::test
