# SPDX-License-Identifier: Apache-2.0
# Finds LibTorch without its own CMake package (which drags in CUDA, Caffe2 and a protobuf).
#
# Input:  TORCH_DIR, a folder holding include/ and lib/ (an unpacked LibTorch, or `torch/` of a wheel).
#         LF_TORCH_OVERLAY, where to lay the folder of links (default: the build folder).
# Output: LibTorch::cpu   libtorch_cpu + libc10, headers as SYSTEM
#         LibTorch::cuda  the same plus libtorch_cuda + libc10_cuda, when that LibTorch has them
#
# The wheel ships its own copies of fmt, google/ and pybind11/ in include/, which clash with the system's. The
# overlay links every other entry of include/, and is what the compiler sees.
if(NOT TORCH_DIR AND DEFINED ENV{TORCH_DIR})
  set(TORCH_DIR "$ENV{TORCH_DIR}")
endif()
if(NOT TORCH_DIR OR NOT EXISTS "${TORCH_DIR}/include/ATen/core/Tensor.h")
  set(LibTorch_FOUND FALSE)
  if(LibTorch_FIND_REQUIRED)
    message(FATAL_ERROR "LibTorch not found (TORCH_DIR='${TORCH_DIR}'). Run tools/setup.sh, or pass "
      "-DTORCH_DIR=<folder with include/ and lib/ of LibTorch 2.9 or newer>.")
  endif()
  return()
endif()
if(NOT LF_TORCH_OVERLAY)
  set(LF_TORCH_OVERLAY "${CMAKE_BINARY_DIR}/torch-headers")
endif()
file(MAKE_DIRECTORY "${LF_TORCH_OVERLAY}")
file(GLOB _torch_entries RELATIVE "${TORCH_DIR}/include" "${TORCH_DIR}/include/*")
foreach(_entry IN LISTS _torch_entries)
  if(NOT _entry MATCHES "^(fmt|google|pybind11)$")
    file(CREATE_LINK "${TORCH_DIR}/include/${_entry}" "${LF_TORCH_OVERLAY}/${_entry}" SYMBOLIC)
  endif()
endforeach()
find_library(LF_TORCH_CPU_LIB torch_cpu PATHS "${TORCH_DIR}/lib" NO_DEFAULT_PATH REQUIRED)
find_library(LF_C10_LIB c10 PATHS "${TORCH_DIR}/lib" NO_DEFAULT_PATH REQUIRED)
# The OpenMP runtime of this LibTorch: its own copy, or the system's.
file(GLOB LF_TORCH_OPENMP_LIB "${TORCH_DIR}/lib/libgomp*.so*" "${TORCH_DIR}/lib/libiomp5.so")
if(LF_TORCH_OPENMP_LIB)
  list(GET LF_TORCH_OPENMP_LIB 0 LF_TORCH_OPENMP_LIB)
else()
  set(LF_TORCH_OPENMP_LIB gomp)
endif()
find_library(LF_TORCH_CUDA_LIB torch_cuda PATHS "${TORCH_DIR}/lib" NO_DEFAULT_PATH)
find_library(LF_C10_CUDA_LIB c10_cuda PATHS "${TORCH_DIR}/lib" NO_DEFAULT_PATH)

if(NOT TARGET LibTorch::cpu)
  add_library(LibTorch::c10 UNKNOWN IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES IMPORTED_LOCATION "${LF_C10_LIB}")
  add_library(LibTorch::cpu UNKNOWN IMPORTED)
  set_target_properties(LibTorch::cpu PROPERTIES
    IMPORTED_LOCATION "${LF_TORCH_CPU_LIB}"
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${LF_TORCH_OVERLAY};${LF_TORCH_OVERLAY}/torch/csrc/api/include"
    INTERFACE_INCLUDE_DIRECTORIES "${LF_TORCH_OVERLAY};${LF_TORCH_OVERLAY}/torch/csrc/api/include"
    INTERFACE_LINK_LIBRARIES "LibTorch::c10;${LF_TORCH_OPENMP_LIB}")
endif()
if(LF_TORCH_CUDA_LIB AND LF_C10_CUDA_LIB AND NOT TARGET LibTorch::cuda)
  add_library(LibTorch::c10_cuda UNKNOWN IMPORTED)
  set_target_properties(LibTorch::c10_cuda PROPERTIES IMPORTED_LOCATION "${LF_C10_CUDA_LIB}")
  add_library(LibTorch::cuda UNKNOWN IMPORTED)
  set_target_properties(LibTorch::cuda PROPERTIES
    IMPORTED_LOCATION "${LF_TORCH_CUDA_LIB}"
    INTERFACE_LINK_LIBRARIES "LibTorch::cpu;LibTorch::c10_cuda")
endif()
set(LibTorch_FOUND TRUE)
