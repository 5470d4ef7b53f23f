#!/bin/sh
# usage: build_crypto.sh SOURCES SCRATCH OUTPUT
set -eu
cmake -S "$1" -B "$2" -DCMAKE_BUILD_TYPE=Release -DCMAKE_POSITION_INDEPENDENT_CODE=ON
cmake --build "$2" --target crypto
cp "$(find "$2" -name libcrypto.a)" "$3"
