# SPDX-License-Identifier: Apache-2.0
# One object library per module of DESIGN's house, so that a unit test links only what its module may depend on.
#
#   lf_module(NAME DEPS a b LINK lib1 lib2 [TORCH])
# builds src/NAME/**.cpp; DEPS are the modules it may use (their usage requirements come along);
#   lf_module_test(NAME)
# builds tests/unit/NAME/*.cpp into one GoogleTest binary over the module's dependence closure.
include(GNUInstallDirs)
include(GoogleTest)

# Compiles a target's sources in batches: each batch reads the heavy headers once, which makes a clean build about five
# times faster. Names in anonymous namespaces must therefore differ within a module.
set(LF_UNITY_BATCH 8)
function(lf_batch target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${LF_UNITY} UNITY_BUILD_BATCH_SIZE ${LF_UNITY_BATCH})
endfunction()

function(lf_module name)
  cmake_parse_arguments(M "TORCH" "" "DEPS;LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${name}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "/plugins/")
  if(NOT sources)
    return()
  endif()
  add_library(lf_${name} OBJECT ${sources})
  lf_batch(lf_${name})
  target_include_directories(lf_${name}
    PUBLIC "${PROJECT_SOURCE_DIR}/include" PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(lf_${name} PUBLIC lf_options ${M_LINK})
  if(M_TORCH)
    target_link_libraries(lf_${name} PUBLIC LibTorch::cpu)
  endif()
  set(closure ${name})
  foreach(dep IN LISTS M_DEPS)
    if(TARGET lf_${dep})
      get_property(dep_closure GLOBAL PROPERTY LF_CLOSURE_${dep})
      list(APPEND closure ${dep_closure})
      target_link_libraries(lf_${name} PUBLIC lf_${dep})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES closure)
  set_property(GLOBAL PROPERTY LF_CLOSURE_${name} ${closure})
  set_property(GLOBAL APPEND PROPERTY LF_MODULES ${name})
endfunction()

function(lf_module_test name)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/unit/${name}/*.cpp")
  if(NOT sources OR NOT TARGET lf_${name})
    return()
  endif()
  set(isa_sources ${sources})
  list(FILTER isa_sources INCLUDE REGEX "\\.isa\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "\\.isa\\.cpp$")
  add_executable(test_${name} ${sources})
  lf_isa_sources(test_${name} ${isa_sources})
  get_property(closure GLOBAL PROPERTY LF_CLOSURE_${name})
  foreach(module IN LISTS closure)
    target_link_libraries(test_${name} PRIVATE lf_${module})
  endforeach()
  target_include_directories(test_${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests" "${PROJECT_SOURCE_DIR}/src")
  target_compile_definitions(test_${name} PRIVATE LF_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(test_${name} PRIVATE GTest::gmock GTest::gtest_main)
  gtest_discover_tests(test_${name} TEST_PREFIX "${name}/" DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS fast TIMEOUT 300)
endfunction()

# lf_library(NAME MODULES a b PUBLIC libs PRIVATE libs): a shared library of the modules' objects.
function(lf_library name)
  cmake_parse_arguments(L "" "" "MODULES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} SHARED)
  foreach(module IN LISTS L_MODULES)
    if(TARGET lf_${module})
      target_sources(${name} PRIVATE $<TARGET_OBJECTS:lf_${module}>)
    endif()
  endforeach()
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION} SOVERSION 0)
  target_include_directories(${name} INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(${name} INTERFACE cxx_std_20)
  # Public headers format messages with fmt; header-only, they don't care which fmt a user's project links.
  target_compile_definitions(${name} INTERFACE $<INSTALL_INTERFACE:FMT_HEADER_ONLY=1>)
  target_link_libraries(${name} PUBLIC ${L_PUBLIC} PRIVATE ${L_PRIVATE} $<BUILD_INTERFACE:lf_options>)
endfunction()

# lf_device_plugin(NAME LINK libs): liblf_NAME.so from src/*/plugins/NAME, loaded by the worker when asked for. Our own
# undefined symbols are an error at link time; what LibTorch's libraries need in turn is looked for when they are loaded.
function(lf_device_plugin name)
  cmake_parse_arguments(P "" "" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*/plugins/${name}/*.cpp")
  add_library(lf_${name} MODULE ${sources})
  lf_batch(lf_${name})
  target_include_directories(lf_${name} PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_compile_options(lf_${name} PRIVATE -Wno-unused-parameter)  # c10's own headers
  target_link_libraries(lf_${name} PRIVATE loongforge lf_options fmt::fmt ${P_LINK})
  if(NOT LF_SANITIZE)  # a sanitizer's own symbols come from the program
    target_link_options(lf_${name} PRIVATE -Wl,-z,defs)
  endif()
  set_target_properties(lf_${name} PROPERTIES INSTALL_RPATH "$ORIGIN;${TORCH_DIR}/lib")
endfunction()
