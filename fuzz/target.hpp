#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "rorqual/error.hpp"

/// What libFuzzer calls with each input; replay.cpp calls it with the files of the corpus.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace rorqual::fuzz {

/// A promise that no input may break. Ends the process: that is how a fuzzer learns of it.
inline void promise(bool kept) {
    if (!kept) std::abort();
}

/// Calls `parse` with the input. Refusing it with an Error is right; anything else that is thrown ends the process.
template <class Parse>
int try_on(const std::uint8_t* data, std::size_t size, Parse&& parse) {
    try {
        parse(std::as_bytes(std::span(data, size)));
    } catch (const Error& error) {
        promise(error.status() == Status::corrupt || error.status() == Status::unsupported || error.status() == Status::not_found);
        promise(*error.what() != '\0');
    }
    return 0;
}

/// The same for text that comes as an argument.
template <class Parse>
int try_on_argument(const std::uint8_t* data, std::size_t size, Parse&& parse) {
    try {
        parse(std::string_view(reinterpret_cast<const char*>(data), size));
    } catch (const Error& error) {
        promise(error.status() == Status::invalid_argument || error.status() == Status::unsupported);
        promise(*error.what() != '\0');
    }
    return 0;
}

}  // namespace rorqual::fuzz
