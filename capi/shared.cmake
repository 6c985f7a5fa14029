# The shared library, which shows what rorqual.map names.
add_library(rorqual_c SHARED $<TARGET_OBJECTS:rorqual_c_objects>)
add_library(rorqual::rorqual ALIAS rorqual_c)
target_link_libraries(rorqual_c PRIVATE rorqual)
target_include_directories(rorqual_c INTERFACE ${rq_c_include})
set_target_properties(rorqual_c PROPERTIES OUTPUT_NAME rorqual EXPORT_NAME rorqual LINKER_LANGUAGE CXX
                      VERSION 1 SOVERSION 1   # the major version of the ABI, whatever the version of the library
                      LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/rorqual.map)
if(CMAKE_SYSTEM_NAME MATCHES "Linux|Android|FreeBSD")
  # 16 KB segments: Android and arm64 kernels with large pages load nothing else.
  target_link_options(rorqual_c PRIVATE
    LINKER:--version-script=${CMAKE_CURRENT_SOURCE_DIR}/rorqual.map
    LINKER:-z,relro,-z,now,-z,noexecstack,-z,max-page-size=16384
    LINKER:-Bsymbolic-functions,--as-needed)
  if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")   # a sanitizer's symbols are in the program, not in a library
    target_link_options(rorqual_c PRIVATE LINKER:--no-undefined)
  endif()
endif()
