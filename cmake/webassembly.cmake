# WebAssembly by Emscripten: the archive for C, the page and the program of examples/web, and their tests. One thread.
set(CMAKE_C_COMPILE_OPTIONS_PIC "")   # one module, linked once
set(CMAKE_CXX_COMPILE_OPTIONS_PIC "")
include(cmake/emscripten_libcxx.cmake)
include(cmake/dependencies.cmake)
add_subdirectory(src)
add_subdirectory(capi)
add_subdirectory(examples/web)
enable_testing()
add_subdirectory(tests/web)
