#include "layers/hyper_connections.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "ops/operands.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using layers::HyperConfig;
using layers::HyperConnection;

namespace {

constexpr std::int64_t n = 4, D = 70;
constexpr HyperConfig config{.streams = n, .hidden = D, .sinkhorn_rounds = 20, .eps = 1e-2f, .norm_eps = 1e-6f};  // apart, and large enough to be missed

double sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

struct Layer {
    test::Matrix fn{config.mix_width(), n* D};
    HyperConnection connection{config, {}, std::vector<float>(static_cast<std::size_t>(config.mix_width())), {0.5f, 0.7f, 0.9f}};

    explicit Layer(unsigned seed) {
        std::mt19937 random(seed);
        std::normal_distribution<float> value;
        for (std::int64_t i = 0; i < config.mix_width(); ++i) {
            for (std::int64_t j = 0; j < n * D; ++j) fn.at(i, j) = value(random);
            connection.base[static_cast<std::size_t>(i)] = value(random);
        }
        connection.fn = weight_view(fn.view());
    }
};

}  // namespace

TEST_CASE("hyper-connections read and write streams as the paper writes it", "[layers][hyper]") {
    Layer layer(3);
    const auto workers = cpu::Workers::caller();
    const ops::Run run{ops::best_kernels(), *workers};
    std::mt19937 random(5);
    std::normal_distribution<float> value;
    constexpr std::int64_t T = 3;
    std::vector<float> s(T * n * D), u(T * D), y(T * D), mix(T * static_cast<std::size_t>(config.mix_width()));
    for (float& v : s) v = value(random);
    for (float& v : y) v = value(random);
    const auto before = s;
    const auto seen = layer.connection.read(run, Rows(s.data(), T, n * D), Rows(u.data(), T, D), Rows(mix.data(), T, config.mix_width()));
    layer.connection.write(run, seen, Rows(y.data(), T, D), Rows(s.data(), T, n * D));
    const double close = tolerance::ffn(n * D);  // of values about 1: a sum over the streams within another over few
    for (std::int64_t t = 0; t < T; ++t) {
        const float* const x = before.data() + t * n * D;
        double squares = 0;
        for (std::int64_t i = 0; i < n * D; ++i) squares += double{x[i]} * x[i];
        const double r = 1 / std::sqrt(squares / (n * D) + 1e-6);
        std::vector<double> mu(static_cast<std::size_t>(config.mix_width()));
        for (std::size_t i = 0; i < mu.size(); ++i) {
            for (std::int64_t j = 0; j < n * D; ++j) mu[i] += double{layer.fn.at(static_cast<std::int64_t>(i), j)} * x[j];
            mu[i] *= r;
        }
        const auto& base = layer.connection.base;
        double pre[n], post[n], c[n][n];
        for (std::size_t i = 0; i < n; ++i) {
            pre[i] = sigmoid(mu[i] * 0.5f + base[i]) + config.eps;
            post[i] = 2 * sigmoid(mu[n + i] * 0.7f + base[n + i]);
            double sum = 0;
            for (std::size_t k = 0; k < n; ++k) sum += c[i][k] = std::exp(mu[2 * n + n * i + k] * 0.9f + base[2 * n + n * i + k]);
            for (std::size_t k = 0; k < n; ++k) c[i][k] = c[i][k] / sum + config.eps;
        }
        for (int round = 0; round < 20; ++round) {
            for (std::size_t j = 0; j < n && round > 0; ++j) {
                const double sum = std::accumulate(c[j], c[j] + n, double{config.eps});
                for (double& v : c[j]) v /= sum;
            }
            for (std::size_t k = 0; k < n; ++k) {
                double sum = config.eps;
                for (std::size_t j = 0; j < n; ++j) sum += c[j][k];
                for (std::size_t j = 0; j < n; ++j) c[j][k] /= sum;
            }
        }
        for (std::int64_t d = 0; d < D; ++d) {
            double read = 0;
            for (std::int64_t i = 0; i < n; ++i) read += pre[i] * x[i * D + d];
            CHECK(u[static_cast<std::size_t>(t * D + d)] == Approx(read).margin(close));
            for (std::int64_t k = 0; k < n; ++k) {
                double written = post[k] * y[static_cast<std::size_t>(t * D + d)];
                for (std::int64_t j = 0; j < n; ++j) written += c[j][k] * x[j * D + d];
                CHECK(s[static_cast<std::size_t>((t * n + k) * D + d)] == Approx(written).margin(close));
            }
        }
    }
}

TEST_CASE("streams are carried on along the rows of C: a shift moves each one to the next", "[layers][hyper]") {
    const Layer layer(1);
    const auto workers = cpu::Workers::caller();
    const ops::Run run{ops::best_kernels(), *workers};
    std::vector<float> mix(static_cast<std::size_t>(config.mix_width()), 0.0f), s(n * D), y(D, 5.0f);
    for (std::size_t j = 0; j < n; ++j) mix[2 * n + n * j + (j + 1) % n] = 1;  // C_jk = 1 where k follows j
    for (std::size_t i = 0; i < s.size(); ++i) s[i] = static_cast<float>(i / D);
    layer.connection.write(run, Rows(mix.data(), 1, config.mix_width()), Rows(y.data(), 1, D), Rows(s.data(), 1, n * D));
    for (std::size_t i = 0; i < s.size(); ++i) CHECK(s[i] == static_cast<float>((i / D + n - 1) % n));
}

TEST_CASE("Sinkhorn ends with columns that sum to one", "[layers][hyper]") {
    std::mt19937 random(2);
    std::normal_distribution<float> value(0, 3);
    for (const std::int64_t rounds : {1, 2, 20}) {
        std::vector<float> c(n * n);
        for (float& v : c) v = value(random);
        layers::sinkhorn(c.data(), n, rounds, 1e-6f);
        for (std::size_t k = 0; k < n; ++k) CHECK(c[k] + c[n + k] + c[2 * n + k] + c[3 * n + k] == Approx(1).margin(1e-6 + tolerance::f32_units(8)));
        if (rounds == 20) CHECK(c[0] + c[1] + c[2] + c[3] == Approx(1).margin(1e-2));
    }
}
