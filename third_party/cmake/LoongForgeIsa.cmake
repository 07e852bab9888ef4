# SPDX-License-Identifier: Apache-2.0
# lf_isa_sources(TARGET a.isa.cpp b.isa.cpp …): compiles each source once per instruction set, LF_ISA naming the set.
# One target holds all the objects: a wrapper per source and set includes the source, with that set's flags.
set(LF_ISA_FLAGS_portable "")
set(LF_ISA_FLAGS_avx2 -march=x86-64-v3)
set(LF_ISA_FLAGS_avx512 -march=x86-64-v4 -mprefer-vector-width=512)
set(LF_ISA_FLAGS_avx512_bf16
  -march=x86-64-v4 -mavx512bf16 -mavx512vbmi -mtune=icelake-server -mprefer-vector-width=512)
set(LF_ISA_SETS portable)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  list(APPEND LF_ISA_SETS avx2 avx512 avx512_bf16)
endif()

# GCC 12 warns of its own intrinsics' deliberately undefined values.
set(LF_ISA_COMMON -O3 -fno-math-errno -fno-trapping-math -ffp-contract=fast
  $<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)

function(lf_isa_sources target)
  foreach(source IN LISTS ARGN)
    get_filename_component(name "${source}" NAME)
    string(REPLACE ".isa.cpp" "" name "${name}")
    foreach(isa IN LISTS LF_ISA_SETS)
      set(wrapper "${CMAKE_CURRENT_BINARY_DIR}/${name}.${isa}.cpp")
      file(CONFIGURE OUTPUT "${wrapper}" CONTENT "#include \"${source}\"\n")
      set_source_files_properties("${wrapper}" PROPERTIES
        COMPILE_DEFINITIONS "LF_ISA=${isa};LF_ISA_NAME=\"${isa}\""
        COMPILE_OPTIONS "${LF_ISA_COMMON};${LF_ISA_FLAGS_${isa}}")
      target_sources(${target} PRIVATE "${wrapper}")
    endforeach()
  endforeach()
endfunction()
