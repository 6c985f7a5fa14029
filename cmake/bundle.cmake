# What the library stands on, from one folder instead of from the machine (RORQUAL_BUNDLE; `./dev bundle` lays one out): headers in include/,
# and the sources of PCRE2, utf8proc and xxHash, which become parts of the library. So a compiler is enough, for any machine.
function(rq_bundled_headers target)
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${ARGN}")
endfunction()

# Objects become parts of the library. A program that takes a folder of src/ alone, as some tests do, gets them from an archive beside it.
function(rq_bundled_objects name target)
  add_library(${name} OBJECT ${ARGN})
  add_library(${name}_archive STATIC EXCLUDE_FROM_ALL $<TARGET_OBJECTS:${name}>)
  set_target_properties(${name}_archive PROPERTIES LINKER_LANGUAGE C)
  set_property(TARGET ${target} APPEND PROPERTY INTERFACE_LINK_LIBRARIES $<LINK_ONLY:${name}_archive>)
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
  target_compile_options(${name} PRIVATE -w)   # theirs to heed
  set_property(GLOBAL APPEND PROPERTY RQ_FOLDERS ${name})
endfunction()

if(NOT EXISTS ${RORQUAL_BUNDLE}/include/nlohmann/json.hpp)
  message(FATAL_ERROR "RORQUAL_BUNDLE: ${RORQUAL_BUNDLE} holds no include/nlohmann/json.hpp; ./dev bundle lays such a folder out")
endif()
rq_bundled_headers(nlohmann_json::nlohmann_json ${RORQUAL_BUNDLE}/include)
rq_bundled_headers(Eigen3::Eigen ${RORQUAL_BUNDLE}/include/eigen3)
rq_bundled_headers(CLI11::CLI11 ${RORQUAL_BUNDLE}/include)
rq_bundled_headers(Catch2::Catch2 ${RORQUAL_BUNDLE}/include)

rq_bundled_headers(PkgConfig::xxhash ${RORQUAL_BUNDLE}/xxhash)
rq_bundled_objects(rorqual_xxhash PkgConfig::xxhash ${RORQUAL_BUNDLE}/xxhash/xxhash.c)

rq_bundled_headers(PkgConfig::utf8proc ${RORQUAL_BUNDLE}/utf8proc)
set_target_properties(PkgConfig::utf8proc PROPERTIES INTERFACE_COMPILE_DEFINITIONS UTF8PROC_STATIC)
rq_bundled_objects(rorqual_utf8proc PkgConfig::utf8proc ${RORQUAL_BUNDLE}/utf8proc/utf8proc.c)
target_compile_definitions(rorqual_utf8proc PRIVATE UTF8PROC_STATIC)

# PCRE2 comes with the files that its configuration would make, under other names.
set(pcre2 ${CMAKE_BINARY_DIR}/pcre2)
foreach(made config.h=config.h.generic pcre2.h=pcre2.h.generic pcre2_chartables.c=pcre2_chartables.c.dist)
  string(REGEX MATCH "^[^=]+" name ${made})
  string(REGEX MATCH "[^=]+$" from ${made})
  configure_file(${RORQUAL_BUNDLE}/pcre2/src/${from} ${pcre2}/${name} COPYONLY)
endforeach()
rq_bundled_headers(PkgConfig::pcre2 ${pcre2})
set_target_properties(PkgConfig::pcre2 PROPERTIES INTERFACE_COMPILE_DEFINITIONS PCRE2_STATIC)
set(units "")
foreach(unit auto_possess compile config context convert dfa_match error extuni find_bracket jit_compile maketables match match_data newline
        ord2utf pattern_info script_run serialize string_utils study substitute substring tables ucd valid_utf xclass)
  list(APPEND units ${RORQUAL_BUNDLE}/pcre2/src/pcre2_${unit}.c)
endforeach()
rq_bundled_objects(rorqual_pcre2 PkgConfig::pcre2 ${units} ${pcre2}/pcre2_chartables.c)
target_include_directories(rorqual_pcre2 PRIVATE ${pcre2} ${RORQUAL_BUNDLE}/pcre2/src)
target_compile_definitions(rorqual_pcre2 PRIVATE PCRE2_STATIC HAVE_CONFIG_H PCRE2_CODE_UNIT_WIDTH=8 SUPPORT_UNICODE)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|aarch64|arm64")
  target_compile_definitions(rorqual_pcre2 PRIVATE SUPPORT_JIT)
endif()

set(RQ_BUNDLED PkgConfig::xxhash PkgConfig::utf8proc PkgConfig::pcre2)   # compiled in: nobody who links the library needs them
