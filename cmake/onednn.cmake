# DNNL::dnnl, where oneDNN is installed: found by its header and library, not by its package file, since that one demands the
# OpenCL development files as well, which nothing here uses.
if(NOT TARGET DNNL::dnnl)
  find_path(RORQUAL_DNNL_INCLUDE oneapi/dnnl/dnnl.hpp)
  find_library(RORQUAL_DNNL_LIBRARY dnnl)
  mark_as_advanced(RORQUAL_DNNL_INCLUDE RORQUAL_DNNL_LIBRARY)
  if(RORQUAL_DNNL_INCLUDE AND RORQUAL_DNNL_LIBRARY)
    add_library(DNNL::dnnl UNKNOWN IMPORTED)
    set_target_properties(DNNL::dnnl PROPERTIES
      IMPORTED_LOCATION "${RORQUAL_DNNL_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${RORQUAL_DNNL_INCLUDE}")
  endif()
endif()
