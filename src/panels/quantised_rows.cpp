#include "panels/quantised_rows.hpp"

namespace rorqual::panels {

QuantisedRows QuantisedRows::take(cpu::Arena& arena, std::int64_t rows, std::int64_t cols) {
    QuantisedRows to;
    to.rows = rows;
    to.cols = cols;
    to.q = arena.take<std::int8_t>(rows * cols).data();
    to.scale = arena.take<float>(rows * to.supers()).data();
    to.sums = arena.take<std::int16_t>(rows * cols / 16).data();
    to.block_sums = arena.take<std::int16_t>(rows * cols / 32).data();
    return to;
}

}  // namespace rorqual::panels
