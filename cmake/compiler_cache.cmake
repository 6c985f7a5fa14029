# Recompiling what was compiled before is left to ccache where it is installed. The two liberties are what ccache needs to
# serve units with a precompiled header; nothing here depends on __DATE__ or __TIME__.
find_program(RORQUAL_CCACHE ccache)
if(RORQUAL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${RORQUAL_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${RORQUAL_CCACHE})
endif()
