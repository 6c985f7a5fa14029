# What `cmake --install` leaves: the C library, shared and static, the headers of both languages, and the files by which
# CMake (find_package(rorqual)) and pkg-config find them. An installed tree may be moved as a whole. In three components: what programs
# run with (library), what they are built with (development), the rorqual program (tools).
include(CMakePackageConfigHelpers)

set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME development)
install(TARGETS rorqual_c rorqual_c_static rorqual_cpp_static EXPORT rorqual
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library NAMELINK_COMPONENT development
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT library INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/rorqual DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(DIRECTORY capi/include/rorqual DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

set(rq_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/rorqual)
install(EXPORT rorqual NAMESPACE rorqual:: DESTINATION ${rq_cmake_dir} FILE rorqualTargets.cmake)
set(rq_needs_dnnl FALSE)
set(rq_dnnl_flag "")
set(rq_pc_requires "libpcre2-8 libutf8proc libxxhash")
if(RQ_BUNDLED)
  set(rq_pc_requires "")
endif()
if(TARGET DNNL::dnnl)
  set(rq_needs_dnnl TRUE)
  set(rq_dnnl_flag -ldnnl)
endif()
configure_package_config_file(cmake/rorqualConfig.cmake.in rorqualConfig.cmake INSTALL_DESTINATION ${rq_cmake_dir})
# 0.x: a minor version may change what programs are compiled against.
write_basic_package_version_file(rorqualConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rorqualConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/rorqualConfigVersion.cmake cmake/onednn.cmake
        DESTINATION ${rq_cmake_dir})

file(RELATIVE_PATH rq_pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)   # from the .pc file to the prefix
configure_file(cmake/rorqual.pc.in rorqual.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rorqual.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(PROJECT_IS_TOP_LEVEL)
  include(cmake/packaging/deb.cmake)
endif()
