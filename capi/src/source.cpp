#include "rorqual/source.hpp"

#include <string>

#include "arguments.hpp"
#include "boundary.hpp"
#include "handles.hpp"

using namespace rorqual;
using namespace rorqual::capi;

int32_t rq_source_create_path(const char* path, size_t path_len, rq_source** out, rq_error* err) {
    return boundary(err, [&] {
        auto*& made = result(out, "out");
        made = new rq_source{Source::path(path_argument(path, path_len, "path"))};
    });
}

int32_t rq_source_create_files(rq_source** out, rq_error* err) {
    return boundary(err, [&] {
        auto*& made = result(out, "out");  // before anything is made: an assignment evaluates its right side first
        made = new rq_source{Source::files()};
    });
}

int32_t rq_source_add_fd(rq_source* source, const char* name, size_t name_len, int32_t fd, uint64_t offset, uint64_t length,
                         rq_error* err) {
    return boundary(err, [&] {
        required(source, "source").source.add_descriptor(text(name, name_len, "name"), fd, offset, length);
    });
}

int32_t rq_source_add_memory(rq_source* source, const char* name, size_t name_len, const void* data, size_t size, rq_error* err) {
    return boundary(err, [&] {
        required(source, "source")
            .source.add_memory(text(name, name_len, "name"), array(static_cast<const std::byte*>(data), size, "data"));
    });
}

int32_t rq_source_add_callbacks(rq_source* source, const char* name, size_t name_len, uint64_t length, rq_read_fn read, void* user,
                                rq_error* err) {
    return boundary(err, [&] {
        auto& files = required(source, "source").source;
        const auto as = text(name, name_len, "name");
        if (read == nullptr) refuse("read", "NULL");
        files.add_callback(as, length, [read, user](std::uint64_t offset, std::span<std::byte> out) {
            return read(offset, out.data(), out.size(), user) == 0;
        });
    });
}

void rq_source_free(rq_source* source) { delete source; }
