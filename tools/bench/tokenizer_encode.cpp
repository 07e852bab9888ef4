// SPDX-License-Identifier: Apache-2.0
// Encodes a file's documents once for each line on standard input: the C++ half of tokenizer_vs_hf.py.
// Usage: bench_tokenizer TOKENIZER DOCUMENTS.jsonl   (a JSON string a line); prints "seconds ids checksum" a round.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "loongforge/core/error.h"
#include "loongforge/tokenizer/tokenizer.h"

namespace {

std::vector<std::string> read_documents(const char* path) {
  std::vector<std::string> documents;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) documents.push_back(nlohmann::json::parse(line).get<std::string>());
  return documents;
}

void run(const char* tokenizer_path, const char* documents_path) {
  auto tokenizer = loongforge::tokenizer::Tokenizer::from_file(tokenizer_path);
  auto documents = read_documents(documents_path);
  std::puts("ready");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    auto begin = std::chrono::steady_clock::now();
    uint64_t count = 0, sum = 0;
    for (const std::string& document : documents) {
      auto ids = tokenizer.encode(document, false);
      count += ids.size();
      for (int32_t id : ids) sum = sum * 31 + static_cast<uint64_t>(id);
    }
    std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    std::printf("%.6f %llu %llu\n", elapsed.count(), static_cast<unsigned long long>(count),
                static_cast<unsigned long long>(sum));
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fputs("usage: bench_tokenizer TOKENIZER DOCUMENTS.jsonl\n", stderr), 2;
  try {
    run(argv[1], argv[2]);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "error: %s\n", failure.what());
    return 3;
  }
}
