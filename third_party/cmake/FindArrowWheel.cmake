# SPDX-License-Identifier: Apache-2.0
# Arrow's C++ libraries inside a pyarrow wheel, which brings no CMake files.
#
# Input:  ARROW_DIR, the wheel's `pyarrow/` folder; default: where tools/setup.sh --arrow puts it.
# Output: ArrowWheel_FOUND, and the target ArrowWheel::parquet (libparquet + libarrow, headers as SYSTEM).
if(NOT ARROW_DIR)
  if(DEFINED ENV{LOONGFORGE_DEPS})
    set(_deps "$ENV{LOONGFORGE_DEPS}")
  elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(_deps "$ENV{XDG_CACHE_HOME}/loongforge")
  else()
    set(_deps "$ENV{HOME}/.cache/loongforge")
  endif()
  file(STRINGS "${PROJECT_SOURCE_DIR}/third_party/requirements-arrow.txt" _pin REGEX "^pyarrow==")
  string(REGEX REPLACE "^pyarrow==([0-9.]+).*" "\\1" _pin "${_pin}")
  set(ARROW_DIR "${_deps}/arrow-${_pin}/pyarrow")
endif()
file(GLOB _arrow "${ARROW_DIR}/libarrow.so.[0-9]*[0-9]")
file(GLOB _parquet "${ARROW_DIR}/libparquet.so.[0-9]*[0-9]")
if(_arrow AND _parquet AND EXISTS "${ARROW_DIR}/include/parquet/arrow/reader.h")
  list(GET _arrow 0 _arrow)
  list(GET _parquet 0 _parquet)
  add_library(ArrowWheel::arrow UNKNOWN IMPORTED)
  set_target_properties(ArrowWheel::arrow PROPERTIES IMPORTED_LOCATION "${_arrow}"
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${ARROW_DIR}/include" INTERFACE_INCLUDE_DIRECTORIES "${ARROW_DIR}/include")
  add_library(ArrowWheel::parquet UNKNOWN IMPORTED)
  set_target_properties(ArrowWheel::parquet PROPERTIES IMPORTED_LOCATION "${_parquet}"
    INTERFACE_LINK_LIBRARIES ArrowWheel::arrow)
  set(ArrowWheel_FOUND TRUE)
else()
  set(ArrowWheel_FOUND FALSE)
  message(STATUS "Parquet and Arrow files won't be readable: no pyarrow in ${ARROW_DIR} (tools/setup.sh --arrow)")
endif()
