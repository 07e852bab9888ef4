#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the build needs and this machine lacks: Debian packages (third_party/apt.txt; root or sudo) and LibTorch
# (third_party/requirements.txt) into $LOONGFORGE_DEPS (default ~/.cache/loongforge). Where a CUDA toolkit is (nvcc, in
# $CUDA_HOME, /usr/local/cuda or the path) also what LibTorch's CUDA libraries need beside it; with --arrow also Arrow's
# C++ libraries (third_party/requirements-arrow.txt). Prints the LibTorch folder as the last line. Costs well under a
# second when nothing is missing.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
deps=${LOONGFORGE_DEPS:-${XDG_CACHE_HOME:-$HOME/.cache}/loongforge}
say() { printf 'setup: %s\n' "$*" >&2; }
fail() { printf 'error: %s\nhint: %s\n' "$1" "$2" >&2; exit 7; }

install_packages() {
  local wanted missing=() package as_root=()
  wanted=$(grep -vE '^#|^$' "$root/third_party/apt.txt")
  for package in $wanted; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || fail "this is not Debian or Ubuntu, and these packages are missing: ${missing[*]}" \
    "install their equivalents, then build with: cmake --preset release -DTORCH_DIR=<LibTorch folder>"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "missing packages need root: ${missing[*]}" "run tools/setup.sh as root once"
    as_root=(sudo)
  fi
  say "installing ${#missing[@]} packages: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 </dev/null
}

# fetch REQUIREMENTS FOLDER: the wheels of the file, unpacked into a new folder.
fetch() {
  rm -rf "$2"
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --require-hashes \
    --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 --abi none \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 --platform manylinux_2_17_x86_64 \
    --platform manylinux2014_x86_64 --target "$2" -r "$1" >&2
}

stamp_of() { grep -vE '^#' "$1" | sha256sum | cut -c1-12; }

has_toolkit() { [ -x "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" ] || command -v nvcc >/dev/null; }

# The folder of LibTorch gets them beside its own: pip would replace what is there.
install_cuda_libraries() {
  local target=$1 list=$root/third_party/requirements-cuda.txt mark
  has_toolkit || return 0
  mark=$target/cuda-$(stamp_of "$list")
  [ -e "$mark" ] && return
  say "installing CUDA libraries (232 MB to download) into $target"
  fetch "$list" "$target/cuda.tmp"
  cp -a "$target/cuda.tmp/." "$target/"
  rm -rf "$target/cuda.tmp"
  touch "$mark"
}

install_torch() {
  if [ -n "${TORCH_DIR:-}" ]; then
    [ -e "$TORCH_DIR/include/ATen/core/Tensor.h" ] || fail "TORCH_DIR=$TORCH_DIR holds no LibTorch" "unset it, or name a folder with include/ and lib/"
    printf '%s\n' "$TORCH_DIR"
    return
  fi
  local list=$root/third_party/requirements.txt target
  target=$deps/libtorch-$(stamp_of "$list")
  if [ ! -e "$target/complete" ]; then
    local free
    mkdir -p "$deps"
    free=$(df -Pm "$deps" | awk 'NR==2 {print $4}')
    [ "$free" -ge 2500 ] || fail "$deps has $free MiB free; LibTorch needs 2500 MiB while it is unpacked" "free some space or set LOONGFORGE_DEPS to another disk"
    say "installing LibTorch (545 MB to download) into $target"
    rm -rf "$target"
    fetch "$list" "$target.tmp"
    touch "$target.tmp/complete"
    mv "$target.tmp" "$target"
  fi
  install_cuda_libraries "$target"
  printf '%s\n' "$target/torch"
}

# Into arrow-VERSION, where CMake looks for it.
install_arrow() {
  local pin target
  pin=$(sed -n 's/^pyarrow==\([0-9.]*\).*/\1/p' "$root/third_party/requirements-arrow.txt")
  target=$deps/arrow-$pin
  [ -e "$target/complete" ] && return
  say "installing Arrow (55 MB to download) into $target"
  rm -rf "$target"
  mkdir -p "$deps"
  fetch "$root/third_party/requirements-arrow.txt" "$target.tmp"
  touch "$target.tmp/complete"
  mv "$target.tmp" "$target"
}

install_packages
if [ "${1:-}" = --arrow ]; then install_arrow; fi
install_torch
