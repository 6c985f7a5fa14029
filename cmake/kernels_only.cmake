# The packed products of src/panels and what they stand on, with their tests: nothing else, and no library but the header Catch2, so
# that a cross compiler and an emulator are enough to try an instruction set that this machine lacks.
find_package(Threads REQUIRED)
find_path(catch2_folder catch2/catch.hpp PATHS /usr/include NO_DEFAULT_PATH REQUIRED)
file(COPY ${catch2_folder}/catch2 DESTINATION ${CMAKE_BINARY_DIR}/include)   # alone: the folder's other headers are this machine's
add_library(Catch2::Catch2 INTERFACE IMPORTED)
set_target_properties(Catch2::Catch2 PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${CMAKE_BINARY_DIR}/include)

set(RQ_SOURCE_FOLDERS base quant cpu panels)
set(RQ_TEST_FOLDERS cpu panels)
add_subdirectory(src)
enable_testing()
add_subdirectory(tests)
