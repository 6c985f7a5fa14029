#include "panels/layout.hpp"

#include "panels/formats.hpp"

namespace rorqual::panels {

bool packable(DType format) noexcept { return format != DType::i8 && panel_format(format) != nullptr; }

std::int64_t panel_bytes(DType format, std::int64_t cols) noexcept {
    const PanelFormat* f = panel_format(format);
    if (!f) return 0;
    const std::int64_t blocks = cols / block_k, full = blocks / 8, rest = blocks % 8;
    return full * f->super_bytes(8) + (rest ? f->super_bytes(rest) : 0);
}

std::int64_t Panels::panel_bytes() const noexcept { return panels::panel_bytes(format, cols); }

Panels Panels::slice(std::int64_t first, std::int64_t number) const noexcept {
    const std::int64_t first_row = first * panel_rows;
    const std::int64_t wanted = number * panel_rows;
    return {format, data + first * panel_bytes(), wanted < rows - first_row ? wanted : rows - first_row, cols};
}

}  // namespace rorqual::panels
