// SPDX-License-Identifier: Apache-2.0
// Random cases of the attention kernels of one instruction set against plain loops in double. Buffers have exactly the
// sizes that the kernels may touch, so that a build with AddressSanitizer finds any step beyond.
//
// usage: fuzz_attention ISA [CASES [SEED]]
// Exits 1 at the first case that is wrong, after printing it; 77 when this machine can't run the set.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "kernels/cpu/dispatch.h"
#include "loongforge/core/error.h"

namespace {

using namespace loongforge::cpu;

struct Free {
  void operator()(std::byte* p) const { ::operator delete(p, std::align_val_t(64)); }
};
using Memory = std::unique_ptr<std::byte, Free>;
Memory allocate(int64_t bytes) {
  return Memory(static_cast<std::byte*>(::operator new(static_cast<size_t>(bytes), std::align_val_t(64))));
}

double widen(Type type, const std::byte* p) {
  if (type == Type::f32) {
    float x;
    std::memcpy(&x, p, 4);
    return x;
  }
  uint16_t bits;
  std::memcpy(&bits, p, 2);
  if (type == Type::bf16) {
    const uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float x;
    std::memcpy(&x, &wide, 4);
    return x;
  }
  const int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  const double magnitude = exponent == 31  ? (mantissa ? std::nan("") : std::numeric_limits<double>::infinity())
                           : exponent == 0 ? std::ldexp(mantissa, -24)
                                           : std::ldexp(1024 + mantissa, exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

/// Values with few bits, which every type holds exactly.
void put(Type type, std::byte* p, float x) {
  if (type == Type::f32) {
    std::memcpy(p, &x, 4);
    return;
  }
  uint32_t wide;
  std::memcpy(&wide, &x, 4);
  uint16_t bits = static_cast<uint16_t>(wide >> 16);
  if (type == Type::f16) {
    const int exponent = static_cast<int>((wide >> 23) & 255) - 112;
    const uint32_t magnitude = exponent <= 0 ? 0 : static_cast<uint32_t>(exponent) << 10 | ((wide >> 13) & 1023);
    bits = static_cast<uint16_t>((wide >> 16 & 0x8000) | magnitude);
  }
  std::memcpy(p, &bits, 2);
}

/// [rows, groups, per_group, head_dim] with random gaps between heads and rows; the last element is the last of the
/// memory.
class HeadArray {
 public:
  HeadArray(Type type, int64_t rows, int64_t groups, int64_t per_group, int64_t head_dim, std::mt19937& engine)
      : type_(type), head_dim_(head_dim) {
    auto gap = [&] { return static_cast<int64_t>(engine() % 3); };
    strides_.head = head_dim + gap();
    strides_.group = per_group * strides_.head + gap();
    strides_.row = groups * strides_.group + gap();
    const int64_t last = (rows - 1) * strides_.row + (groups - 1) * strides_.group + (per_group - 1) * strides_.head;
    elements_ = rows > 0 ? last + head_dim : 0;
    memory_ = allocate(elements_ * size());
    std::memset(memory_.get(), 0xff, static_cast<size_t>(elements_ * size()));  // NaN where nobody writes
  }

  void randomise(std::mt19937& engine) {
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < elements_; ++i)
      put(type_, memory_.get() + i * size(), std::round(normal(engine) * 32) / 32);
  }
  double at(int64_t row, int64_t group, int64_t head, int64_t d) const {
    return widen(type_,
                 memory_.get() + (row * strides_.row + group * strides_.group + head * strides_.head + d) * size());
  }
  operator ConstHeads() const { return {memory_.get(), strides_}; }
  operator Heads() { return {memory_.get(), strides_}; }
  int64_t head_dim() const { return head_dim_; }

 private:
  int64_t size() const { return type_ == Type::f32 ? 4 : 2; }
  Type type_;
  int64_t head_dim_, elements_ = 0;
  HeadStrides strides_;
  Memory memory_;
};

struct Case {
  AttentionArgs args;
  std::vector<int64_t> q_borders{0}, k_borders{0};
  bool divided = false;

  explicit Case(std::mt19937& engine) {
    auto one_of = [&](std::initializer_list<int64_t> choices) { return choices.begin()[engine() % choices.size()]; };
    args.type = static_cast<Type>(engine() % 3);
    args.bf16_pairs = engine() % 2;
    args.head_dim = engine() % 2 ? one_of({32, 64, 80, 96, 128, 256}) : static_cast<int64_t>(1 + engine() % 256);
    args.groups = 1 + engine() % 2;
    args.heads_per_group = 1 + engine() % 3;
    args.causal = engine() % 3 != 0;
    args.window = engine() % 3 ? 0 : static_cast<int64_t>(1 + engine() % 200);
    args.scale = (engine() % 3 ? 1.0f : 3.0f) / std::sqrt(static_cast<float>(args.head_dim));
    divided = engine() % 2;
    const bool longer_keys = engine() % 4 == 0;
    for (int64_t documents = 1 + engine() % 4; documents > 0; --documents) {
      const int64_t length = engine() % 4 == 0 ? engine() % 4 : engine() % (documents == 1 ? 300 : 140);
      q_borders.push_back(q_borders.back() + length);
      k_borders.push_back(k_borders.back() + (longer_keys ? engine() % 200 : length));
    }
    args.rows = q_borders.back();
    args.q_borders = q_borders.data();
    args.k_borders = k_borders.data();
  }

  std::string describe() const {
    return fmt::format(
        "type {} pairs {} head_dim {} groups {}x{} causal {} window {} scale {} divided {} q [{}] k [{}]",
        static_cast<int>(args.type), args.bf16_pairs, args.head_dim, args.groups, args.heads_per_group, args.causal,
        args.window, args.scale, divided, fmt::join(q_borders, " "), fmt::join(k_borders, " "));
  }
};

struct Arrays {
  HeadArray q, k, v, out, d_out, dq, dk, dv;
  std::vector<float> lse, delta;

  Arrays(Case& c, std::mt19937& engine)
      : q(of_queries(c, engine)),
        k(of_keys(c, engine)),
        v(of_keys(c, engine)),
        out(of_queries(c, engine)),
        d_out(of_queries(c, engine)),
        dq(of_queries(c, engine)),
        dk(of_keys(c, engine)),
        dv(of_keys(c, engine)),
        lse(static_cast<size_t>(c.args.rows * c.args.groups * c.args.heads_per_group)),
        delta(lse.size()) {
    for (HeadArray* x : {&q, &k, &v, &d_out}) x->randomise(engine);
    c.args.q = q;
    c.args.k = k;
    c.args.v = v;
    c.args.out = out;
    c.args.out_read = out;
    c.args.d_out = d_out;
    c.args.dq = dq;
    c.args.dk = dk;
    c.args.dv = dv;
    c.args.lse = lse.data();
    c.args.delta = delta.data();
  }

 private:
  static HeadArray of_queries(const Case& c, std::mt19937& engine) {
    return {c.args.type, c.args.rows, c.args.groups, c.args.heads_per_group, c.args.head_dim, engine};
  }
  static HeadArray of_keys(const Case& c, std::mt19937& engine) {
    return {c.args.type, c.k_borders.back(), c.args.groups, 1, c.args.head_dim, engine};
  }
};

void run(const AttentionKernels& kernels, const Case& c) {
  auto each = [&](AttentionUnit unit, int64_t rows, int64_t step, auto workspace, auto kernel) {
    for (unit.begin = 0; unit.begin < rows; unit.begin += step) {
      unit.end = std::min(rows, unit.begin + step);
      kernel(c.args, unit, allocate(workspace(c.args, unit)).get());
    }
  };
  const int64_t documents = static_cast<int64_t>(c.q_borders.size()) - 1,
                step = c.divided ? kAttentionBlock : 4 * kAttentionBlock;
  for (int64_t document = 0; document < documents; ++document) {
    const int64_t queries = c.q_borders[document + 1] - c.q_borders[document];
    for (int64_t group = 0; group < c.args.groups; ++group) {
      each({document, group, 0, 0, AttentionPart::all}, queries, step, kernels.forward_workspace, kernels.forward);
    }
  }
  kernels.delta(c.args, 0, c.args.rows);
  for (int64_t document = 0; document < documents; ++document) {
    const int64_t queries = c.q_borders[document + 1] - c.q_borders[document];
    const int64_t keys = c.k_borders[document + 1] - c.k_borders[document], longest = std::max(queries, keys);
    for (int64_t group = 0; group < c.args.groups; ++group) {
      const auto workspace = kernels.backward_workspace;
      if (!c.divided) {
        each({document, group, 0, 0, AttentionPart::all}, longest, longest, workspace, kernels.backward);
      } else {
        each({document, group, 0, 0, AttentionPart::queries}, queries, step, workspace, kernels.backward);
        each({document, group, 0, 0, AttentionPart::keys_values}, keys, step, workspace, kernels.backward);
      }
    }
  }
}

/// The greatest difference seen, and the greatest true value.
struct Compared {
  double difference = 0, size = 0;
  void see(double truth, double value) {
    difference =
        std::isnan(value) ? std::numeric_limits<double>::infinity() : std::max(difference, std::abs(truth - value));
    size = std::max(size, std::abs(truth));
  }
  bool within(double tolerance, double floor) const { return difference <= tolerance * std::max(size, floor); }
};

class Truth {
 public:
  Truth(const Case& c, const Arrays& arrays) : c_(c), a_(arrays) {
    const int64_t documents = static_cast<int64_t>(c.q_borders.size()) - 1;
    dk_.resize(static_cast<size_t>(c.k_borders.back() * c.args.groups * c.args.head_dim));
    dv_.resize(dk_.size());
    for (int64_t document = 0; document < documents; ++document) {
      for (int64_t head = 0; head < c.args.groups * c.args.heads_per_group; ++head) {
        for (int64_t row = c.q_borders[document]; row < c.q_borders[document + 1]; ++row) query(document, head, row);
      }
    }
    for (int64_t row = 0; row < c.k_borders.back(); ++row) {
      for (int64_t i = 0; i < c.args.groups * c.args.head_dim; ++i) {
        const int64_t group = i / c.args.head_dim, d = i % c.args.head_dim;
        const auto at = static_cast<size_t>(row * c.args.groups * c.args.head_dim + i);
        dk.see(dk_[at], a_.dk.at(row, group, 0, d));
        dv.see(dv_[at], a_.dv.at(row, group, 0, d));
      }
    }
  }

  Compared out, lse, dq, dk, dv;

 private:
  void query(int64_t document, int64_t head, int64_t row) {
    const int64_t group = head / c_.args.heads_per_group, in_group = head % c_.args.heads_per_group;
    const int64_t first_key = c_.k_borders[document], keys = c_.k_borders[document + 1] - first_key;
    const int64_t position = row - c_.q_borders[document + 1] + keys;  // counted from the end of both
    std::vector<int64_t> seen;
    for (int64_t key = 0; key < keys; ++key) {
      if (c_.args.causal && key > position) continue;
      if (c_.args.window > 0 && position - key >= c_.args.window) continue;
      seen.push_back(first_key + key);
    }
    const std::vector<double> weights = softmax(head, row, group, in_group, seen);
    differentiate(row, group, in_group, seen, weights);
  }

  std::vector<double> softmax(int64_t head, int64_t row, int64_t group, int64_t in_group,
                              const std::vector<int64_t>& seen) {
    std::vector<double> weights;
    double greatest = -std::numeric_limits<double>::infinity(), total = 0;
    for (int64_t key : seen) {
      double score = 0;
      for (int64_t d = 0; d < c_.args.head_dim; ++d)
        score += a_.q.at(row, group, in_group, d) * a_.k.at(key, group, 0, d);
      weights.push_back(score * c_.args.scale);
      greatest = std::max(greatest, weights.back());
    }
    for (double& weight : weights) total += weight = std::exp(weight - greatest);
    for (double& weight : weights) weight /= total;
    const double found = a_.lse[static_cast<size_t>(head * c_.args.rows + row)];
    if (seen.empty()) {
      lse.see(0, std::isinf(found) && found < 0 ? 0 : 1e9);
    } else {
      lse.see(greatest + std::log(total), found);
    }
    return weights;
  }

  void differentiate(int64_t row, int64_t group, int64_t in_group, const std::vector<int64_t>& seen,
                     const std::vector<double>& weights) {
    const int64_t n = c_.args.head_dim;
    std::vector<double> output(static_cast<size_t>(n)), d_query(static_cast<size_t>(n)), d_weight;
    double delta = 0;
    for (size_t j = 0; j < seen.size(); ++j) {
      double product = 0;
      for (int64_t d = 0; d < n; ++d) {
        const double value = a_.v.at(seen[j], group, 0, d), g = a_.d_out.at(row, group, in_group, d);
        output[static_cast<size_t>(d)] += weights[j] * value;
        product += g * value;
        dv_[key_index(seen[j], group, d)] += weights[j] * g;
      }
      d_weight.push_back(product);
      delta += weights[j] * product;
    }
    for (size_t j = 0; j < seen.size(); ++j) {
      const double d_score = weights[j] * (d_weight[j] - delta) * c_.args.scale;
      for (int64_t d = 0; d < n; ++d) {
        d_query[static_cast<size_t>(d)] += d_score * a_.k.at(seen[j], group, 0, d);
        dk_[key_index(seen[j], group, d)] += d_score * a_.q.at(row, group, in_group, d);
      }
    }
    for (int64_t d = 0; d < n; ++d) {
      out.see(output[static_cast<size_t>(d)], a_.out.at(row, group, in_group, d));
      dq.see(d_query[static_cast<size_t>(d)], a_.dq.at(row, group, in_group, d));
    }
  }

  size_t key_index(int64_t row, int64_t group, int64_t d) const {
    return static_cast<size_t>((row * c_.args.groups + group) * c_.args.head_dim + d);
  }

  const Case& c_;
  const Arrays& a_;
  std::vector<double> dk_, dv_;
};

bool check(const AttentionKernels& kernels, std::mt19937& engine) {
  Case c(engine);
  Arrays arrays(c, engine);
  run(kernels, c);
  const Truth truth(c, arrays);
  const double tolerance = c.args.type == Type::f32 ? 3e-5 : c.args.type == Type::f16 ? 5e-3 : 3e-2;
  const bool right = truth.out.within(tolerance, 0) && truth.lse.within(1e-5, 1) && truth.dq.within(tolerance, 1) &&
                     truth.dk.within(tolerance, 1) && truth.dv.within(tolerance, 0);
  if (!right) {
    fmt::print("wrong: {}\n  differences: out {:.1e} lse {:.1e} dq {:.1e} dk {:.1e} dv {:.1e}\n", c.describe(),
               truth.out.difference, truth.lse.difference, truth.dq.difference, truth.dk.difference,
               truth.dv.difference);
  }
  return right;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string isa = argc > 1 ? argv[1] : "";
  const int cases = argc > 2 ? std::stoi(argv[2]) : 100;
  const unsigned seed = argc > 3 ? static_cast<unsigned>(std::stoul(argv[3])) : std::random_device{}();
  const KernelTable& table = choose_table(isa);
  fmt::print("{}: {} cases, seed {}\n", table.isa, cases, seed);
  std::mt19937 engine(seed);
  for (int i = 0; i < cases; ++i) {
    if (!check(*table.attention, engine)) return 1;
  }
  return 0;
} catch (const loongforge::ConfigError& error) {
  fmt::print("skipped: {}; {}\n", error.what(), error.hint());
  return 77;
} catch (const std::exception& error) {
  fmt::print("error: {}\nusage: fuzz_attention ISA [CASES [SEED]]\n", error.what());
  return 2;
}
