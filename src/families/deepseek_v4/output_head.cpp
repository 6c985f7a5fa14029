#include "families/deepseek_v4/output_head.hpp"

#include "families/deepseek_v4/block.hpp"

namespace rorqual::families::deepseek_v4 {

void OutputHead::logits(const ops::Run& run, ConstRows hidden, float norm_eps, std::int64_t first, Rows logits, const Scratch& scratch) const {
    const auto h = scratch.h.slice_rows(0, hidden.rows);
    streams.read(run, hidden, h, scratch.mix);
    ops::rms_norm(run, h, norm, norm_eps, h);
    ops::matmul(run, head.slice_rows(first, logits.cols), ops::input(run, h, scratch.h_int8), logits);
}

}  // namespace rorqual::families::deepseek_v4
