// The operations on plain arrays through the C interface: right results on ragged shapes, refusals of hostile ones.
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "capi/support.hpp"
#include "tolerance.hpp"

using namespace rorqual::test;
namespace tolerance = rorqual::tolerance;

namespace {

std::vector<float> noise(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<float> values(count);
    for (float& v : values) v = static_cast<float>(static_cast<double>(random()) / 4294967296.0 * 2 - 1);
    return values;
}

void sequential(rq_executor& e) {
    e = RQ_EXECUTOR_INIT;
    e.concurrency = 3;
    e.run = [](std::size_t count, rq_task_fn task, void* context, void*) -> std::int32_t {
        for (std::size_t i = 0; i < count; ++i) task(context, i);
        return 0;
    };
}

}  // namespace

TEST_CASE("rq_matmul multiplies with any strides, and leaves what lies between rows", "[capi][ops]") {
    struct Shape {
        std::int64_t t, k, n;
    };
    const auto shape = GENERATE(Shape{1, 1, 1}, Shape{3, 127, 5}, Shape{4, 128, 33}, Shape{0, 4, 4}, Shape{2, 64, 0});
    const std::int64_t x_stride = shape.k + GENERATE(0, 3), y_stride = shape.n + 2;
    const auto x = noise(static_cast<std::size_t>(shape.t * x_stride) + 1, 1), w = noise(static_cast<std::size_t>(shape.n * shape.k) + 1, 2);
    std::vector<float> y(static_cast<std::size_t>(shape.t * y_stride) + 1, 77);
    rq_matmul_args a = RQ_MATMUL_ARGS_INIT;
    a.tokens = shape.t, a.inputs = shape.k, a.outputs = shape.n;
    a.x_stride = x_stride, a.y_stride = y_stride;
    a.w = w.data(), a.x = x.data(), a.y = y.data();
    rq_executor executor;
    sequential(executor);
    const bool on_executor = GENERATE(false, true);  // not its address: this frame is another in each run
    a.executor = on_executor ? &executor : nullptr;
    Err err;
    must(rq_matmul(&a, &err), err);
    for (std::int64_t t = 0; t < shape.t; ++t) {
        for (std::int64_t n = 0; n < y_stride; ++n) {
            const float got = y[static_cast<std::size_t>(t * y_stride + n)];
            if (n >= shape.n) {
                REQUIRE(got == 77);
                continue;
            }
            double sum = 0, size = 0;
            for (std::int64_t k = 0; k < shape.k; ++k) {
                const double product = static_cast<double>(x[static_cast<std::size_t>(t * x_stride + k)]) * w[static_cast<std::size_t>(n * shape.k + k)];
                sum += product, size += std::abs(product);
            }
            REQUIRE(std::abs(got - sum) <= tolerance::f32_dot(shape.k) * size);
        }
    }
}

TEST_CASE("rq_matmul refuses shapes that make no sense", "[capi][ops]") {
    float x[8] = {}, w[8] = {}, y[8] = {};
    const auto refused = [&](auto set, const char* part) {
        rq_matmul_args a = RQ_MATMUL_ARGS_INIT;
        a.tokens = 2, a.inputs = 2, a.outputs = 2, a.x = x, a.w = w, a.y = y;
        set(a);
        Err err;
        CHECK(rq_matmul(&a, &err) == RQ_ERR_INVALID_ARGUMENT);
        CAPTURE(err.message);
        CHECK(err.says(part));
    };
    refused([](auto& a) { a.x = nullptr; }, "args.x");
    refused([](auto& a) { a.w = nullptr; }, "args.w");
    refused([](auto& a) { a.y = nullptr; }, "args.y");
    refused([](auto& a) { a.tokens = -1; }, "args.x");
    refused([](auto& a) { a.inputs = INT64_MIN; }, "args.w");
    refused([](auto& a) { a.inputs = INT64_MAX; }, "args.w");
    refused([](auto& a) { a.outputs = INT64_MAX / 4; }, "args.w");
    refused([](auto& a) { a.x_stride = 1; }, "args.x");
    refused([](auto& a) { a.y_stride = -5; }, "args.y");
    refused([](auto& a) { a.x_stride = INT64_MAX; }, "args.x");
    refused([](auto& a) { a.w_dtype = RQ_DTYPE_I64; }, "args.w");
    refused([](auto& a) { a.w_dtype = -1; }, "args.w");
    refused([](auto& a) { a.w_dtype = 12345; }, "args.w");
}

TEST_CASE("rq_latent_attention: absorbed equals naive, and both equal the formula", "[capi][ops]") {
    const std::int64_t H = 3, R = 10, P = 6, Q = 4, V = 5, T = GENERATE(1, 4), first = 7;
    const std::int64_t n = first + T;
    const auto z = [](std::int64_t i) { return static_cast<std::size_t>(i); };
    const auto q = noise(z(T * H * (P + Q)), 1), c = noise(z(n * R), 2), k = noise(z(n * Q), 3), w = noise(z(H * (P + V) * R), 4);
    std::vector<float> naive(z(T * H * V)), absorbed(naive), expected(naive);
    rq_latent_attention_args a = RQ_LATENT_ATTENTION_ARGS_INIT;
    a.heads = H, a.kv_lora_rank = R, a.qk_nope_head_dim = P, a.qk_rope_head_dim = Q, a.v_head_dim = V, a.queries = T, a.first = first;
    a.q = q.data(), a.c_kv = c.data(), a.k_pe = k.data(), a.w_kv_b = w.data();
    a.out = naive.data(), a.form = RQ_ATTENTION_NAIVE;
    Err err;
    must(rq_latent_attention(&a, &err), err);
    a.out = absorbed.data(), a.form = RQ_ATTENTION_ABSORBED;
    must(rq_latent_attention(&a, &err), err);

    const double scale = 1 / std::sqrt(static_cast<double>(P + Q));
    const auto expand = [&](std::int64_t s, std::int64_t row) {  // row of w_kv_b times latent s
        double sum = 0;
        for (std::int64_t r = 0; r < R; ++r) sum += static_cast<double>(w[z(row * R + r)]) * c[z(s * R + r)];
        return sum;
    };
    double largest = 0;
    for (std::int64_t t = 0; t < T; ++t) {
        for (std::int64_t h = 0; h < H; ++h) {
            std::vector<double> p(z(first + t + 1));
            for (std::int64_t s = 0; s <= first + t; ++s) {
                double score = 0;
                for (std::int64_t i = 0; i < P; ++i) score += q[z((t * H + h) * (P + Q) + i)] * expand(s, h * (P + V) + i);
                for (std::int64_t i = 0; i < Q; ++i) score += static_cast<double>(q[z((t * H + h) * (P + Q) + P + i)]) * k[z(s * Q + i)];
                p[z(s)] = std::exp(score * scale);
            }
            const double total = std::accumulate(p.begin(), p.end(), 0.0);
            for (std::int64_t v = 0; v < V; ++v) {
                double sum = 0;
                for (std::int64_t s = 0; s <= first + t; ++s) sum += p[z(s)] / total * expand(s, h * (P + V) + P + v);
                expected[z((t * H + h) * V + v)] = static_cast<float>(sum);
                largest = std::max(largest, std::abs(sum));
            }
        }
    }
    // The sums of one output in a row: latent, query, softmax over the tokens.
    const double allowed = tolerance::f32_dot(R + P + Q + n) * std::max(largest, 1.0);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        REQUIRE(std::abs(naive[i] - expected[i]) <= allowed);
        REQUIRE(std::abs(absorbed[i] - expected[i]) <= allowed);
    }
    a.form = 3;
    CHECK(rq_latent_attention(&a, &err) == RQ_ERR_INVALID_ARGUMENT);
    a.form = 0, a.first = INT64_MAX;
    CHECK(rq_latent_attention(&a, &err) == RQ_ERR_INVALID_ARGUMENT);
    a.first = -1;
    CHECK(rq_latent_attention(&a, &err) == RQ_ERR_INVALID_ARGUMENT);
    a.first = first, a.heads = INT64_MAX;
    CHECK(rq_latent_attention(&a, &err) == RQ_ERR_INVALID_ARGUMENT);
    a.heads = H, a.c_kv = nullptr;
    CHECK(rq_latent_attention(&a, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(err.says("args.c_kv"));
}

TEST_CASE("rq_route chooses the best experts of the best groups", "[capi][ops]") {
    const float logits[2][7] = {{0.5F, 2, -1, 1, 0, 3, 99}, {1, 1, 1, 1, 1, 1, 99}};  // six experts and a value beside
    std::int32_t ids[4];
    float weights[4];
    rq_route_args a = RQ_ROUTE_ARGS_INIT;
    a.tokens = 2, a.experts = 6, a.experts_per_token = 2, a.logits_stride = 7;
    a.logits = logits[0], a.ids = ids, a.weights = weights;
    Err err;
    must(rq_route(&a, &err), err);
    CHECK(std::vector<std::int32_t>(ids, ids + 4) == std::vector<std::int32_t>{5, 1, 0, 1});
    double total = 0;
    for (int e = 0; e < 6; ++e) total += std::exp(logits[0][e]);
    CHECK(weights[0] == Approx(std::exp(3.0) / total));
    a.normalise = 1, a.scale = 2;
    must(rq_route(&a, &err), err);
    CHECK(weights[0] + weights[1] == Approx(2));
    a.groups = 3, a.groups_kept = 1;  // {0,1} {2,3} {4,5}: the group of the largest alone
    must(rq_route(&a, &err), err);
    CHECK(ids[0] == 5);
    CHECK(ids[1] == 4);
    const float bias[6] = {10, 0, 0, 0, 0, 0};
    a.groups = 0, a.groups_kept = 0, a.bias = bias, a.scoring = RQ_SCORING_SIGMOID, a.normalise = 0, a.scale = 0;
    must(rq_route(&a, &err), err);
    CHECK(ids[0] == 0);
    CHECK(weights[0] == Approx(1 / (1 + std::exp(-0.5))));  // the bias chooses, it does not weigh
}

TEST_CASE("rq_route refuses options that make no sense", "[capi][ops]") {
    float logits[12] = {}, weights[4];
    std::int32_t ids[4];
    const auto refused = [&](auto set) {
        rq_route_args a = RQ_ROUTE_ARGS_INIT;
        a.tokens = 2, a.experts = 6, a.experts_per_token = 2, a.logits = logits, a.ids = ids, a.weights = weights;
        set(a);
        Err err;
        CHECK(rq_route(&a, &err) == RQ_ERR_INVALID_ARGUMENT);
        CAPTURE(err.message);
        CHECK(std::string(err.message).size() > 8);
    };
    refused([](auto& a) { a.logits = nullptr; });
    refused([](auto& a) { a.ids = nullptr; });
    refused([](auto& a) { a.weights = nullptr; });
    refused([](auto& a) { a.experts_per_token = 7; });
    refused([](auto& a) { a.experts_per_token = -1; });
    refused([](auto& a) { a.groups = 4; });
    refused([](auto& a) { a.groups = -1; });
    refused([](auto& a) { a.groups = 3, a.groups_kept = 4; });
    refused([](auto& a) { a.scoring = 3; });
    refused([](auto& a) { a.group_score = 2; });
    refused([](auto& a) { a.normalise = 2; });
    refused([](auto& a) { a.reserved = 1; });
    refused([](auto& a) { a.scale = std::numeric_limits<float>::quiet_NaN(); });
    refused([](auto& a) { a.tokens = INT64_MAX; });
    refused([](auto& a) { a.experts = INT64_MAX; });
}

TEST_CASE("rq_rms_norm, rq_softmax and rq_swiglu follow their formulas, in place where they may", "[capi][ops]") {
    const std::int64_t rows = 3, cols = 7, stride = 9;
    const auto z = [](std::int64_t i) { return static_cast<std::size_t>(i); };
    auto x = noise(z(rows * stride), 1);
    const auto original = x, weight = noise(z(cols), 2), up = noise(z(rows * cols), 3);
    Err err;
    must(rq_rms_norm(x.data(), stride, weight.data(), 1e-5F, rows, cols, x.data(), stride, &err), err);
    for (std::int64_t t = 0; t < rows; ++t) {
        double squares = 0;
        for (std::int64_t i = 0; i < cols; ++i) squares += std::pow(static_cast<double>(original[z(t * stride + i)]), 2);
        for (std::int64_t i = 0; i < cols; ++i) {
            CHECK(x[z(t * stride + i)] == Approx(original[z(t * stride + i)] / std::sqrt(squares / static_cast<double>(cols) + 1e-5) * weight[z(i)]));
        }
        for (std::int64_t i = cols; i < stride; ++i) CHECK(x[z(t * stride + i)] == original[z(t * stride + i)]);
    }
    x = original;
    must(rq_softmax(x.data(), rows, cols, stride, &err), err);
    for (std::int64_t t = 0; t < rows; ++t) {
        const auto row = x.begin() + t * stride;
        CHECK(std::accumulate(row, row + cols, 0.0) == Approx(1));
        CHECK(row[1] / row[0] == Approx(std::exp(original[z(t * stride + 1)] - original[z(t * stride)])));
    }
    x = original;
    must(rq_swiglu(x.data(), stride, up.data(), 0, rows, cols, x.data(), stride, &err), err);
    for (std::int64_t t = 0; t < rows; ++t) {
        for (std::int64_t i = 0; i < cols; ++i) {
            const double g = original[z(t * stride + i)];
            CHECK(x[z(t * stride + i)] == Approx(g / (1 + std::exp(-g)) * up[z(t * cols + i)]));
        }
    }
    CHECK(rq_rms_norm(x.data(), stride, weight.data(), -1, rows, cols, x.data(), stride, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(rq_softmax(x.data(), -1, cols, stride, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(rq_softmax(x.data(), rows, cols, cols - 1, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(rq_swiglu(x.data(), stride, up.data(), 0, INT64_MAX, 2, x.data(), stride, &err) == RQ_ERR_INVALID_ARGUMENT);
}

TEST_CASE("rq_rope turns pairs by position times frequency and keeps their length", "[capi][ops]") {
    const std::int64_t T = 3, H = 2, dim = 4, head = 6, first = 5;
    const auto z = [](std::int64_t i) { return static_cast<std::size_t>(i); };
    const auto original = noise(z(T * H * head), 5);
    for (const std::int32_t pairs : {RQ_ROPE_ADJACENT, RQ_ROPE_HALVES}) {
        auto x = original;
        rq_rope_args a = RQ_ROPE_ARGS_INIT;
        a.pairs = pairs, a.tokens = T, a.first = first, a.heads = H, a.dim = dim, a.head_stride = head, a.offset = 2, a.x = x.data();
        Err err;
        must(rq_rope(&a, &err), err);
        for (std::int64_t t = 0; t < T; ++t) {
            for (std::int64_t h = 0; h < H; ++h) {
                const std::size_t at = z((t * H + h) * head);
                CHECK(x[at] == original[at]);  // before the offset
                for (std::int64_t i = 0; i < dim / 2; ++i) {
                    const std::size_t re = at + 2 + z(pairs == RQ_ROPE_ADJACENT ? 2 * i : i);
                    const std::size_t im = re + (pairs == RQ_ROPE_ADJACENT ? 1 : z(dim / 2));
                    const double angle = static_cast<double>(first + t) * std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(dim));
                    CHECK(x[re] == Approx(original[re] * std::cos(angle) - original[im] * std::sin(angle)).margin(1e-6));
                    CHECK(x[im] == Approx(original[re] * std::sin(angle) + original[im] * std::cos(angle)).margin(1e-6));
                }
            }
        }
    }
}

TEST_CASE("rq_rope refuses shapes and scalings that make no sense", "[capi][ops]") {
    float x[32] = {};
    const auto refused = [&](auto set) {
        rq_rope_args a = RQ_ROPE_ARGS_INIT;
        a.tokens = 2, a.heads = 2, a.dim = 4, a.x = x;
        set(a);
        Err err;
        CHECK(rq_rope(&a, &err) == RQ_ERR_INVALID_ARGUMENT);
        CAPTURE(err.message);
        CHECK(std::string(err.message).size() > 8);
    };
    refused([](auto& a) { a.x = nullptr; });
    refused([](auto& a) { a.dim = 3; });
    refused([](auto& a) { a.dim = 0; });
    refused([](auto& a) { a.dim = -4; });
    refused([](auto& a) { a.head_stride = 3; });
    refused([](auto& a) { a.offset = 1; });
    refused([](auto& a) { a.offset = -1; });
    refused([](auto& a) { a.offset = INT64_MAX; });
    refused([](auto& a) { a.first = -1; });
    refused([](auto& a) { a.first = INT64_MAX; });
    refused([](auto& a) { a.tokens = INT64_MAX; });
    refused([](auto& a) { a.heads = INT64_MAX; });
    refused([](auto& a) { a.x_stride = 7; });
    refused([](auto& a) { a.base = -1; });
    refused([](auto& a) { a.base = std::numeric_limits<double>::infinity(); });
    refused([](auto& a) { a.factor = 0.5; });
    refused([](auto& a) { a.factor = std::numeric_limits<double>::quiet_NaN(); });
    refused([](auto& a) { a.beta_fast = std::numeric_limits<double>::infinity(); });
    refused([](auto& a) { a.pairs = 2; });
    refused([&](auto& a) { a.reserved_pointer = x; });
}
