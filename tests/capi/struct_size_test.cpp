// struct_size: how programs and libraries of different versions understand each other.
#define RQ_ENABLE_UNSTABLE
#include <cstring>
#include <functional>

#include "capi/support.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual::test;

namespace {

// A struct of this version as a caller may hold it: `size` bytes announced, in memory with more room than that.
template <class T>
struct Held {
    explicit Held(const T& value, std::size_t size) {
        std::memset(memory, 0, sizeof memory);
        std::memcpy(memory, &value, sizeof value);
        const auto announced = static_cast<std::uint32_t>(size);
        std::memcpy(memory, &announced, sizeof announced);
    }
    T* get() { return reinterpret_cast<T*>(memory); }
    alignas(T) unsigned char memory[sizeof(T) + 64];
};

template <class T>
void input_struct(const T& valid, const std::function<std::int32_t(const T*, rq_error*)>& call) {
    Err err;
    for (const std::size_t nonsense : {std::size_t{0}, std::size_t{3}, std::size_t{4097}, std::size_t{0xCCCCCCCC}}) {
        CAPTURE(nonsense);
        Held<T> held(valid, nonsense);
        CHECK(call(held.get(), &err) == RQ_ERR_INVALID_ARGUMENT);
        CHECK(err.says("struct_size"));
    }
    Held<T> exact(valid, sizeof(T));
    CHECK(call(exact.get(), &err) == RQ_OK);
    Held<T> longer(valid, sizeof(T) + 24);
    CHECK(call(longer.get(), &err) == RQ_OK);
    for (const std::size_t where : {sizeof(T), sizeof(T) + 23}) {
        CAPTURE(where);
        Held<T> unknown(valid, sizeof(T) + 24);
        unknown.memory[where] = 1;
        CHECK(call(unknown.get(), &err) == RQ_ERR_INVALID_ARGUMENT);
        CHECK(err.says("byte " + std::to_string(where)));
    }
    Held<T> not_counted(valid, sizeof(T));  // what lies behind struct_size is none of the library's business
    not_counted.memory[sizeof(T)] = 1;
    CHECK(call(not_counted.get(), &err) == RQ_OK);
}

template <class T>
void output_struct(const std::function<std::int32_t(T*, rq_error*)>& call) {
    Err err;
    constexpr unsigned char untouched = 0xA5;
    const auto hold = [&](std::size_t size) {
        Held<T> held(T{}, size);
        std::memset(held.memory + sizeof(std::uint32_t), untouched, sizeof held.memory - sizeof(std::uint32_t));
        return held;
    };
    for (const std::size_t nonsense : {std::size_t{0}, std::size_t{3}, std::size_t{4097}, std::size_t{0xCCCCCCCC}}) {
        CAPTURE(nonsense);
        auto held = hold(nonsense);
        CHECK(call(held.get(), &err) == RQ_ERR_INVALID_ARGUMENT);
        CHECK(err.says("struct_size"));
        CHECK(held.memory[sizeof(std::uint32_t)] == untouched);
    }
    auto exact = hold(sizeof(T));
    REQUIRE(call(exact.get(), &err) == RQ_OK);
    CHECK(exact.get()->struct_size == sizeof(T));
    for (const std::size_t size : {sizeof(std::uint32_t), sizeof(T) - 8, sizeof(T) - 1}) {
        CAPTURE(size);
        auto held = hold(size);
        REQUIRE(call(held.get(), &err) == RQ_OK);
        CHECK(held.get()->struct_size == size);
        for (std::size_t i = size; i < sizeof held.memory; ++i) REQUIRE(held.memory[i] == untouched);
    }
    auto longer = hold(sizeof(T) + 24);  // a newer program sees zeros in fields this library does not know
    REQUIRE(call(longer.get(), &err) == RQ_OK);
    for (std::size_t i = 0; i < 24; ++i) REQUIRE(longer.memory[sizeof(T) + i] == 0);
    for (std::size_t i = sizeof(T) + 24; i < sizeof longer.memory; ++i) REQUIRE(longer.memory[i] == untouched);
}

}  // namespace

TEST_CASE("an input struct may be longer if its unknown tail is zero, and is refused otherwise", "[capi][struct_size]") {
    const auto session = small_session();
    append(session.get(), {0, 5});
    SECTION("rq_session_options") {
        rq_session_options o = RQ_SESSION_OPTIONS_INIT;
        o.context = 128;
        input_struct<rq_session_options>(o, [](auto* given, rq_error* err) {
            rq_session* made = nullptr;
            const auto status = rq_session_create(tale(), given, &made, err);
            rq_session_free(made);
            return status;
        });
    }
    SECTION("rq_model_options") {
        const auto source = source_of(tale_folder());
        input_struct<rq_model_options>(RQ_MODEL_OPTIONS_INIT, [&](auto* given, rq_error* err) {
            rq_plan plan = RQ_PLAN_INIT;
            return rq_source_plan(source.get(), given, nullptr, &plan, err);
        });
    }
    SECTION("rq_generation_options") {
        input_struct<rq_generation_options>(RQ_GENERATION_OPTIONS_INIT, [&](auto* given, rq_error* err) {
            rq_generation* made = nullptr;
            const auto status = rq_generation_create(session.get(), given, &made, err);
            rq_generation_free(made);
            return status;
        });
    }
    SECTION("rq_prompt_options") {
        rq_prompt_options o = RQ_PROMPT_OPTIONS_INIT;
        o.format = "v4", o.format_len = 2;
        input_struct<rq_prompt_options>(o, [](auto* given, rq_error* err) {
            rq_prompt* made = nullptr;
            const auto status = rq_prompt_create("[]", 2, given, &made, err);
            rq_prompt_free(made);
            return status;
        });
    }
    SECTION("rq_sampling_options") {
        input_struct<rq_sampling_options>(RQ_SAMPLING_OPTIONS_INIT, [&](auto* given, rq_error* err) {
            rq_generation_options o = RQ_GENERATION_OPTIONS_INIT;
            o.sampling = given;
            rq_generation* made = nullptr;
            const auto status = rq_generation_create(session.get(), &o, &made, err);
            rq_generation_free(made);
            return status;
        });
    }
    SECTION("rq_executor") {
        rq_executor e = RQ_EXECUTOR_INIT;
        e.concurrency = 1;
        e.run = [](std::size_t count, rq_task_fn task, void* context, void*) -> std::int32_t {
            for (std::size_t i = 0; i < count; ++i) task(context, i);
            return 0;
        };
        input_struct<rq_executor>(e, [](auto* given, rq_error* err) {
            float x[6] = {1, 2, 3, 4, 5, 6}, w[3] = {1, 1, 1}, y[2];
            rq_matmul_args a = RQ_MATMUL_ARGS_INIT;
            a.tokens = 2, a.inputs = 3, a.outputs = 1, a.x = x, a.w = w, a.y = y;
            a.executor = given;
            return rq_matmul(&a, err);
        });
    }
    SECTION("rq_quantize_options") {
        const TempFolder folder;
        const auto source = source_of(tale_folder());
        const std::string path = (folder / "m.gguf").string();
        rq_quantize_options o = RQ_QUANTIZE_OPTIONS_INIT;
        o.format = "f16", o.format_len = 3;
        input_struct<rq_quantize_options>(o, [&](auto* given, rq_error* err) { return rq_quantize(source.get(), path.data(), path.size(), given, err); });
    }
    SECTION("rq_pack_options") {
        const TempFolder folder;
        const auto source = source_of(tale_folder());
        const std::string path = (folder / "m.safetensors").string();
        rq_pack_options o = RQ_PACK_OPTIONS_INIT;
        input_struct<rq_pack_options>(o, [&](auto* given, rq_error* err) { return rq_pack(source.get(), path.data(), path.size(), given, err); });
    }
    SECTION("rq_synthesize_options") {
        const TempFolder folder;
        const std::string path = (folder / "m.gguf").string();
        rq_synthesize_options o = RQ_SYNTHESIZE_OPTIONS_INIT;
        o.geometry = "v2-tiny", o.geometry_len = 7;
        input_struct<rq_synthesize_options>(o, [&](auto* given, rq_error* err) { return rq_synthesize(path.data(), path.size(), given, err); });
    }
    SECTION("rq_observer") {
        input_struct<rq_observer>(RQ_OBSERVER_INIT, [&](auto* given, rq_error* err) { return rq_session_observe(session.get(), given, err); });
    }
    SECTION("operations") {
        input_struct<rq_matmul_args>(RQ_MATMUL_ARGS_INIT, rq_matmul);
        float x[4] = {1, 2, 3, 4};
        rq_rope_args rope = RQ_ROPE_ARGS_INIT;
        rope.tokens = 1, rope.heads = 1, rope.dim = 4, rope.x = x;
        input_struct<rq_rope_args>(rope, rq_rope);
        std::int32_t ids[2];
        float weights[2];
        rq_route_args route = RQ_ROUTE_ARGS_INIT;
        route.tokens = 1, route.experts = 4, route.experts_per_token = 2, route.logits = x, route.ids = ids, route.weights = weights;
        input_struct<rq_route_args>(route, rq_route);
        float q[3] = {1, 2, 3}, c[2] = {1, 2}, k[1] = {1}, w[8] = {}, out[2];
        rq_latent_attention_args attention = RQ_LATENT_ATTENTION_ARGS_INIT;
        attention.heads = 1, attention.kv_lora_rank = 2, attention.qk_nope_head_dim = 2, attention.qk_rope_head_dim = 1;
        attention.v_head_dim = 2, attention.queries = 1, attention.q = q, attention.c_kv = c, attention.k_pe = k;
        attention.w_kv_b = w, attention.out = out;
        input_struct<rq_latent_attention_args>(attention, rq_latent_attention);
    }
}

TEST_CASE("an input struct of an older version is read as if the rest were zero", "[capi][struct_size]") {
    // The program knows nothing of `chunk` and `context`; the memory behind its struct is its own.
    rq_session_options o = RQ_SESSION_OPTIONS_INIT;
    o.struct_size = offsetof(rq_session_options, context);
    o.context = UINT64_MAX;
    o.chunk = UINT64_MAX;
    const auto session = session_on(tale(), &o);
    std::size_t capacity = 0;
    Err err;
    must(rq_session_capacity(session.get(), &capacity, &err), err);
    rq_model_info info = RQ_MODEL_INFO_INIT;
    must(rq_model_get_info(tale(), &info, &err), err);
    CHECK(capacity == static_cast<std::size_t>(info.context));
}

TEST_CASE("nothing is written beyond struct_size of an output struct", "[capi][struct_size]") {
    const auto source = source_of(tale_folder());
    const auto session = small_session();
    append(session.get(), {0, 5});
    SECTION("rq_plan") {
        output_struct<rq_plan>([](auto* out, rq_error* err) { return rq_model_plan(tale(), nullptr, out, err); });
        output_struct<rq_plan>([&](auto* out, rq_error* err) { return rq_source_plan(source.get(), nullptr, nullptr, out, err); });
    }
    SECTION("rq_model_info") {
        output_struct<rq_model_info>([](auto* out, rq_error* err) { return rq_model_get_info(tale(), out, err); });
    }
    SECTION("rq_tensor_info") {
        output_struct<rq_tensor_info>([](auto* out, rq_error* err) { return rq_model_tensor(tale(), 0, out, err); });
    }
    SECTION("rq_sampling_options") {
        output_struct<rq_sampling_options>([](auto* out, rq_error* err) { return rq_model_sampling(tale(), out, err); });
    }
    SECTION("rq_metrics") {
        output_struct<rq_metrics>([&](auto* out, rq_error* err) { return rq_session_metrics(session.get(), out, err); });
    }
    SECTION("rq_piece") {
        const auto generation = generate_on(session.get());
        output_struct<rq_piece>([&](auto* out, rq_error* err) { return rq_generation_next(generation.get(), out, err); });
    }
}

TEST_CASE("an error is filled as far as its struct_size goes and always ends with a zero", "[capi][struct_size]") {
    struct {
        rq_error err;
        char behind[8];
    } held;
    for (const std::uint32_t size : {0U, 4U, 7U, 8U, 9U, 20U, 1023U, 1024U, 1032U}) {
        CAPTURE(size);
        std::memset(&held, 0x5A, sizeof held);
        held.err.struct_size = size;
        CHECK(rq_source_create_files(nullptr, &held.err) == RQ_ERR_INVALID_ARGUMENT);
        const auto* bytes = reinterpret_cast<const unsigned char*>(&held);
        if (size < 8) CHECK(held.err.code == 0x5A5A5A5A);
        if (size >= 8) CHECK(held.err.code == RQ_ERR_INVALID_ARGUMENT);
        if (size == 8) CHECK(held.err.message[0] == 0x5A);
        if (size >= 9) CHECK(std::memchr(held.err.message, 0, std::min<std::size_t>(size, sizeof(rq_error)) - 8) != nullptr);
        if (size >= 20) CHECK(std::string(held.err.message) == std::string("out: NULL").substr(0, size - 9));
        for (std::size_t i = std::max<std::size_t>(size, 4); i < sizeof held; ++i) REQUIRE(bytes[i] == 0x5A);
        if (size >= sizeof(rq_error)) break;
    }
}

TEST_CASE("a long error line is cut between characters", "[capi][struct_size]") {
    // A path of two-byte characters, longer than the message: whichever way the cut falls, what is left is UTF-8.
    for (const std::string start : {"/", "/a"}) {
        std::string path = start;
        while (path.size() < 3000) path += "\u00e9";
        const auto source = source_of(path);
        rq_model* model = nullptr;
        Err err;
        CHECK(rq_model_open(source.get(), nullptr, &model, &err) != RQ_OK);
        const std::string line = err.message;
        CAPTURE(line);
        CHECK(line.size() < sizeof err.message);
        const auto continuation = [&](std::size_t i) { return (static_cast<unsigned char>(line[i]) & 0xC0) == 0x80; };
        if (!line.empty() && static_cast<unsigned char>(line.back()) >= 0x80) CHECK(continuation(line.size() - 1));
    }
}

TEST_CASE("a call that succeeds leaves an error of earlier calls empty", "[capi]") {
    Err err;
    CHECK(rq_source_create_files(nullptr, &err) == RQ_ERR_INVALID_ARGUMENT);
    rq_source* source = nullptr;
    CHECK(rq_source_create_files(&source, &err) == RQ_OK);
    CHECK(err.code == RQ_OK);
    CHECK(std::string(err.message).empty());
    rq_source_free(source);
}
