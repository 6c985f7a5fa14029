# A C++20 library for Emscripten: Debian's brings libc++ 13, which has no std::pmr and no std::ranges::sort. Everything is compiled with
# the headers of a later one, whose sources lie in the bundle, and it becomes a part of the library. The rest (exceptions, allocation,
# C library) is Emscripten's own.
set(libcxx ${RORQUAL_BUNDLE}/libcxx)
if(NOT EXISTS ${libcxx}/libcxx/include/memory_resource)
  message(FATAL_ERROR "RORQUAL_BUNDLE: ${RORQUAL_BUNDLE} holds no libcxx/; ./dev bundle wasm lays it out")
endif()
file(CONFIGURE OUTPUT libcxx/__config_site CONTENT "#pragma once
#define _LIBCPP_ABI_VERSION 1
#define _LIBCPP_ABI_NAMESPACE __1
#define _LIBCPP_HAS_MUSL_LIBC
#define _LIBCPP_HAS_THREAD_API_PTHREAD
#define _LIBCPP_DISABLE_VISIBILITY_ANNOTATIONS
#define _LIBCPP_HAS_NO_VENDOR_AVAILABILITY_ANNOTATIONS
#define _LIBCPP_ENABLE_ASSERTIONS_DEFAULT 0
")
set(libcxx_flags -nostdinc++ "SHELL:-isystem ${CMAKE_BINARY_DIR}/libcxx" "SHELL:-isystem ${libcxx}/libcxx/include" "SHELL:-isystem ${libcxx}/libcxxabi/include")
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${libcxx_flags}>")

file(GLOB units ${libcxx}/libcxx/src/*.cpp ${libcxx}/libcxx/src/filesystem/*.cpp ${libcxx}/libcxx/src/ryu/*.cpp)
list(FILTER units EXCLUDE REGEX "zos|win32|int128|debug|legacy")
add_library(rorqual_libcxx OBJECT ${units})
target_compile_features(rorqual_libcxx PRIVATE cxx_std_20)
target_include_directories(rorqual_libcxx PRIVATE ${libcxx}/libcxx/src)
target_compile_definitions(rorqual_libcxx PRIVATE LIBCXX_BUILDING_LIBCXXABI=1 _LIBCPP_BUILDING_LIBRARY)
target_compile_options(rorqual_libcxx PRIVATE -w)   # theirs to heed
set_property(GLOBAL APPEND PROPERTY RQ_FOLDERS rorqual_libcxx)
