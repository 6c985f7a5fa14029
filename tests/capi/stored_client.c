/* A program of today, kept as a binary in tests/data/clients and run by every later build: odd values in the fields of the structs,
 * and what came of them. Prints one line a struct; exits with the line of the call that failed.   stored_client MODEL FOLDER */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rorqual/rorqual.h"

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #condition, err.message); \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

static rq_error err = RQ_ERROR_INIT;

struct hooks {
    size_t allocations, bytes, runs, notices, reads;
    int odd;
};

static void* on_alloc(size_t size, size_t alignment, void* user) {
    struct hooks* hooks = (struct hooks*)user;
    ++hooks->allocations;
    hooks->bytes += size;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void on_release(void* memory, size_t size, size_t alignment, void* user) {
    struct hooks* hooks = (struct hooks*)user;
    (void)alignment;
    hooks->bytes -= size;
    free(memory);
}

static int32_t on_run(size_t count, rq_task_fn task, void* context, void* user) {
    ++((struct hooks*)user)->runs;
    while (count-- > 0) task(context, count); /* backwards: the order must not matter */
    return 0;
}

static void on_log(int32_t level, const char* line, size_t line_len, void* user) {
    (void)level, (void)line, (void)line_len;
    ++((struct hooks*)user)->notices;
}

static int32_t on_read(uint64_t offset, void* out, size_t size, void* user) {
    (void)offset, (void)out, (void)size;
    ++((struct hooks*)user)->reads;
    return 17;
}

static int32_t on_progress(uint64_t done, uint64_t all, const char* tensor, size_t tensor_len, void* user) {
    (void)tensor, (void)tensor_len;
    *(size_t*)user += 1;
    return done <= all ? 0 : 1;
}

static rq_model* open_model(const char* path, const rq_model_options* options) {
    rq_source* source = NULL;
    rq_model* model = NULL;
    CHECK(rq_source_create_path(path, strlen(path), &source, &err) == RQ_OK);
    CHECK(rq_model_open(source, options, &model, &err) == RQ_OK);
    rq_source_free(source);
    return model;
}

static void sources(struct hooks* hooks) {
    rq_source* source = NULL;
    rq_model* model = NULL;
    CHECK(rq_source_create_files(&source, &err) == RQ_OK);
    CHECK(rq_source_add_callbacks(source, "config.json", 11, 333, on_read, hooks, &err) == RQ_OK);
    CHECK(rq_model_open(source, NULL, &model, &err) == RQ_ERR_CALLBACK);
    CHECK(model == NULL && err.code == RQ_ERR_CALLBACK && err.message[0] != 0 && hooks->reads == 1);
    rq_source_free(source);
    CHECK(rq_model_open(NULL, NULL, &model, &err) == RQ_ERR_INVALID_ARGUMENT);
    printf("errors: %s %s\n", rq_status_name(RQ_ERR_CALLBACK), rq_status_name(999));
}

static void sizes(const rq_model* model) {
    rq_session_options options = RQ_SESSION_OPTIONS_INIT;
    rq_plan plan = RQ_PLAN_INIT;
    rq_model_info info = RQ_MODEL_INFO_INIT;
    rq_tensor_info tensor = RQ_TENSOR_INFO_INIT;
    rq_sampling_options sampling = RQ_SAMPLING_OPTIONS_INIT;
    options.context = 129;
    options.chunk = 7;
    CHECK(rq_model_plan(model, &options, &plan, &err) == RQ_OK);
    CHECK(plan.struct_size == sizeof plan && plan.context_tokens == 129);
    CHECK(plan.peak_bytes == plan.weights_bytes + plan.cache_bytes + plan.scratch_bytes && plan.scratch_bytes > 0);
    CHECK(plan.cache_bytes >= 129 * plan.cache_per_token_bytes && plan.weights_mapped_bytes <= plan.weights_bytes);
    CHECK(rq_model_get_info(model, &info, &err) == RQ_OK);
    printf("info: %d %u %u %u; %lld %lld %lld %lld %lld %lld %lld %lld; %llu %llu; %d %u\n", (int)info.bos_token,
           (unsigned)info.has_tokenizer, (unsigned)info.has_int8_cache, (unsigned)info.has_draft_head, (long long)info.vocab_size,
           (long long)info.hidden_size, (long long)info.layers, (long long)info.dense_layers, (long long)info.heads,
           (long long)info.routed_experts, (long long)info.experts_per_token, (long long)info.context, (unsigned long long)info.parameters,
           (unsigned long long)info.active_parameters, (int)info.default_mode, (unsigned)info.has_compact_cache);
    CHECK(rq_model_tensor(model, 3, &tensor, &err) == RQ_OK);
    printf("tensor: %.*s %s %llu %lld [%lld, %lld]\n", (int)tensor.name_len, tensor.name, rq_dtype_name(tensor.dtype),
           (unsigned long long)tensor.size_bytes, (long long)tensor.rank, (long long)tensor.shape[0], (long long)tensor.shape[1]);
    CHECK(tensor.file_len > 11 && memcmp(tensor.file + tensor.file_len - 11, "safetensors", 11) == 0);
    CHECK(rq_model_sampling(model, &sampling, &err) == RQ_OK);
    printf("sampling: %.2f %d %.2f %.2f %.2f %.2f %d\n", sampling.temperature, (int)sampling.top_k, sampling.top_p, sampling.min_p,
           sampling.repetition_penalty, sampling.presence_penalty, (int)sampling.penalty_window);
}

static void tale(const rq_model* model, const rq_grammar* grammar, const rq_generation_options* generation_options) {
    rq_session_options options = RQ_SESSION_OPTIONS_INIT;
    rq_generation_options with = *generation_options;
    rq_session* session = NULL;
    rq_generation* generation = NULL;
    rq_piece piece = RQ_PIECE_INIT;
    rq_metrics metrics = RQ_METRICS_INIT;
    int32_t ids[64];
    size_t count = 0, capacity = 0;
    options.drafting = RQ_DRAFTING_HEAD;
    CHECK(rq_session_create(model, &options, &session, &err) == RQ_ERR_UNSUPPORTED);
    options.drafting = RQ_DRAFTING_LOOKUP;
    options.draft_tokens = 3;
    options.mode = RQ_MODE_EXACT;
    options.cache = RQ_CACHE_F32;
    options.context = 99;
    options.chunk = 3;
    CHECK(rq_session_create(model, &options, &session, &err) == RQ_OK);
    CHECK(rq_session_capacity(session, &capacity, &err) == RQ_OK && capacity == 99);
    CHECK(rq_model_encode_prompt(model, "Once upon a time", 16, 0, ids, 64, &count, &err) == RQ_OK);
    CHECK(rq_session_sync(session, ids, count, NULL, NULL, &err) == RQ_OK);
    with.grammar = grammar;
    CHECK(rq_generation_create(session, &with, &generation, &err) == RQ_OK);
    printf("tale:");
    do {
        CHECK(rq_generation_next(generation, &piece, &err) == RQ_OK);
        printf(" %d(%.2f)%.*s", (int)piece.token, piece.logprob, (int)piece.text_len, piece.text);
    } while (piece.finish == RQ_FINISH_NONE);
    printf(" finish %d\n", (int)piece.finish);
    rq_generation_free(generation);
    CHECK(rq_session_metrics(session, &metrics, &err) == RQ_OK);
    CHECK(metrics.prefill_seconds > 0 && metrics.decode_seconds >= 0 && metrics.cache_bytes > 0 && metrics.scratch_bytes > 0);
    printf("metrics: %llu %llu\n", (unsigned long long)metrics.prefill_tokens, (unsigned long long)metrics.decode_tokens);
    rq_session_free(session);
}

static void tales(const rq_model* model) {
    static const int32_t bias_tokens[2] = {9, 11};
    static const float bias_values[2] = {-1e9F, 0.25F};
    static const int32_t stops[1] = {13};
    static const char* const strings[2] = {"never said", "nor this"};
    static const size_t lengths[2] = {10, 8};
    rq_sampling_options sampling = RQ_SAMPLING_OPTIONS_INIT;
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    rq_grammar* grammar = NULL;
    sampling.temperature = 0.875F;
    sampling.top_k = 37;
    sampling.top_p = 0.9375F;
    sampling.min_p = 0.015625F;
    sampling.repetition_penalty = 1.125F;
    sampling.presence_penalty = 0.0625F;
    sampling.penalty_window = 19;
    sampling.seed = 0x123456789abcdefULL;
    sampling.bias_tokens = bias_tokens;
    sampling.bias_values = bias_values;
    sampling.bias_count = 2;
    options.ignore_stop_tokens = 1;
    options.special = 1;
    options.limit = 23;
    options.sampling = &sampling;
    options.stop_tokens = stops;
    options.stop_token_count = 1;
    options.stop_strings = strings;
    options.stop_string_lens = lengths;
    options.stop_string_count = 2;
    tale(model, NULL, &options);
    options.sampling = NULL;
    options.stop_token_count = 0;
    CHECK(rq_grammar_from_rules("root ::= \" a whale\"", 19, &grammar, &err) == RQ_OK);
    tale(model, grammar, &options);
    rq_grammar_free(grammar);
}

static void prompt(const rq_model* model) {
    rq_prompt_options options = RQ_PROMPT_OPTIONS_INIT;
    rq_tokenizer* tokenizer = NULL;
    rq_prompt* made = NULL;
    const char* text = NULL;
    size_t length = 0;
    const char* messages = "[{\"role\": \"user\", \"content\": \"Why?\"}]";
    CHECK(rq_model_tokenizer(model, &tokenizer, &err) == RQ_OK);
    options.format = "v2";
    options.format_len = 2;
    options.tokenizer = tokenizer;
    options.no_generation = 1;
    CHECK(rq_prompt_create(messages, strlen(messages), &options, &made, &err) == RQ_OK);
    CHECK(rq_prompt_text(made, &text, &length, &err) == RQ_OK);
    printf("prompt: %.*s\n", (int)length, text);
    rq_prompt_free(made);
    rq_tokenizer_free(tokenizer);
}

static void files(const char* model, const char* folder) {
    rq_quantize_options quantize = RQ_QUANTIZE_OPTIONS_INIT;
    rq_pack_options pack = RQ_PACK_OPTIONS_INIT;
    rq_synthesize_options synthesize = RQ_SYNTHESIZE_OPTIONS_INIT;
    rq_source* source = NULL;
    size_t called[3] = {0, 0, 0};
    char path[4096];
    CHECK(rq_source_create_path(model, strlen(model), &source, &err) == RQ_OK);
    snprintf(path, sizeof path, "%s/file", folder);
    quantize.threads = 3;
    quantize.format = "q5_1";
    quantize.format_len = 4;
    quantize.pure = 1;
    quantize.latent = RQ_LATENT_SPLIT;
    quantize.progress = on_progress;
    quantize.user = &called[0];
    CHECK(rq_quantize(source, path, strlen(path), &quantize, &err) == RQ_OK);
    pack.threads = 3;
    pack.progress = on_progress;
    pack.user = &called[1];
    CHECK(rq_pack(source, path, strlen(path), &pack, &err) == RQ_OK);
    synthesize.threads = 3;
    synthesize.geometry = "v2-tiny";
    synthesize.geometry_len = 7;
    synthesize.format = "q4_0";
    synthesize.format_len = 4;
    synthesize.pure = 1;
    synthesize.latent = RQ_LATENT_JOINED;
    synthesize.seed = 77;
    synthesize.layers = 2;
    synthesize.progress = on_progress;
    synthesize.user = &called[2];
    CHECK(rq_synthesize(path, strlen(path), &synthesize, &err) == RQ_OK);
    CHECK(called[0] > 0 && called[1] > 0 && called[2] > 0);
    rq_source_free(source);
    remove(path);
    printf("files: three written\n");
}

static void operations(struct hooks* hooks, const rq_executor* executor) {
    rq_matmul_args matmul = RQ_MATMUL_ARGS_INIT;
    rq_route_args route = RQ_ROUTE_ARGS_INIT;
    rq_rope_args rope = RQ_ROPE_ARGS_INIT;
    rq_latent_attention_args attention = RQ_LATENT_ATTENTION_ARGS_INIT;
    float w[6] = {1, 2, 3, -1, 0.5F, 4}, x[8] = {1, 1, 1, 99, 2, 0, -1, 99}, y[6] = {7, 7, 7, 7, 7, 7};
    float logits[8] = {0.5F, 2, -1, 3, 1, 0, 2.5F, 1}, bias[8] = {0, 0, 5, 0, 0, 0, 0, 0}, weights[3];
    float rotated[4] = {9, 1, 0, 9}, q[2] = {1, 0.5F}, latents[4] = {1, 2, 3, 4}, keys[2] = {0.5F, 0.25F}, kv_b[2 * 2] = {1, 0, 0, 1}, out[1];
    int32_t ids[3];
    size_t runs = hooks->runs;
    matmul.w_dtype = RQ_DTYPE_F32;
    matmul.tokens = 2;
    matmul.inputs = 3;
    matmul.outputs = 2;
    matmul.x_stride = 4;
    matmul.y_stride = 3;
    matmul.w = w;
    matmul.x = x;
    matmul.y = y;
    matmul.executor = executor;
    CHECK(rq_matmul(&matmul, &err) == RQ_OK && hooks->runs >= runs);
    printf("matmul: %.2f %.2f %.2f %.2f %.2f %.2f\n", y[0], y[1], y[2], y[3], y[4], y[5]);
    route.scoring = RQ_SCORING_SIGMOID;
    route.group_score = RQ_GROUP_SCORE_TOP_TWO_SUM;
    route.normalise = 1;
    route.scale = 2.5F;
    route.tokens = 1;
    route.experts = 8;
    route.experts_per_token = 3;
    route.groups = 4;
    route.groups_kept = 2;
    route.logits_stride = 8;
    route.logits = logits;
    route.bias = bias;
    route.ids = ids;
    route.weights = weights;
    CHECK(rq_route(&route, &err) == RQ_OK);
    printf("route: %d %d %d %.4f %.4f %.4f\n", (int)ids[0], (int)ids[1], (int)ids[2], weights[0], weights[1], weights[2]);
    rope.pairs = RQ_ROPE_HALVES;
    rope.tokens = 1;
    rope.first = 5;
    rope.heads = 1;
    rope.dim = 2;
    rope.head_stride = 4;
    rope.offset = 1;
    rope.x_stride = 4;
    rope.base = 5000;
    rope.factor = 4;
    rope.original_positions = 64;
    rope.beta_fast = 16;
    rope.beta_slow = 2;
    rope.mscale = 0.5;
    rope.mscale_all_dim = 0.75;
    rope.x = rotated;
    CHECK(rq_rope(&rope, &err) == RQ_OK);
    printf("rope: %.4f %.4f %.4f %.4f\n", rotated[0], rotated[1], rotated[2], rotated[3]);
    attention.form = RQ_ATTENTION_ABSORBED;
    attention.w_dtype = RQ_DTYPE_F32;
    attention.softmax_scale = 0.75F;
    attention.heads = 1;
    attention.kv_lora_rank = 2;
    attention.qk_nope_head_dim = 1;
    attention.qk_rope_head_dim = 1;
    attention.v_head_dim = 1;
    attention.queries = 1;
    attention.first = 1;
    attention.q_stride = 2;
    attention.c_kv_stride = 2;
    attention.k_pe_stride = 1;
    attention.out_stride = 1;
    attention.q = q;
    attention.c_kv = latents;
    attention.k_pe = keys;
    attention.w_kv_b = kv_b;
    attention.out = out;
    attention.executor = executor;
    (void)attention;
    CHECK(rq_latent_attention(&attention, &err) == RQ_OK);
    printf("attention: %.4f\n", out[0]);
}

int main(int argc, char** argv) {
    struct hooks hooks;
    rq_allocator allocator = RQ_ALLOCATOR_INIT;
    rq_executor executor = RQ_EXECUTOR_INIT;
    rq_model_options options = RQ_MODEL_OPTIONS_INIT;
    rq_model* model = NULL;
    rq_session* session = NULL;
    if (argc != 3) return 2;
    memset(&hooks, 0, sizeof hooks);
    sources(&hooks);
    allocator.alloc = on_alloc;
    allocator.release = on_release;
    allocator.user = &hooks;
    executor.concurrency = 5;
    executor.run = on_run;
    executor.user = &hooks;
    options.threads = 3;
    options.isa = "portable, and more";
    options.isa_len = 8;
    options.log = on_log;
    options.log_user = &hooks;
    options.allocator = &allocator;
    options.executor = &executor;
    model = open_model(argv[1], &options);
    memset(&allocator, 0xa5, sizeof allocator); /* both were copied */
    memset(&options, 0xa5, sizeof options);
    sizes(model);
    tales(model);
    prompt(model);
    CHECK(hooks.allocations > 0 && hooks.runs > 0);
    operations(&hooks, &executor);
    rq_model_free(model);
    CHECK(hooks.bytes == 0);
    {
        rq_model_options headers = RQ_MODEL_OPTIONS_INIT;
        headers.headers_only = 1;
        model = open_model(argv[1], &headers);
        CHECK(rq_session_create(model, NULL, &session, &err) == RQ_ERR_WRONG_STATE && session == NULL);
        rq_model_free(model);
    }
    files(argv[1], argv[2]);
    return 0;
}
