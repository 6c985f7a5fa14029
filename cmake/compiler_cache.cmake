# Recompiling what was compiled before is left to ccache where it is installed. The two liberties are what ccache needs to
# serve units with a precompiled header; nothing here depends on __DATE__ or __TIME__. Paths are hashed as relative ones, so that every
# clone of this tree profits from the others.
find_program(RORQUAL_CCACHE ccache)
get_filename_component(root ${CMAKE_CURRENT_LIST_DIR} DIRECTORY)
if(RORQUAL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${RORQUAL_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros
      CCACHE_BASEDIR=${root} CCACHE_NOHASHDIR=true ${RORQUAL_CCACHE})
endif()
