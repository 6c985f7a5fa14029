# Everything the library stands on, found on the machine and never downloaded. Debian names: packages.txt.
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.9 REQUIRED)
find_package(Eigen3 3.3 REQUIRED NO_MODULE)
find_package(PkgConfig REQUIRED)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(pcre2 REQUIRED IMPORTED_TARGET libpcre2-8)

# oneDNN by its header and library, not by its package file: that one demands the OpenCL development files as well,
# which nothing here uses.
if(RORQUAL_ONEDNN AND NOT TARGET DNNL::dnnl)
  find_path(RORQUAL_DNNL_INCLUDE oneapi/dnnl/dnnl.hpp)
  find_library(RORQUAL_DNNL_LIBRARY dnnl)
  mark_as_advanced(RORQUAL_DNNL_INCLUDE RORQUAL_DNNL_LIBRARY)
  if(RORQUAL_DNNL_INCLUDE AND RORQUAL_DNNL_LIBRARY)
    add_library(DNNL::dnnl UNKNOWN IMPORTED)
    set_target_properties(DNNL::dnnl PROPERTIES
      IMPORTED_LOCATION "${RORQUAL_DNNL_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${RORQUAL_DNNL_INCLUDE}")
  endif()
endif()

if(RORQUAL_TESTS)
  find_package(Catch2 2.13 REQUIRED)
endif()
if(RORQUAL_EXAMPLES)
  find_package(CLI11 2 REQUIRED)
endif()
if(RORQUAL_BENCH)
  find_package(benchmark REQUIRED)
endif()
