# Does what the port of cmake/packaging/vcpkg says, with functions that stand for vcpkg's and fail as they would.
#   PACKAGES  where the package goes    WORK  where it is built
cmake_policy(VERSION 3.22)
set(CURRENT_PACKAGES_DIR ${PACKAGES})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "failed: ${ARGN}")
  endif()
endfunction()

macro(vcpkg_find_acquire_program name)
  find_program(${name} pkg-config REQUIRED)
endmacro()

function(vcpkg_cmake_configure)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "SOURCE_PATH" "OPTIONS")
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "vcpkg_cmake_configure does not know ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  run(${CMAKE_COMMAND} -S ${ARG_SOURCE_PATH} -B ${WORK} -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=${PACKAGES}
      -DCMAKE_INSTALL_LIBDIR=lib ${ARG_OPTIONS})
endfunction()

function(vcpkg_cmake_install)
  run(${CMAKE_COMMAND} --build ${WORK})
  run(${CMAKE_COMMAND} --install ${WORK})
endfunction()

# Files by which CMake finds packages go to share/.
function(vcpkg_cmake_config_fixup)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "PACKAGE_NAME;CONFIG_PATH" "")
  if(NOT EXISTS ${PACKAGES}/${ARG_CONFIG_PATH}/${ARG_PACKAGE_NAME}Config.cmake)
    message(FATAL_ERROR "CONFIG_PATH: ${ARG_CONFIG_PATH} holds no ${ARG_PACKAGE_NAME}Config.cmake")
  endif()
endfunction()

function(vcpkg_fixup_pkgconfig)
  if(NOT EXISTS ${PACKAGES}/lib/pkgconfig/rorqual.pc)
    message(FATAL_ERROR "lib/pkgconfig/rorqual.pc was not installed")
  endif()
endfunction()

function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "" "FILE_LIST")
  file(MAKE_DIRECTORY ${PACKAGES}/share/rorqual)
  configure_file(${ARG_FILE_LIST} ${PACKAGES}/share/rorqual/copyright COPYONLY)
endfunction()

include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/packaging/vcpkg/rorqual/portfile.cmake)
