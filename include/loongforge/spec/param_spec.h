// SPDX-License-Identifier: Apache-2.0
// ParamSpec: the one declaration of a parameter that drives initialisation, sharding, gradient reduction, norm,
// checkpoint, conversion and the planner's memory table.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "loongforge/core/dtype.h"
#include "loongforge/core/rng.h"
#include "loongforge/spec/mesh.h"

namespace loongforge::spec {

using Shape = std::vector<int64_t>;
int64_t numel(const Shape& shape);

/// An axis-aligned box: elements with start[d] <= index[d] < start[d] + size[d].
struct Box {
  Shape start, size;
  int64_t numel() const;
  friend bool operator==(const Box&, const Box&) = default;
};
Box full_box(const Shape& shape);
/// Intersection, empty optional when there is none.
std::optional<Box> intersect(const Box& a, const Box& b);

enum class Codec : uint8_t { plain, fp8_block };

/// How (part of) a published tensor lies in the logical one: reshape hf_shape to view_shape, permute its dimensions by
/// view_perm, then src_box of that view is dst_box of the logical tensor (both boxes have equal sizes after dropping
/// dimensions of size 1). Empty view_shape/view_perm mean "as it is".
struct Piece {
  std::string hf_name;
  Shape hf_shape;
  Shape view_shape;
  std::vector<int> view_perm;
  Box src_box, dst_box;
  Codec codec = Codec::plain;
  std::vector<std::string> copies;  ///< further published names holding the same values (tied heads, MTP duplicates)
};

enum class TooFew : uint8_t { error, replicate };

/// Cuts dimension `dim` of the logical tensor over mesh axis `axis` in whole units of `unit` rows. A unit is
/// `unit == parts·part + shared` rows: `parts` equal parts and `shared` trailing rows. While the axis has no more ranks than units, a
/// rank holds whole units (their number padded up to a multiple of the axis size). With more ranks than units and
/// on_too_few == replicate, ranks split the parts of a unit (padded up) and each holds a copy of the shared rows, whose
/// gradients are then summed over the ranks that share the unit. Example, fused qkv of GQA 6/2, head_dim d:
/// unit (3+2)·d, parts 3, part d, shared 2·d; its o_proj: dim 1, unit 3·d, parts 3, part d, shared 0.
struct Shard {
  Axis axis = Axis::tp;
  int dim = 0;
  int64_t unit = 1;
  int64_t parts = 1;
  int64_t shared = 0;
  int64_t pad_to = 1;  ///< the dimension is first padded to a multiple of pad_to × axis size (vocabulary: 128); 1: to the axis size in units
  TooFew on_too_few = TooFew::error;
};

/// How a Shard cuts one dimension; the same on every rank of the axis. An axis of one rank cuts and pads nothing.
struct ShardSplit {
  int64_t units = 1;           ///< units a rank holds (padded ones included)
  int64_t parts = 1;           ///< parts of each of those units (padded ones included)
  int64_t ranks_per_unit = 1;  ///< neighbouring ranks among which a unit is split
  int64_t extent = 0;          ///< local rows: units · (parts · part + shared)
};
/// Ranks that share a unit are equally many: the units are padded to a divisor of the axis size first.
/// Throws ConfigError when there are fewer units than ranks and on_too_few is error.
ShardSplit shard_split(const Shard& shard, int64_t extent, int ranks);

namespace init {
struct Zeros {};
struct Ones {};
struct Normal { double std = 0.02; };
struct Uniform { double low = 0, high = 1; };
struct Xavier {};  ///< uniform(±sqrt(6/(fan_in+fan_out))) over the published tensor's last two dimensions
/// A named function of (key, element index in the published tensor).
struct Function { std::string name; std::function<double(RngKey, uint64_t)> value; };
}  // namespace init
using Init = std::variant<init::Zeros, init::Ones, init::Normal, init::Uniform, init::Xavier, init::Function>;

enum class ModuleKind : uint8_t { embedding, qkv, attn_out, mlp_in, mlp_out, norm, router, expert, head, patch, other };
std::string_view module_kind_name(ModuleKind kind);

/// Where the input of the op that uses the parameter lives, from which the reduction of its gradient over tp follows.
enum class InputRegion : uint8_t {
  replicated,  ///< whole activations on every tp rank: every rank has the full gradient
  seq_shard,   ///< outside the tp regions: a sequence shard when sequence parallelism is on, whole otherwise
  head_shard,  ///< this rank's heads or columns: always a partial gradient
  expert,      ///< this rank's experts
};
enum class Update : uint8_t { gradient, statistic, frozen };
enum class OptimizerUnit : uint8_t { element, matrix };

struct ParamDtypes {
  std::optional<Dtype> param, grad, master, disk;  ///< unset: the run's policy
};
struct ParamGroup {
  double lr_scale = 1.0;
  bool weight_decay = true;  ///< false for biases, norms and other 1-D parameters
};

struct ParamSpec {
  std::string name;  ///< unique over the model; equal names in two blocks are one (tied) parameter
  Shape logical_shape;
  std::vector<Piece> pieces;  ///< disjoint; elements that none fills are zero, stay zero and aren't published
  std::vector<Shard> shards;
  ParamDtypes dtype;
  Init init = init::Normal{};
  ModuleKind module_kind = ModuleKind::other;
  InputRegion input_region = InputRegion::replicated;
  std::string tie_group;  ///< non-empty when several blocks use it
  std::string component;  ///< "language_model", "vision"…
  ParamGroup group;
  Update update = Update::gradient;
  OptimizerUnit optimizer_unit = OptimizerUnit::element;
};

/// A parameter stored exactly as published, under one name.
ParamSpec plain_param(std::string hf_name, Shape shape, ModuleKind kind, Init init);

/// Same-size boxes of the logical tensor and of a rank's local one.
struct BoxMap {
  Box logical, local;
};
/// What one rank holds of a logical tensor. Local elements that no box covers are padding: zero, untrained, never written.
struct LocalLayout {
  Shape shape;
  std::vector<BoxMap> boxes;
  int64_t shared_ranks = 1;        ///< number of neighbouring ranks of the axis that hold copies of the shared rows
  std::vector<Box> shared_boxes;   ///< local boxes of those copies (empty when shared_ranks == 1)
  bool padded() const;
};
/// Throws ConfigError when a shard has too few units and on_too_few is error.
LocalLayout local_layout(const ParamSpec& spec, const Mesh& mesh);

/// How the gradient of a parameter must be completed over tp after backward.
enum class TpReduction : uint8_t { none, sum, sum_shared };
TpReduction tp_reduction(const ParamSpec& spec, const Mesh& mesh, bool sequence_parallel);

/// The boxes that make up elements [begin, end) of a row-major tensor of `shape` (a ZeRO range of a parameter).
std::vector<Box> boxes_of_range(const Shape& shape, int64_t begin, int64_t end);

/// Value of element `index` (row-major) of the published tensor `hf_name` under `seed`.
double init_value(const Init& init, uint64_t seed, const std::string& hf_name, const Shape& hf_shape, uint64_t index);
/// The values of elements first, first + stride, … of the published tensor, bit for bit those of init_value.
void init_values(const Init& init, uint64_t seed, const std::string& hf_name, const Shape& hf_shape, uint64_t first,
                 uint64_t stride, std::span<double> out);

}  // namespace loongforge::spec
