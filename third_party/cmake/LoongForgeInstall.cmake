# SPDX-License-Identifier: Apache-2.0
# Installs libraries, headers, programs, configs, and the package that find_package(LoongForge) reads.
include(CMakePackageConfigHelpers)
set(LF_PACKAGE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/LoongForge")

set_target_properties(loongforge_base loongforge PROPERTIES
  INSTALL_RPATH "$ORIGIN;${TORCH_DIR}/lib" EXPORT_NAME loongforge)
set_target_properties(loongforge_base PROPERTIES EXPORT_NAME loongforge_base)
install(TARGETS loongforge_base loongforge EXPORT LoongForgeTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET lf_cuda)
  install(TARGETS lf_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} OPTIONAL)
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/loongforge" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY "${PROJECT_SOURCE_DIR}/configs" DESTINATION ${CMAKE_INSTALL_DATADIR}/loongforge)
install(EXPORT LoongForgeTargets NAMESPACE LoongForge:: DESTINATION ${LF_PACKAGE_DIR})
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/LoongForgeConfig.cmake.in"
  "${CMAKE_BINARY_DIR}/LoongForgeConfig.cmake" INSTALL_DESTINATION ${LF_PACKAGE_DIR})
write_basic_package_version_file("${CMAKE_BINARY_DIR}/LoongForgeConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/LoongForgeConfig.cmake" "${CMAKE_BINARY_DIR}/LoongForgeConfigVersion.cmake"
  "${CMAKE_CURRENT_LIST_DIR}/FindLibTorch.cmake" DESTINATION ${LF_PACKAGE_DIR})
if(LF_BUILD_TOOLS)
  set_target_properties(loongforge-bin loongforge-worker PROPERTIES
    INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR};${TORCH_DIR}/lib")
  install(TARGETS loongforge-bin RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(TARGETS loongforge-worker RUNTIME DESTINATION libexec)
endif()
