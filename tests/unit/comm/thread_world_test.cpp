// SPDX-License-Identifier: Apache-2.0
// The thread backend against references computed by hand, and its ways of failing.
#include "loongforge/comm/thread_world.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <barrier>
#include <latch>
#include <numeric>

#include "loongforge/comm/ledger.h"
#include "loongforge/core/error.h"

namespace loongforge::comm {
namespace {

using ::testing::HasSubstr;

// Values are small integers, exact in every type; `value(rank, i)` is what rank holds at i.
double value(int rank, int64_t i) { return static_cast<double>((rank + 1) * (i % 5) - 2); }

at::Tensor tensor_of(std::vector<double> values, at::ScalarType dtype) {
  at::Tensor t = at::empty({static_cast<int64_t>(values.size())}, at::kDouble);
  std::copy(values.begin(), values.end(), t.mutable_data_ptr<double>());
  return t.to(dtype);
}
at::Tensor mine(int rank, int64_t count, at::ScalarType dtype) {
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(value(rank, i));
  return tensor_of(values, dtype);
}
std::vector<double> values_of(const at::Tensor& tensor) {
  const at::Tensor t = tensor.to(at::kDouble).contiguous();
  return {t.const_data_ptr<double>(), t.const_data_ptr<double>() + t.numel()};
}

struct Case {
  int size;
  at::ScalarType dtype;
  ThreadMode mode;
};

class Collectives : public ::testing::TestWithParam<Case> {
 protected:
  void run(const std::function<void(Group)>& body) {
    ThreadWorld world(GetParam().size, {.mode = GetParam().mode, .seed = 7, .timeout = std::chrono::seconds(20)});
    world.run(body);
  }
  at::ScalarType dtype() const { return GetParam().dtype; }
};

TEST_P(Collectives, AllReduce) {
  run([&](Group g) {
    for (ReduceOp op : {ReduceOp::sum, ReduceOp::max, ReduceOp::min}) {
      at::Tensor t = mine(g.rank(), 7, dtype());
      g.all_reduce(t, op).wait();
      for (int64_t i = 0; i < 7; ++i) {
        double want = value(0, i);
        for (int r = 1; r < g.size(); ++r) {
          const double v = value(r, i);
          want = op == ReduceOp::sum ? want + v : op == ReduceOp::max ? std::max(want, v) : std::min(want, v);
        }
        EXPECT_EQ(values_of(t)[static_cast<size_t>(i)], want);
      }
    }
  });
}

TEST_P(Collectives, AllGather) {
  run([&](Group g) {
    at::Tensor out = at::empty({g.size() * 3}, dtype());
    g.all_gather(out, mine(g.rank(), 3, dtype())).wait();
    std::vector<double> want;
    for (int r = 0; r < g.size(); ++r) {
      for (int64_t i = 0; i < 3; ++i) want.push_back(value(r, i));
    }
    EXPECT_EQ(values_of(out), want);
  });
}

TEST_P(Collectives, ReduceScatter) {
  run([&](Group g) {
    at::Tensor out = at::empty({3}, dtype());
    g.reduce_scatter(out, mine(g.rank(), g.size() * 3, dtype())).wait();
    for (int64_t i = 0; i < 3; ++i) {
      double want = 0;
      for (int r = 0; r < g.size(); ++r) want += value(r, g.rank() * 3 + i);
      EXPECT_EQ(values_of(out)[static_cast<size_t>(i)], want);
    }
  });
}

TEST_P(Collectives, AllToAllV) {
  // Rank r sends (r + to) % 3 rows of 2 to each rank: some of them empty.
  run([&](Group g) {
    const auto rows = [](int from, int to) { return static_cast<int64_t>((from + to) % 3); };
    std::vector<int64_t> in_splits, out_splits;
    std::vector<double> sent, want;
    for (int other = 0; other < g.size(); ++other) {
      in_splits.push_back(rows(g.rank(), other));
      out_splits.push_back(rows(other, g.rank()));
      for (int64_t i = 0; i < 2 * in_splits.back(); ++i) sent.push_back(g.rank() * 10 + other);
      for (int64_t i = 0; i < 2 * out_splits.back(); ++i) want.push_back(other * 10 + g.rank());
    }
    const int64_t total = std::accumulate(out_splits.begin(), out_splits.end(), int64_t{0});
    at::Tensor out = at::empty({total, 2}, dtype());
    g.all_to_all_v(out, tensor_of(sent, dtype()).view({-1, 2}), out_splits, in_splits).wait();
    EXPECT_EQ(values_of(out.view(-1)), want);
  });
}

TEST_P(Collectives, BroadcastBarrierAndMessages) {
  run([&](Group g) {
    at::Tensor t = mine(g.rank(), 4, dtype());
    g.broadcast(t, g.size() - 1).wait();
    EXPECT_EQ(values_of(t), values_of(mine(g.size() - 1, 4, dtype())));
    g.barrier();
    if (g.size() == 1) return;
    // A ring in both tags, posted in the opposite order of their receives.
    const int next = (g.rank() + 1) % g.size(), previous = (g.rank() + g.size() - 1) % g.size();
    Work first = g.isend(mine(g.rank(), 2, dtype()), next, 5);
    Work second = g.isend(mine(g.rank() + 100, 2, dtype()), next, 6);
    at::Tensor a = at::empty({2}, dtype()), b = at::empty({2}, dtype());
    g.irecv(b, previous, 6).wait();
    g.irecv(a, previous, 5).wait();
    first.wait();
    second.wait();
    EXPECT_EQ(values_of(a), values_of(mine(previous, 2, dtype())));
    EXPECT_EQ(values_of(b), values_of(mine(previous + 100, 2, dtype())));
  });
}

TEST_P(Collectives, ManyInFlight) {
  run([&](Group g) {
    std::vector<at::Tensor> tensors;
    std::vector<Work> works;
    for (int k = 0; k < 20; ++k) {
      tensors.push_back(at::full({3}, g.rank() + k, at::TensorOptions().dtype(dtype())));
      works.push_back(g.all_reduce(tensors.back()));
    }
    for (int k = 19; k >= 0; --k) {
      works[static_cast<size_t>(k)].wait();
      EXPECT_EQ(values_of(tensors[static_cast<size_t>(k)])[2], g.size() * (g.size() - 1) / 2 + g.size() * k);
    }
  });
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (int size : {1, 2, 3, 4, 8}) {
    for (auto dtype : {at::kDouble, at::kFloat, at::kBFloat16, at::kLong}) {
      cases.push_back({size, dtype, ThreadMode::eager});
    }
  }
  for (auto mode : {ThreadMode::rendezvous_send, ThreadMode::random_delay}) cases.push_back({4, at::kFloat, mode});
  return cases;
}
std::string case_name(const ::testing::TestParamInfo<Case>& info) {
  const char* modes[] = {"Eager", "Rendezvous", "Random"};
  return std::to_string(info.param.size) + "Ranks" + c10::toString(info.param.dtype) +
         modes[static_cast<int>(info.param.mode)];
}
INSTANTIATE_TEST_SUITE_P(Thread, Collectives, ::testing::ValuesIn(all_cases()), case_name);

TEST(ThreadWorld, ReductionsAccumulateInFp32AndInRankOrder) {
  // bf16 has 8 bits of mantissa: 256 + 1 + 1 needs the wide sum; 1e8 + 1 - 1e8 in fp32 depends on the order.
  ThreadWorld world(3);
  world.run([](Group g) {
    const float narrow[] = {256, 1, 1}, ordered[] = {1e8F, 1, -1e8F};
    at::Tensor a = at::full({1}, narrow[g.rank()], at::TensorOptions().dtype(at::kBFloat16));
    g.all_reduce(a).wait();
    EXPECT_EQ(values_of(a)[0], 258);
    at::Tensor b = at::full({1}, ordered[g.rank()], at::TensorOptions().dtype(at::kFloat));
    g.all_reduce(b).wait();
    EXPECT_EQ(values_of(b)[0], 0);
  });
}

TEST(ThreadWorld, InPlaceGatherAndScatterOfViews) {
  ThreadWorld world(3);
  world.run([](Group g) {
    at::Tensor whole = at::full({6}, g.rank() + 1, at::TensorOptions().dtype(at::kDouble));
    const at::Tensor own = whole.narrow(0, 2 * g.rank(), 2);
    g.all_gather(whole, own).wait();
    EXPECT_EQ(values_of(whole), (std::vector<double>{1, 1, 2, 2, 3, 3}));
    g.reduce_scatter(own, whole).wait();
    EXPECT_EQ(values_of(own), std::vector<double>(2, 3.0 * (g.rank() + 1)));
  });
}

TEST(ThreadWorld, SplitsOfA32RankMesh) {
  ThreadWorld world(32);
  world.run([](Group g) {
    Group row, column;
    for (int i = 0; i < 8; ++i) {
      std::vector<int> members(4);
      std::iota(members.begin(), members.end(), 4 * i);
      Group made = g.split(members, "row");
      EXPECT_EQ(made.is_member(), g.rank() / 4 == i);
      if (made.is_member()) row = made;
    }
    for (int i = 0; i < 4; ++i) {
      std::vector<int> members;
      for (int k = i; k < 32; k += 4) members.push_back(k);
      if (Group made = g.split(members, "column"); made.is_member()) column = made;
    }
    const int first = g.rank() % 4;
    EXPECT_EQ(column.label(), "column{" + std::to_string(first) + ".." + std::to_string(28 + first) + ":4}");
    at::Tensor t = at::full({1}, g.rank(), at::TensorOptions().dtype(at::kLong));
    row.all_reduce(t).wait();
    column.all_reduce(t).wait();
    EXPECT_EQ(values_of(t)[0], 31 * 32 / 2);
  });
}

TEST(ThreadWorld, HostValuesAndBytes) {
  ThreadWorld world(3);
  world.run([](Group g) {
    EXPECT_EQ(g.all_reduce_host({1.0 * g.rank(), 5}), (std::vector<double>{3, 15}));
    EXPECT_EQ(g.all_reduce_host({1.0 * g.rank()}, ReduceOp::max), std::vector<double>{2});
    const std::vector<std::string> words{"", "one", "three more"};
    EXPECT_EQ(g.all_gather_bytes(words[static_cast<size_t>(g.rank())]), words);
    EXPECT_EQ(g.all_gather_bytes(""), std::vector<std::string>(3));
  });
}

/// What each rank's CommError said, "" where it had none.
std::vector<std::string> errors_of(int size, ThreadOptions options, const std::function<void(Group)>& body) {
  std::vector<std::string> errors(static_cast<size_t>(size));
  try {
    ThreadWorld(size, options).run([&](Group g) {
      try {
        body(g);
      } catch (const CommError& e) {
        errors[static_cast<size_t>(g.rank())] = e.what();
        throw;
      }
    });
  } catch (const CommError&) {
  }
  return errors;
}

TEST(ThreadWorldFailure, ThrowingRankEndsTheOthersAndItsOwnErrorIsRethrown) {
  std::vector<std::string> errors(4);
  const auto body = [&](Group g) {
    if (g.rank() == 2) throw NumericError("the loss is NaN");
    try {
      g.barrier();
    } catch (const CommError& e) {
      errors[static_cast<size_t>(g.rank())] = e.what();
      throw;
    }
  };
  EXPECT_THROW(ThreadWorld(4).run(body), NumericError);
  for (int rank : {0, 1, 3}) EXPECT_EQ(errors[static_cast<size_t>(rank)], "rank 2 failed: the loss is NaN");
}

TEST(ThreadWorldFailure, MismatchesNameRankAndCall) {
  const auto dtype = [](Group g) {
    at::Tensor t = at::zeros({2}, g.rank() == 1 ? at::kDouble : at::kFloat);
    g.all_reduce(t).wait();
  };
  for (const auto& e : errors_of(3, {}, dtype)) EXPECT_THAT(e, HasSubstr("another element type"));
  const auto shape = [](Group g) { g.all_reduce(at::zeros({2 + g.rank()}, at::kFloat)).wait(); };
  for (const auto& e : errors_of(2, {}, shape)) {
    EXPECT_THAT(e, HasSubstr("as collective 0 of group world"));
    EXPECT_THAT(e, HasSubstr("another shape"));
  }
  const auto kind = [](Group g) {
    at::Tensor t = at::zeros({2}, at::kFloat);
    g.barrier();
    (g.rank() == 0 ? g.broadcast(t, 0) : g.all_reduce(t)).wait();
  };
  for (const auto& e : errors_of(2, {}, kind)) {
    EXPECT_THAT(e, HasSubstr("broadcast float32 [2]"));
    EXPECT_THAT(e, HasSubstr("all_reduce float32 [2]"));
    EXPECT_THAT(e, HasSubstr("collective 1"));
  }
  const auto root = [](Group g) { g.broadcast(at::zeros({2}, at::kFloat), g.rank()).wait(); };
  for (const auto& e : errors_of(2, {}, root)) EXPECT_THAT(e, HasSubstr("another root"));
  const auto splits = [](Group g) {
    at::Tensor t = at::zeros({3}, at::kFloat);
    g.all_to_all_v(t, t.clone(), {1, 2}, {2, 1}).wait();
  };
  for (const auto& e : errors_of(2, {}, splits)) EXPECT_THAT(e, HasSubstr("rows to rank"));
  const auto message = [](Group g) {
    at::Tensor t = at::zeros({3 + g.rank()}, at::kFloat);
    (g.rank() == 0 ? g.isend(t, 1, 9) : g.irecv(t, 0, 9)).wait();
    g.barrier();
  };
  for (const auto& e : errors_of(2, {}, message)) EXPECT_THAT(e, HasSubstr("message 0->1 tag 9"));
  const auto split = [](Group g) {
    g.split({0}, g.rank() == 0 ? "solo" : "alone");
    g.barrier();
  };
  for (const auto& e : errors_of(2, {}, split)) {
    EXPECT_THAT(e, HasSubstr("split group world"));
  }
}

TEST(ThreadWorldFailure, ReturnedRankAndDeadlockAreFoundWithoutATimeout) {
  const auto returned = [](Group g) {
    if (g.rank() != 1) g.barrier();
  };
  const auto errors = errors_of(3, {}, returned);
  EXPECT_THAT(errors[0], HasSubstr("rank 1 never called it and has returned"));
  EXPECT_THAT(errors[2], HasSubstr("rank 1 never called it and has returned"));
  const auto crossed = [](Group g) {
    at::Tensor t = at::zeros({1}, at::kFloat), u = at::zeros({1}, at::kFloat);
    g.irecv(u, 1 - g.rank(), 0).wait();
    g.isend(t, 1 - g.rank(), 0).wait();
  };
  for (const auto& e : errors_of(2, {}, crossed)) EXPECT_THAT(e, HasSubstr("deadlock: rank 0 waits in message 1->0"));
}

TEST(ThreadWorldFailure, RendezvousSendExposesSendBeforeReceive) {
  const auto send_first = [](Group g) {
    at::Tensor t = at::zeros({1}, at::kFloat), u = at::zeros({1}, at::kFloat);
    g.isend(t, 1 - g.rank(), 0).wait();
    g.irecv(u, 1 - g.rank(), 0).wait();
  };
  EXPECT_EQ(errors_of(2, {}, send_first), std::vector<std::string>(2));
  for (const auto& e : errors_of(2, {.mode = ThreadMode::rendezvous_send}, send_first)) {
    EXPECT_THAT(e, HasSubstr("deadlock"));
  }
}

TEST(ThreadWorldFailure, TimeoutNamesTheAbsent) {
  // Rank 1 is neither blocked in the world nor gone, so only the clock can tell.
  std::latch rank_0_has_failed(1);
  const auto body = [&](Group g) {
    if (g.rank() == 1) return rank_0_has_failed.wait();
    try {
      g.barrier();
    } catch (...) {
      rank_0_has_failed.count_down();
      throw;
    }
  };
  const auto errors = errors_of(2, {.timeout = std::chrono::milliseconds(5)}, body);
  EXPECT_THAT(errors[0], HasSubstr("rank 0 waited 5 ms in collective 0 of group world: rank 1 never called it"));
}

TEST(ThreadWorldFailure, RandomDelayShowsAMissingWait) {
  // 20 results read without waiting: in eager mode they may be there by luck, lazily they are not.
  int stale = 0;
  std::barrier together(2);
  ThreadWorld(2, {.mode = ThreadMode::random_delay, .seed = 3}).run([&](Group g) {
    std::vector<Work> works;
    std::vector<at::Tensor> tensors;
    for (int i = 0; i < 20; ++i) {
      tensors.push_back(at::full({1}, 1, at::TensorOptions().dtype(at::kFloat)));
      works.push_back(g.all_reduce(tensors.back()));
    }
    together.arrive_and_wait();
    if (g.rank() == 0) {
      for (const auto& t : tensors) stale += values_of(t)[0] == 1;
    }
    together.arrive_and_wait();
    for (auto& work : works) work.wait();
  });
  EXPECT_GT(stale, 0);
}

TEST(ThreadWorldFailure, AbortAndAFreshRunAfterIt) {
  ThreadWorld world(2);
  EXPECT_THROW(world.run([](Group g) {
    if (g.rank() == 0) g.abort("told to stop");
    g.barrier();
  }),
               CommError);
  EXPECT_NO_THROW(world.run([](Group g) { g.barrier(); }));
}

TEST(ThreadWorld, LedgerRecordsAndSizeOneIsSilent) {
  ThreadWorld world(2);
  world.run([](Group g) {
    g.all_reduce(at::zeros({4, 2}, at::kBFloat16)).wait();
    g.barrier();
    const Group first = g.split({0}, "first"), second = g.split({1}, "second");
    const Group& self = g.rank() == 0 ? first : second;
    EXPECT_EQ(self.size(), 1);
    self.all_reduce(at::zeros({4}, at::kFloat)).wait();
  });
  const auto records = world.ledger(1)->records();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_THAT(to_text(records[0]), HasSubstr("world{0,1} #0 all_reduce bfloat16 [4, 2] 16 B completed"));
  EXPECT_EQ(records[1].sequence, 1u);
  EXPECT_LE(records[0].enqueue_ns, records[0].end_ns);
}

}  // namespace
}  // namespace loongforge::comm
