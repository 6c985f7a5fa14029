#include <cmath>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "boundary.hpp"
#include "hooks.hpp"
#include "rorqual/mla.hpp"
#include "rorqual/moe.hpp"
#include "rorqual/ops.hpp"

using namespace rorqual;
using namespace rorqual::capi;

namespace {

double or_default(double value, double default_value) noexcept { return value == 0 ? default_value : value; }

void finite(double value, const char* argument) {
    if (!std::isfinite(value)) refuse(argument, "not a finite number");
}

YarnScaling yarn(const rq_rope_args& a) {
    YarnScaling scaling;
    scaling.factor = or_default(a.factor, scaling.factor);
    scaling.original_positions = or_default(a.original_positions, scaling.original_positions);
    scaling.beta_fast = or_default(a.beta_fast, scaling.beta_fast);
    scaling.beta_slow = or_default(a.beta_slow, scaling.beta_slow);
    scaling.mscale = a.mscale;
    scaling.mscale_all_dim = a.mscale_all_dim;
    for (const double value : {scaling.factor, scaling.original_positions, scaling.beta_fast, scaling.beta_slow, scaling.mscale,
                               scaling.mscale_all_dim}) {
        finite(value, "args: YaRN scaling");
    }
    if (scaling.factor < 1) refuse("args.factor", "below 1");
    if (scaling.original_positions < 0) refuse("args.original_positions", "negative");
    return scaling;
}

void rotate(const rq_rope_args& a) {
    const std::int64_t head_stride = a.head_stride == 0 ? a.dim : a.head_stride;
    const std::int64_t width = product(a.heads, head_stride, "args.heads");
    const Rows x = rows(a.x, a.tokens, width, a.x_stride, "args.x");
    if (a.dim < 2 || a.dim % 2 != 0) refuse("args.dim", std::to_string(a.dim) + ", expected an even number");
    if (sum(a.offset, a.dim, "args.offset") > head_stride) {
        refuse("args.head_stride", std::to_string(head_stride) + ", the rotated elements end at " + std::to_string(a.offset + a.dim));
    }
    sum(a.first, a.tokens, "args.first");
    const double base = or_default(a.base, 10000);
    finite(base, "args.base");
    if (base <= 0) refuse("args.base", "negative");
    const YarnScaling scaling = yarn(a);
    const auto pairs = code(a.pairs, RQ_ROPE_HALVES + 1, "args.pairs") == RQ_ROPE_HALVES ? RopePairs::halves : RopePairs::adjacent;
    if (a.tokens == 0 || a.heads == 0) return;

    const Rope rope(a.dim, base, scaling);
    const std::int64_t half = a.dim / 2;
    std::vector<float> angles(static_cast<std::size_t>(a.tokens * half * 2));
    const Rows cos(angles.data(), a.tokens, half);
    const Rows sin(angles.data() + a.tokens * half, a.tokens, half);
    rope.angles(a.first, cos, sin);
    ops::rope(cos, sin, pairs, a.heads, head_stride, a.offset, x);
}

LatentAttentionShape shape_of(const rq_latent_attention_args& a) {
    LatentAttentionShape shape;
    shape.heads = a.heads;
    shape.kv_lora_rank = a.kv_lora_rank;
    shape.qk_nope_head_dim = a.qk_nope_head_dim;
    shape.qk_rope_head_dim = a.qk_rope_head_dim;
    shape.v_head_dim = a.v_head_dim;
    finite(a.softmax_scale, "args.softmax_scale");
    const auto key = static_cast<double>(sum(a.qk_nope_head_dim, a.qk_rope_head_dim, "args.qk_nope_head_dim"));
    shape.softmax_scale = a.softmax_scale != 0 ? a.softmax_scale : static_cast<float>(1 / std::sqrt(key));
    return shape;
}

AttentionForm form_of(std::int32_t form) {
    switch (code(form, RQ_ATTENTION_ABSORBED + 1, "args.form")) {
        case RQ_ATTENTION_NAIVE: return AttentionForm::naive;
        case RQ_ATTENTION_ABSORBED: return AttentionForm::absorbed;
        default: return AttentionForm::automatic;
    }
}

RouterOptions router_of(const rq_route_args& a) {
    RouterOptions router;
    router.experts = a.experts;
    router.experts_per_token = a.experts_per_token;
    switch (code(a.scoring, RQ_SCORING_SQRT_SOFTPLUS + 1, "args.scoring")) {
        case RQ_SCORING_SIGMOID: router.scoring = Scoring::sigmoid; break;
        case RQ_SCORING_SQRT_SOFTPLUS: router.scoring = Scoring::sqrt_softplus; break;
        default: router.scoring = Scoring::softmax; break;
    }
    router.groups = a.groups == 0 ? 1 : a.groups;
    router.groups_kept = a.groups_kept == 0 ? router.groups : a.groups_kept;
    router.group_score = code(a.group_score, RQ_GROUP_SCORE_TOP_TWO_SUM + 1, "args.group_score") == RQ_GROUP_SCORE_TOP_TWO_SUM
                             ? GroupScore::top_two_sum
                             : GroupScore::maximum;
    router.normalise = yes_or_no(a.normalise, "args.normalise");
    router.scale = a.scale == 0 ? 1.0F : a.scale;
    finite(router.scale, "args.scale");
    return router;
}

}  // namespace

int32_t rq_matmul(const rq_matmul_args* args, rq_error* err) {
    return boundary(err, [&] {
        const auto a = input(args, "args");
        OptionalExecutor executor(a.executor);
        const WeightView w = weight(a.w, a.w_dtype, a.outputs, a.inputs, "args.w");
        const ConstRows x = rows(a.x, a.tokens, a.inputs, a.x_stride, "args.x");
        const Rows y = rows(a.y, a.tokens, a.outputs, a.y_stride, "args.y");
        ops::matmul(w, x, y, executor.get());
    });
}

int32_t rq_latent_attention(const rq_latent_attention_args* args, rq_error* err) {
    return boundary(err, [&] {
        const auto a = input(args, "args");
        OptionalExecutor executor(a.executor);
        const LatentAttentionShape shape = shape_of(a);
        const std::int64_t cached = sum(a.first, a.queries, "args.first");
        const std::int64_t query = sum(a.qk_nope_head_dim, a.qk_rope_head_dim, "args.q");
        const std::int64_t expanded = sum(a.qk_nope_head_dim, a.v_head_dim, "args.w_kv_b");
        const ConstRows q = rows(a.q, a.queries, product(a.heads, query, "args.q"), a.q_stride, "args.q");
        const ConstRows c_kv = rows(a.c_kv, cached, a.kv_lora_rank, a.c_kv_stride, "args.c_kv");
        const ConstRows k_pe = rows(a.k_pe, cached, a.qk_rope_head_dim, a.k_pe_stride, "args.k_pe");
        const WeightView w_kv_b = weight(a.w_kv_b, a.w_dtype, product(a.heads, expanded, "args.w_kv_b"), a.kv_lora_rank, "args.w_kv_b");
        const Rows out = rows(a.out, a.queries, product(a.heads, a.v_head_dim, "args.out"), a.out_stride, "args.out");
        latent_attention(shape, q, c_kv, k_pe, w_kv_b, a.first, out, form_of(a.form), executor.get());
    });
}

int32_t rq_route(const rq_route_args* args, rq_error* err) {
    return boundary(err, [&] {
        const auto a = input(args, "args");
        reserved(a.reserved, "args.reserved");
        const RouterOptions router = router_of(a);
        const ConstRows logits = rows(a.logits, a.tokens, a.experts, a.logits_stride, "args.logits");
        const auto bias = array(a.bias, a.bias == nullptr ? 0 : static_cast<std::size_t>(a.experts), "args.bias");
        const auto chosen = static_cast<std::size_t>(product(a.tokens, a.experts_per_token, "args.experts_per_token"));
        route(router, logits, bias, array(a.ids, chosen, "args.ids"), array(a.weights, chosen, "args.weights"));
    });
}

int32_t rq_rms_norm(const float* x, int64_t x_stride, const float* weight, float eps, int64_t row_count, int64_t cols, float* y,
                    int64_t y_stride, rq_error* err) {
    return boundary(err, [&] {
        const ConstRows in = rows(x, row_count, cols, x_stride, "x");
        const Rows out = rows(y, row_count, cols, y_stride, "y");
        if (!(eps >= 0)) refuse("eps", "negative or not a number");
        ops::rms_norm(in, array(weight, static_cast<std::size_t>(cols), "weight"), eps, out);
    });
}

int32_t rq_softmax(float* x, int64_t row_count, int64_t cols, int64_t stride, rq_error* err) {
    return boundary(err, [&] { ops::softmax(rows(x, row_count, cols, stride, "x")); });
}

int32_t rq_swiglu(const float* gate, int64_t gate_stride, const float* up, int64_t up_stride, int64_t row_count, int64_t cols, float* y,
                  int64_t y_stride, rq_error* err) {
    return boundary(err, [&] {
        const ConstRows g = rows(gate, row_count, cols, gate_stride, "gate");
        const ConstRows u = rows(up, row_count, cols, up_stride, "up");
        ops::swiglu(g, u, rows(y, row_count, cols, y_stride, "y"));
    });
}

int32_t rq_rope(const rq_rope_args* args, rq_error* err) {
    return boundary(err, [&] {
        const auto a = input(args, "args");
        reserved(a.reserved_pointer, "args.reserved_pointer");
        rotate(a);
    });
}
