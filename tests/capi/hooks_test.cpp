// The host's memory, threads and log in the library's hands.
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <regex>
#include <thread>

#include "capi/support.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual::test;

namespace {

// Counts what the library takes and gives back, and can refuse the n-th request.
class CountingAllocator {
 public:
    rq_allocator hook() {
        rq_allocator a = RQ_ALLOCATOR_INIT;
        a.user = this;
        a.alloc = [](std::size_t size, std::size_t alignment, void* user) -> void* {
            return static_cast<CountingAllocator*>(user)->alloc(size, alignment);
        };
        a.release = [](void* memory, std::size_t size, std::size_t alignment, void* user) {
            static_cast<CountingAllocator*>(user)->release(memory, size, alignment);
        };
        return a;
    }

    [[nodiscard]] std::size_t requests() const { return requests_; }
    [[nodiscard]] std::size_t bytes_out() const { return bytes_out_; }
    [[nodiscard]] std::size_t blocks_out() const { return blocks_.size(); }
    [[nodiscard]] std::size_t most_bytes() const { return most_bytes_; }
    [[nodiscard]] bool misused() const { return misused_; }

    std::size_t refuse_from = SIZE_MAX;  // index of the first request that is refused
    std::size_t refuse_count = 0;        // how many from there on

 private:
    struct Block {
        std::size_t size, alignment;
    };

    void* alloc(std::size_t size, std::size_t alignment) {
        const std::lock_guard lock(mutex_);
        const std::size_t index = requests_++;
        if (index >= refuse_from && index - refuse_from < refuse_count) return nullptr;
        void* memory = std::aligned_alloc(std::max(alignment, sizeof(void*)), (size + alignment - 1) / alignment * alignment);
        blocks_[memory] = {size, alignment};
        bytes_out_ += size;
        most_bytes_ = std::max(most_bytes_, bytes_out_);
        return memory;
    }
    void release(void* memory, std::size_t size, std::size_t alignment) {
        const std::lock_guard lock(mutex_);
        const auto found = blocks_.find(memory);
        if (found == blocks_.end() || found->second.size != size || found->second.alignment != alignment) {
            misused_ = true;
            return;
        }
        blocks_.erase(found);
        bytes_out_ -= size;
        std::free(memory);
    }

    std::mutex mutex_;
    std::map<void*, Block> blocks_;
    std::size_t requests_ = 0, bytes_out_ = 0, most_bytes_ = 0;
    bool misused_ = false;
};

// Beside cache and scratch, a session keeps the list of its pages.
constexpr std::size_t page_lists = 16 * 1024;

// A whole life on one allocator: open, evaluate, fork, generate. Returns the first status that is not RQ_OK.
std::int32_t live(CountingAllocator& memory, rq_error* err) {
    const rq_allocator hook = memory.hook();
    rq_model_options model_options = RQ_MODEL_OPTIONS_INIT;
    model_options.allocator = &hook;
    model_options.threads = 2;
    rq_model* model = nullptr;
    std::int32_t status = rq_model_open(source_of(tale_folder()).get(), &model_options, &model, err);
    const ModelHandle m(model);
    if (status != RQ_OK) return status;
    rq_session_options options = RQ_SESSION_OPTIONS_INIT;
    options.context = 300;
    rq_session* session = nullptr;
    status = rq_session_create(model, &options, &session, err);
    const SessionHandle s(session);
    if (status != RQ_OK) return status;
    std::vector<std::int32_t> prompt(150, 17);
    status = rq_session_append(session, prompt.data(), prompt.size(), nullptr, 0, err);
    if (status != RQ_OK) return status;
    rq_session* fork = nullptr;
    status = rq_session_fork(session, &fork, err);
    const SessionHandle f(fork);
    if (status != RQ_OK) return status;
    rq_generation* generation = nullptr;
    status = rq_generation_create(fork, nullptr, &generation, err);
    const GenerationHandle g(generation);
    rq_piece piece = RQ_PIECE_INIT;
    for (int i = 0; i < 3 && status == RQ_OK; ++i) status = rq_generation_next(generation, &piece, err);
    return status;
}

// Runs tasks from the last to the first, on two threads.
struct BackwardsExecutor {
    std::atomic<int> runs{0};
    std::int32_t answer = 0;
    rq_executor hook() {
        rq_executor e = RQ_EXECUTOR_INIT;
        e.concurrency = 2;
        e.user = this;
        e.run = [](std::size_t count, rq_task_fn task, void* context, void* user) -> std::int32_t {
            auto& self = *static_cast<BackwardsExecutor*>(user);
            ++self.runs;
            if (self.answer != 0) return self.answer;
            std::atomic<std::size_t> next{count};
            const auto work = [&] {
                for (std::size_t i; (i = next.fetch_sub(1)) != 0 && i <= count;) task(context, i - 1);
            };
            std::thread other(work);
            work();
            other.join();
            return 0;
        };
        return e;
    }
};

}  // namespace

TEST_CASE("all that is taken from the host's allocator is given back, with its size and alignment", "[capi][hooks]") {
    CountingAllocator memory;
    Err err;
    must(live(memory, &err), err);
    CHECK(memory.requests() > 0);
    CHECK(memory.blocks_out() == 0);
    CHECK(memory.bytes_out() == 0);
    CHECK_FALSE(memory.misused());
}

TEST_CASE("a session's cache and scratch come from the host's allocator, as the plan says", "[capi][hooks]") {
    CountingAllocator memory;
    const rq_allocator hook = memory.hook();
    rq_model_options model_options = RQ_MODEL_OPTIONS_INIT;
    model_options.allocator = &hook;
    const auto model = open_model(tale_folder(), &model_options);
    const std::size_t before = memory.bytes_out();
    rq_session_options options = RQ_SESSION_OPTIONS_INIT;
    options.context = 256;
    rq_plan plan = RQ_PLAN_INIT;
    Err err;
    must(rq_model_plan(model.get(), &options, &plan, &err), err);
    const auto session = session_on(model.get(), &options);
    append(session.get(), std::vector<std::int32_t>(256, 17));
    CHECK(memory.bytes_out() - before >= 256 * plan.cache_per_token_bytes);
    CHECK(memory.bytes_out() - before <= plan.cache_bytes + plan.scratch_bytes + page_lists);
}

TEST_CASE("each allocation that the host refuses, once or for ever, gives RQ_ERR_NO_MEMORY and loses nothing", "[capi][hooks]") {
    CountingAllocator counted;
    Err err;
    must(live(counted, &err), err);
    for (std::size_t refused = 0; refused < counted.requests(); ++refused) {
        for (const std::size_t count : {std::size_t{1}, SIZE_MAX}) {
            CAPTURE(refused, count);
            CountingAllocator memory;
            memory.refuse_from = refused;
            memory.refuse_count = count;
            CHECK(live(memory, &err) == RQ_ERR_NO_MEMORY);
            CHECK(std::string(err.message).size() > 5);
            CHECK(memory.blocks_out() == 0);
            CHECK_FALSE(memory.misused());
        }
    }
}

TEST_CASE("an evaluation that finds no memory leaves a session that goes on correctly", "[capi][hooks]") {
    CountingAllocator memory;
    const rq_allocator hook = memory.hook();
    rq_model_options model_options = RQ_MODEL_OPTIONS_INIT;
    model_options.allocator = &hook;
    const auto model = open_model(tale_folder(), &model_options);
    const auto session = small_session(model.get());
    std::vector<std::int32_t> ids(140);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(i * 29 % 4096);
    append(session.get(), {ids.begin(), ids.begin() + 20});
    memory.refuse_from = memory.requests();
    memory.refuse_count = SIZE_MAX;
    Err err;
    const std::int32_t status = rq_session_append(session.get(), ids.data() + 20, 120, nullptr, 0, &err);
    CHECK((status == RQ_ERR_NO_MEMORY || status == RQ_OK));  // OK where all was taken when the session was made
    memory.refuse_from = SIZE_MAX;
    must(rq_session_sync(session.get(), ids.data(), ids.size(), nullptr, nullptr, &err), err);
    const auto fresh = small_session();
    append(fresh.get(), ids);
    CHECK(logits_of(session.get()) == logits_of(fresh.get()));
}

TEST_CASE("memory that is not aligned as asked is refused and given back", "[capi][hooks]") {
    static std::size_t taken = 0, given = 0;
    taken = given = 0;
    rq_allocator hook = RQ_ALLOCATOR_INIT;
    hook.alloc = [](std::size_t size, std::size_t, void*) -> void* {
        ++taken;
        return static_cast<char*>(std::malloc(size + 1)) + 1;
    };
    hook.release = [](void* memory, std::size_t, std::size_t, void*) {
        ++given;
        std::free(static_cast<char*>(memory) - 1);
    };
    rq_model_options options = RQ_MODEL_OPTIONS_INIT;
    options.allocator = &hook;
    rq_model* model = nullptr;
    Err err;
    std::int32_t status = rq_model_open(source_of(tale_folder()).get(), &options, &model, &err);
    rq_session* session = nullptr;
    if (status == RQ_OK) status = rq_session_create(model, nullptr, &session, &err);
    const std::int32_t id = 5;
    if (status == RQ_OK) status = rq_session_append(session, &id, 1, nullptr, 0, &err);
    CHECK(status == RQ_ERR_CALLBACK);
    CHECK(err.says("aligned"));
    rq_session_free(session);
    rq_model_free(model);
    CHECK(taken > 0);
    CHECK(taken == given);
}

TEST_CASE("results on the host's threads are those of the library's own", "[capi][hooks]") {
    BackwardsExecutor executor;
    const rq_executor hook = executor.hook();
    rq_model_options options = RQ_MODEL_OPTIONS_INIT;
    options.executor = &hook;
    const auto model = open_model(tale_folder(), &options);
    const std::vector<std::int32_t> ids = prompt_ids("There was once a king who had three sons");
    const auto lent = small_session(model.get());
    const auto own = small_session();
    append(lent.get(), ids);
    append(own.get(), ids);
    CHECK(executor.runs > 0);
    CHECK(logits_of(lent.get()) == logits_of(own.get()));
}

TEST_CASE("an executor that fails gives RQ_ERR_CALLBACK, and the session goes on correctly", "[capi][hooks]") {
    BackwardsExecutor executor;
    const rq_executor hook = executor.hook();
    rq_model_options options = RQ_MODEL_OPTIONS_INIT;
    options.executor = &hook;
    const auto model = open_model(tale_folder(), &options);
    const auto session = small_session(model.get());
    const auto ids = prompt_ids("There was once a king who had three sons");
    executor.answer = 11;
    Err err;
    CHECK(rq_session_append(session.get(), ids.data(), ids.size(), nullptr, 0, &err) == RQ_ERR_CALLBACK);
    CHECK(err.says("11"));
    executor.answer = 0;
    must(rq_session_sync(session.get(), ids.data(), ids.size(), nullptr, nullptr, &err), err);
    const auto own = small_session();
    append(own.get(), ids);
    CHECK(logits_of(session.get()) == logits_of(own.get()));
}

TEST_CASE("hooks without their functions are refused", "[capi][hooks]") {
    const auto refused = [](const rq_model_options& options, const char* part) {
        rq_model* model = nullptr;
        Err err;
        CHECK(rq_model_open(source_of(tale_folder()).get(), &options, &model, &err) == RQ_ERR_INVALID_ARGUMENT);
        CAPTURE(err.message);
        CHECK(err.says(part));
        CHECK(model == nullptr);
    };
    CountingAllocator memory;
    BackwardsExecutor executor;
    rq_allocator a = memory.hook();
    rq_executor e = executor.hook();
    rq_model_options options = RQ_MODEL_OPTIONS_INIT;
    options.allocator = &a;
    a.alloc = nullptr;
    refused(options, "alloc");
    a = memory.hook();
    a.release = nullptr;
    refused(options, "release");
    a = memory.hook();
    a.reserved = 1;
    refused(options, "reserved");
    options = RQ_MODEL_OPTIONS_INIT;
    options.executor = &e;
    e.concurrency = 0;
    refused(options, "concurrency");
    e = executor.hook();
    e.run = nullptr;
    refused(options, "run");
}

TEST_CASE("notices go to the host's log, one line each", "[capi][hooks]") {
    struct Lines {
        std::vector<std::string> lines;
        bool levels_known = true;
    } log;
    rq_model_options options = RQ_MODEL_OPTIONS_INIT;
    options.log_user = &log;
    options.log = [](std::int32_t level, const char* line, std::size_t size, void* user) {
        auto& l = *static_cast<Lines*>(user);
        l.lines.emplace_back(line, size);
        l.levels_known = l.levels_known && level >= RQ_LOG_ERROR && level <= RQ_LOG_DEBUG;
    };
    // A checkpoint that gives cause: its tokenizer knows one token more than the model.
    const TempFolder folder;
    for (const char* name : {"config.json", "model.safetensors"}) std::filesystem::create_symlink(tale_folder() / name, folder / name);
    std::ifstream in(tale_folder() / "tokenizer.json", std::ios::binary);
    std::string json{std::istreambuf_iterator<char>(in), {}};
    const std::string added = "\"added_tokens\":[";
    json = std::regex_replace(json, std::regex(R"("added_tokens"\s*:\s*\[)"), added + R"({"id": 4096, "content": "<one-more>", "special": true,
        "single_word": false, "lstrip": false, "rstrip": false, "normalized": false},)");
    REQUIRE(json.find(added) != std::string::npos);
    folder.write("tokenizer.json", json);

    const auto model = open_model(folder.path(), &options);
    CHECK(log.levels_known);
    CHECK_FALSE(log.lines.empty());
    for (const auto& line : log.lines) {
        CAPTURE(line);
        CHECK_FALSE(line.empty());
        CHECK(line.find('\n') == std::string::npos);
    }
}
