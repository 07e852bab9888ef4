// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "loongforge/config/run_config.h"
#include "loongforge/core/error.h"

namespace loongforge::config {

/// A folder of configuration files that goes away with the test.
class ConfigFolder : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "lf_config_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) {
    std::filesystem::path file = folder_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
    return file.string();
  }

  std::filesystem::path folder_;
};

/// what() and, after a bar, hint() of the ConfigError that `body` throws.
template <class F>
std::string config_error(F&& body) {
  try {
    body();
  } catch (const ConfigError& error) {
    return std::string(error.what()) + (error.hint().empty() ? "" : " | " + error.hint());
  }
  ADD_FAILURE() << "no ConfigError was thrown";
  return "";
}

}  // namespace loongforge::config
